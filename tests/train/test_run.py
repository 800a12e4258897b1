"""Recipes and run folders: what is checked before anything starts."""

from pathlib import Path

import pytest

from soli.cli.main import main
from soli.errors import InputError, UsageError
from soli.nested import flatten
from soli.train.losses.table import check_terms
from soli.train.network import network_settings
from soli.train.run import RunFolder, check_settings, find_recipe, read_recipe

RECIPE = """
name: tiny
family: band_split
sources: [voice, noise]
rest: noise
objective: {soft_snr: 1}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_lists_only_what_differs(recipe: Path) -> None:
    settings = read_recipe(recipe)
    assert settings.outputs == 1
    assert settings.optim.batch == 16


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("optim.lr=3e-4", "optim.lr", 3e-4),
        ("optim.steps=7", "optim.steps", 7),
        ("network.hidden=12", "network.hidden", 12),
        ("data.valid=v.jsonl", "data.valid", "v.jsonl"),
        ("rest=null", "rest", None),
        ("sources=[a, noise]", "sources", ("a", "noise")),
    ],
)
def test_overrides_reach_the_setting(recipe: Path, override: str, key: str, value: object) -> None:
    assert flatten(read_recipe(recipe, [override]).model_dump())[key] == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optim.learning=1", "optim.learning"),
        ("optim.stepps=1", '--set: there is no setting "optim.stepps"; did you mean steps?'),
        ("sources=voice", "--set: sources: should be a list, such as [voice, noise]"),
        ("optim=3", "--set: optim: should be a group of settings"),
        ("optim.lr=fast", "optim.lr"),
        ("optim.steps=0", "greater than 0"),
        ("objective={}", "objective"),
        ("seed", "key=value"),
        ("name.x=1", "single value"),
        ("rest=voice", "last of the sources"),
        ("sources=[../voice, noise]", "sources"),
        ("sources=[noise]", "nothing is left"),
        ("sources=[]", 'rest "noise" must be the last of the sources []'),
        ("sources=[a, a, noise]", "named twice"),
        ("interchangeble=true", "did you mean interchangeable"),
        ("consistant=true", "did you mean consistent"),
        ("data.valid_row=3", "did you mean valid_rows"),
        ("interchangeable=true", 'the rest "noise" could be any of the others'),
        ("consistent=true", "sum up already"),
        ("objective={soft_snr: -1}", "soft_snr: a weight of -1"),
        ("objective={soft_snr: .nan}", "objective.soft_snr: Input should be a finite number"),
        ("sources=[a", "--set sources: [a is not YAML"),
        ("data.valid='v", "--set data.valid: 'v is not YAML"),
        ("seed=-1", "--set: seed: Input should be greater than or equal to 0"),
        ("optim.lr=inf", "--set: optim.lr: Input should be a finite number"),
        ("objective={soft_snr: 0}", "something to learn"),
        ("objective={multi_resolution_sfft: 1}", "did you mean multi_resolution_stft"),
    ],
)
def test_a_wrong_setting_is_named(recipe: Path, override: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_terms(read_recipe(recipe, [override]).objective, kind="mask")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["interchangeable", "consistent"])
def test_one_source_alone_is_neither_interchangeable_nor_consistent(recipe: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: needs two sources or more, and voice is alone"):
        read_recipe(recipe, ["sources=[voice]", "rest=null", f"{name}=true"])


def test_orders_that_are_too_many_to_try_are_refused(recipe: Path) -> None:
    for count, refused in ((5, False), (6, True)):
        names = ", ".join(f"s{index}" for index in range(count))
        overrides = [f"sources=[{names}]", "rest=null", "interchangeable=true"]
        if refused:
            with pytest.raises(UsageError, match="6 sources have too many orders"):
                read_recipe(recipe, overrides)
        else:
            assert read_recipe(recipe, overrides).outputs == count


def test_an_unknown_recipe_offers_near_names() -> None:
    with pytest.raises(UsageError, match="voice"):
        find_recipe("voise")
    with pytest.raises(UsageError, match="speakers/conv_tasnet"):
        find_recipe("speakers/convtasnet")
    assert find_recipe("speakers/conv_tasnet").is_file()
    assert find_recipe("recipes/compare-voice-noise/unet.yaml").is_file()


def test_every_shipped_recipe_is_valid() -> None:
    from soli.train.fit import check_fit
    from soli.train.network import network_settings

    folder = find_recipe("voice").parent
    recipes = [path for path in folder.rglob("*.yaml") if path.relative_to(folder).parts[0] != "data"]
    assert len(recipes) > 8
    for path in recipes:
        settings = read_recipe(path)
        check_fit(settings)
        network_settings(settings)


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    for text in ("", "- a\n- b\n", "a: [", "\x00"):
        path = tmp_path / "x.yaml"
        path.write_text(text)
        with pytest.raises(UsageError):
            read_recipe(path)


def test_a_folder_is_not_overwritten_by_a_second_run(recipe: Path, tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), read_recipe(recipe)
    folder.create(settings, {})
    with pytest.raises(UsageError, match="--resume"):
        folder.create(settings, {})


def test_changed_settings_are_named_on_resume(recipe: Path, tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), read_recipe(recipe)
    folder.create(settings, {"sha256": "one"})
    folder.check_unchanged(settings, {"sha256": "one"})
    with pytest.raises(UsageError, match=r"optim\.lr: 0\.001 -> 0\.002"):
        folder.check_unchanged(read_recipe(recipe, ["optim.lr=0.002"]), {"sha256": "one"})
    with pytest.raises(UsageError, match="sha256: one -> two"):
        folder.check_unchanged(settings, {"sha256": "two"})
    with pytest.raises(UsageError, match=r"with other settings: network\.bands: None -> 20;"):
        folder.check_unchanged(read_recipe(recipe, ["network.bands=20"]), {"sha256": "one"})


def test_a_run_is_not_gone_on_with_by_another_budget(recipe: Path, tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), read_recipe(recipe)
    folder.create(settings, {}, budget={"--minutes": 20, "optim.warmup": 100})
    folder.go_on(settings, {}, budget={"--minutes": 20, "optim.warmup": 100})
    folder.go_on(settings, {})
    for other, said in (
        ({"--minutes": 60, "optim.warmup": 100}, "--minutes: 20 -> 60;"),
        ({"--minutes": 20, "optim.warmup": 7}, r"optim\.warmup: 100 -> 7;"),
    ):
        with pytest.raises(UsageError, match=f"was started with other settings: {said}"):
            folder.go_on(settings, {}, budget=other)


def test_a_run_of_before_budgets_were_written_down_goes_on(recipe: Path, tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), read_recipe(recipe)
    folder.create(settings, {})
    folder.go_on(settings, {}, budget={"--minutes": 20})
    with pytest.raises(UsageError, match="--minutes: 20 -> 60"):
        folder.go_on(settings, {}, budget={"--minutes": 60})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": {}}', "3"])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json (is damaged|lacks (data|settings))"):
        RunFolder(tmp_path).read()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("network.stft={nfft: 3, hop: 1}", 'no setting "network.stft.nfft"; did you mean n_fft?'),
        ("network.featurs=3", 'no setting "network.featurs"; did you mean features?'),
        ("network.outputs=5", "network.outputs: 5; the sources and the rest say how many"),
    ],
)
def test_a_wrong_setting_of_the_network_is_named(recipe: Path, override: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        network_settings(read_recipe(recipe, [override]))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--minutes", "0"], "--minutes 0; wanted a positive number of minutes"),
        (["--minutes", "nan"], "wanted a positive number of minutes"),
        (["--minutes", "20", "--set", "optim.steps=7"], "--minutes with --set optim.steps; wanted one of them"),
    ],
)
def test_minutes_that_cannot_be_are_refused(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(["train", str(recipe), "--data", "none.jsonl", "--out", str(tmp_path / "run"), *words]) == 2
    assert says in capsys.readouterr().err


def test_an_empty_folder_holds_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json"):
        RunFolder(tmp_path).read()


def test_settings_survive_the_run_folder(recipe: Path, tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), read_recipe(recipe, ["network.bands=20"])
    folder.create(settings, {"packages": []})
    assert folder.read() == (settings, {"packages": []})


def test_settings_that_do_not_exist_are_refused_everywhere() -> None:
    with pytest.raises(UsageError, match=r'no setting "watch\.pathience"; did you mean patience'):
        check_settings(
            {"name": "a", "family": "b", "sources": ["x"], "objective": {"soft_snr": 1}, "watch": {"pathience": 1}},
            where="here",
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nfamilly: unet\n", 'there is no setting "familly"; did you mean family?'),
        ("name: x\nfamily: unet\nsources: [voice]\n", "objective: is missing"),
        ("name: x\noptim: {stps: 3}\n", 'there is no setting "optim.stps"; did you mean steps?'),
    ],
)
def test_a_wrong_key_of_a_recipe_is_named_before_one_that_is_missing(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recipe(path, ["seed=3"])
    assert str(caught.value) == f"{path}: {words}"
