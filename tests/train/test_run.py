"""Recipes and run folders: what is checked before anything starts."""

from pathlib import Path

import pytest

from soli.errors import InputError, UsageError
from soli.nested import flatten
from soli.train.objectives import check_terms
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
        ("optim.stepps=1", "did you mean steps"),
        ("optim.lr=fast", "optim.lr"),
        ("optim.steps=0", "greater than 0"),
        ("objective={}", "objective"),
        ("seed", "key=value"),
        ("name.x=1", "single value"),
        ("rest=voice", "last of the sources"),
        ("sources=[Voice, noise]", "sources"),
        ("sources=[noise]", "nothing is left"),
        ("sources=[a, a, noise]", "named twice"),
    ],
)
def test_a_wrong_setting_is_named(recipe: Path, override: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_terms(read_recipe(recipe, [override]).objective)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_offers_near_names() -> None:
    with pytest.raises(UsageError, match="voice"):
        find_recipe("voise")


def test_every_shipped_recipe_is_valid() -> None:
    from soli.train.network import network_settings

    folder = find_recipe("voice").parent
    for path in folder.glob("*.yaml"):
        network_settings(read_recipe(path))


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
