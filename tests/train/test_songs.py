"""Training on songs: one target by its name, one song left out, mixtures of which so many are distinct."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from soli.cli.main import main
from soli.data.folds import leave_one_out
from soli.data.manifest import Manifest, Row, read_manifest, write_manifest
from soli.data.readers.bach10 import read_bach10
from soli.data.render import Rendered
from soli.data.song_mixing import SongMixer, SongMixing
from soli.errors import DataError, UsageError
from soli.modelfile import read_model
from soli.train.data_source import open_data
from soli.train.dataset import Cyclic, Mixed, Mixtures
from soli.train.network import network_settings
from soli.train.run import find_recipe, read_recipe
from soli.train.target import for_target
from trees import BACH10_PIECES, bach10

SOURCES = ("violin", "clarinet", "saxophone", "bassoon")
# The published ladder: distinct mixtures, hidden, layers, dropout, iterations an epoch, epochs.
LADDER = {
    "a": (10, 50, 1, 0.0, 10, 1),
    "b": (10, 50, 2, 0.2, 10, 1),
    "c": (10, 100, 2, 0.2, 10, 1),
    "d": (10, 100, 2, 0.2, 25, 3),
    "e": (10, 200, 2, 0.2, 25, 3),
    "f": (1, 200, 2, 0.2, 25, 3),
}
BRIEF = ("data.duration_s=0.4", "data.workers=0", "optim.steps=1", "optim.batch=1", "network.hidden=4")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("songs")
    rows = read_bach10(bach10(root, pieces=4, duration_s=0.5)).rows()
    parts = [row.parts for row in rows]
    paths = [[part.model_copy(update={"path": f"Bach10/{part.path}"}) for part in row] for row in parts]
    moved = [
        row.model_copy(update={"parts": tuple(new), "mixture": None, "mixture_sha256": ""})
        for row, new in zip(rows, paths, strict=True)
    ]
    write_manifest(root / "songs.jsonl", moved)
    return root / "songs.jsonl"


def call(songs: Path, out: Path, *options: object) -> list[str]:
    changes = [word for change in BRIEF for word in ("--set", change)]
    return [str(word) for word in ("train", "bach10/model-e", "--data", songs, "--out", out, *changes, *options)]


@pytest.mark.parametrize("letter", LADDER)
def test_the_recipes_are_the_published_ladder(letter: str) -> None:
    distinct, hidden, layers, dropout, iterations, epochs = LADDER[letter]
    settings = read_recipe(find_recipe(f"bach10/model-{letter}"))
    network = network_settings(settings)
    assert settings.name == f"model-{letter}"
    assert settings.family == "blstm_mask"
    assert network.model_dump(include={"hidden", "layers", "dropout", "sample_rate", "outputs", "causal"}) == {
        "hidden": hidden,
        "layers": layers,
        "dropout": dropout,
        "sample_rate": 44100,
        "outputs": 1,
        "causal": False,
    }
    assert network.stft.model_dump() == {"n_fft": 512, "hop": 128, "window": "sqrt_hann"}
    assert settings.objective == {"l1_magnitude": 1}
    assert (settings.data.distinct, settings.data.duration_s) == (distinct, 25)
    assert (settings.optim.steps, settings.watch.valid_every) == (iterations * epochs, iterations)
    assert (settings.optim.lr, settings.optim.batch, settings.optim.weight_decay) == (1e-3, 5, 0)
    assert (settings.optim.warmup, settings.optim.descent, settings.optim.ema) == (0, 0, 0)
    mixing = settings.data.mixing
    assert mixing == SongMixing()
    assert (mixing.start_s, mixing.pitch_semitones, mixing.stretch) == ((0, 7), (-2, 2), (0.8, 1.2))
    assert (mixing.gain_db, mixing.incoherent, mixing.stretched) == ((-5, 5), 0, 1)


def test_the_page_beside_the_recipes_says_what_they_say() -> None:
    page = (find_recipe("bach10/model-a").parent / "README.md").read_text(encoding="utf-8")
    for letter, values in LADDER.items():
        assert f"| {letter.upper()} | {' | '.join(f'{value:g}' for value in values)} |" in page


@pytest.mark.parametrize("recipe", ["bach10/unet", "chamber"])
def test_a_network_for_all_four_is_trained_on_a_fold(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    brief = [
        "optim.steps=1",
        "optim.batch=1",
        "data.duration_s=0.5",
        "data.workers=0",
        "network.channels=2",
        "data.valid_rows=1",
    ]
    changes = [word for change in brief for word in ("--set", change)]
    words = ["train", recipe, "--data", str(songs), "--leave-out", "3", "--out", str(tmp_path / "run"), *changes]
    assert main(words) == 0
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "all.soli.onnx")]) == 0
    info, _ = read_model(tmp_path / "all.soli.onnx")
    assert info.sources == SOURCES
    assert info.complete


def test_a_target_is_trained_on_a_fold_and_becomes_a_model(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(call(songs, out, "--target", "bassoon", "--leave-out", 3)) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["sources"] == ["bassoon", "rest"]
    assert record["settings"]["rest"] == "rest"
    assert record["settings"]["name"] == "model-e-bassoon"
    assert record["settings"]["data"]["leave_out"] == 3
    assert record["data"]["fold"] == {
        "train": list(BACH10_PIECES[:2]),
        "valid": [BACH10_PIECES[3]],
        "test": [BACH10_PIECES[2]],
    }
    assert main(["export", str(out), "--out", str(tmp_path / "x.soli.onnx")]) == 0
    info, _ = read_model(tmp_path / "x.soli.onnx")
    assert (info.sources, info.rest) == (("bassoon", "rest"), "rest")
    capsys.readouterr()
    for options, said in (
        (("--target", "bassoon", "--leave-out", 2), "data.leave_out: 3 -> 2"),
        (("--target", "violin", "--leave-out", 3), "name: model-e-bassoon -> model-e-violin"),
    ):
        assert main(call(songs, out, *options, "--resume")) == 2
        assert said in capsys.readouterr().err
    assert main(call(songs, out, "--target", "bassoon", "--leave-out", 3, "--resume")) == 0


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--target", "basoon", "--leave-out", 3), "no item holds the source basoon", 1),
        (("--target", "basoon", "--leave-out", 3), "wanted data with the sources basoon; did you mean bassoon", 1),
        (("--target", "rest"), "--target rest is what a target leaves", 2),
        (("--leave-out", 11), "there is no song 11 to leave out; wanted one of 1, 2, 3, 4", 2),
        ((), 'no rows of split "train"', 1),
        (("--leave-out", 1, "--set", "data.valid=v.jsonl"), "both say what to validate on", 2),
        (("--set", "data.mixing.incoherent=2"), "data.mixing.incoherent", 2),
        (("--set", "data.mixing.incohrent=1"), "did you mean incoherent", 2),
        (("--set", "data.remix=true"), "remix has no effect", 2),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_made(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], said: str, code: int
) -> None:
    assert main(call(songs, tmp_path / "run", *options)) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_any_recipe_gives_a_run_of_one_target() -> None:
    settings = for_target(read_recipe(find_recipe("voice")), "cello")
    assert (settings.sources, settings.rest, settings.outputs) == (("cello", "rest"), "rest", 1)
    with pytest.raises(UsageError, match="interchangeable"):
        for_target(read_recipe(find_recipe("speakers/conv_tasnet")), "cello")
    with pytest.raises(UsageError, match="set rest: rest"):
        read_recipe(find_recipe("voice"), ["sources=[voice, rest]", "rest=null"])


def mixed(manifest: Manifest) -> Mixed:
    rows = [row.model_copy(update={"split": "train"}) for row in manifest.rows]
    return Mixed(SongMixer(rows, SongMixing(), split="train", duration_s=0.4, seed=1), root=manifest.root)


def test_targets_go_by_name_and_the_rest_is_what_they_leave(songs: Path) -> None:
    manifest = read_manifest(songs)
    turned = tuple(row.model_copy(update={"sources": row.sources[::-1]}) for row in manifest.rows)
    item = mixed(manifest)(0)
    for rows in (manifest.rows, turned):
        items = mixed(Manifest(rows, manifest.root, ""))
        stems = items(0).stems
        mixture, targets = Mixtures(items, ("bassoon", "rest"))[0]
        np.testing.assert_array_equal(targets[0], stems["bassoon"][0])
        others = sum(stems[source][0] for source in SOURCES[:3])
        np.testing.assert_allclose(targets[1], others, atol=1e-5)
        np.testing.assert_allclose(targets.sum(axis=0), mixture, atol=1e-6)
    assert tuple(item.stems) == SOURCES


def test_so_many_items_are_distinct(songs: Path) -> None:
    items = Cyclic(mixed(read_manifest(songs)), distinct=3)
    assert [items.row(index).id for index in range(7)] == [f"train-{index % 3:06d}" for index in range(7)]
    np.testing.assert_array_equal(items(4).mixture, items(1).mixture)
    settings = read_recipe(find_recipe("bach10/model-f"), ["data.duration_s=0.4", "data.leave_out=2"])
    source = open_data(settings, songs)
    assert {source.items.row(index).id for index in range(50)} == {"train-000000"}
    assert set(source.items.row(0).meta["songs"].values()) <= {BACH10_PIECES[0], BACH10_PIECES[3]}


class Counted:
    """Items that count how often each is rendered."""

    def __init__(self, items: Mixed) -> None:
        self.items, self.sample_rate, self.rendered = items, items.sample_rate, Counter[int]()

    def row(self, index: int) -> Row:
        return self.items.row(index)

    def __call__(self, index: int) -> Rendered:
        self.rendered[index] += 1
        return self.items(index)


def test_distinct_items_are_rendered_once_as_far_as_there_is_room(songs: Path) -> None:
    plain = mixed(read_manifest(songs))
    one = plain(0)
    size = one.mixture.nbytes * (1 + len(one.stems))
    for kept_bytes, wanted in ((3 * size, [1, 1, 1]), (2 * size, [1, 1, 4]), (0, [4, 4, 4])):
        items = Counted(plain)
        mixtures = Mixtures(Cyclic(items, distinct=3, kept_bytes=kept_bytes), ("violin", "rest"))
        expected = [Mixtures(plain, ("violin", "rest"))[place] for place in range(3)]
        for index in range(12):
            mixture, targets = mixtures[index]
            np.testing.assert_array_equal(mixture, expected[index % 3][0])
            np.testing.assert_array_equal(targets, expected[index % 3][1])
            targets.zero_()  # what a step does to its batch is not seen by the next
        assert [items.rendered[place] for place in range(3)] == wanted


def test_songs_that_leak_are_not_mixed(songs: Path, tmp_path: Path) -> None:
    rows = read_manifest(songs).rows
    parts = [tuple(p.model_copy(update={"path": str(songs.parent / p.path)}) for p in row.parts) for row in rows]
    rows = tuple(row.model_copy(update={"parts": new}) for row, new in zip(rows, parts, strict=True))
    leaking = [
        rows[0].model_copy(update={"split": "train", "id": "a", "meta": {}}),
        rows[0].model_copy(update={"split": "valid", "id": "b", "meta": {}}),
    ]
    write_manifest(tmp_path / "leak.jsonl", leaking)
    settings = read_recipe(find_recipe("bach10/model-a"), ["data.duration_s=0.4"])
    with pytest.raises(DataError, match=r"row b holds .* and row a holds it too"):
        open_data(settings, tmp_path / "leak.jsonl")
    write_manifest(tmp_path / "train.jsonl", leaking[:1])
    write_manifest(tmp_path / "valid.jsonl", leaking[1:])
    apart = read_recipe(find_recipe("bach10/model-a"), ["data.duration_s=0.4", "data.valid=valid.jsonl"])
    with pytest.raises(DataError, match=r"row b holds .* and row a holds it too"):
        open_data(apart, tmp_path / "train.jsonl")
    held = [
        rows[0].model_copy(update={"split": "train", "id": "0001-bwv255", "meta": {}}),
        rows[1].model_copy(update={"split": "valid", "id": "0002-bwv7.7", "meta": {}}),
    ]
    write_manifest(tmp_path / "held.jsonl", held)
    with pytest.raises(DataError, match="0001-bwv255 of split train is a chorale of Bach10"):
        open_data(settings, tmp_path / "held.jsonl")


@pytest.mark.parametrize("mixing", ["data.mixing.incoherent=0.5", "data.mixing=null"])
def test_what_is_for_testing_is_not_trained_on_under_whatever_split(songs: Path, mixing: str) -> None:
    """Mixed anew or not: only a fold may use the chorales of Bach10, and not the one that it leaves out."""
    write_manifest(songs.with_name("fold.jsonl"), leave_one_out(read_manifest(songs).rows, 2))

    def said(data: str, *changes: str) -> str:
        settings = read_recipe(find_recipe("chamber"), ["data.duration_s=0.4", mixing, *changes])
        try:
            open_data(settings, songs.with_name(data))
        except DataError as error:
            return str(error)
        return ""

    assert said("songs.jsonl", "data.leave_out=2") == ""
    assert said("fold.jsonl") == ""
    whole = said("songs.jsonl", "data.split=all", "data.valid_split=all")
    assert "AchGottundHerr of split all is a chorale of Bach10, which is for testing only; and 3 more; wanted" in whole
    left_out = said("fold.jsonl", "data.split=test")
    assert "02-AchLiebenChristen of split test is a chorale of Bach10, which is for testing only; wanted" in left_out
