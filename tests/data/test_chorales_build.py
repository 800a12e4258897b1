"""A built set: Bach10's layout, exact sums, the same bytes again, also after a kill; and what it refuses."""

import csv
import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_chorales import keep_scores
from made_fonts import plain_zone, quartet_patches, quartet_sf2, sf2

from soli.cli.main import main
from soli.data.corpora.bach10_songs import held_out_songs
from soli.data.corpora.chorales import Fonts, Settings, build
from soli.data.corpora.fonts import Source
from soli.data.corpora.performance import Performance
from soli.data.library import Split
from soli.data.readers.bach10 import read_bach10
from soli.errors import DataError, OutputError, UsageError
from soli.media.audio import probe, read_audio

SMALL = Settings(train=3, valid=1, test=2, seed=5)


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Fonts:
    """Two to train with, one of which has no bassoon."""
    folder = tmp_path_factory.mktemp("fonts")
    train, valid = (
        quartet_sf2(folder / f"{name}.sf2", partials=(1, share)) for name, share in (("a", 0.5), ("b", 0.2))
    )
    trio = sf2(folder / "trio.sf2", {program: [plain_zone()] for program in (40, 71, 65)})
    test = quartet_patches(folder / "pats")
    paths: dict[Split, tuple[Path, ...]] = {"train": (train, trio), "valid": (valid,), "test": (test,)}
    return {split: tuple(Source.of(path) for path in each) for split, each in paths.items()}


def font_options(fonts: Fonts) -> list[str]:
    return [f"--font={split}={source.path}" for split, sources in fonts.items() for source in sources]


@pytest.fixture(scope="module")
def built(fonts: Fonts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    keep_scores(out)
    result = build(out, SMALL, fonts)
    assert (result.pieces, result.written, result.kept) == ({"train": 3, "valid": 1, "test": 2}, 6, 0)
    return out


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_is_a_set_in_bach10s_layout_with_exact_sums(built: Path) -> None:
    found = read_bach10(built)
    assert found.splits == {"train": 3, "valid": 1, "test": 2}
    assert found.ignored == []
    assert held_out_songs(found.rows()) == []
    for song in found.songs:
        folder = built / song.folder
        assert probe(folder / f"{song.id}.wav").subtype == "pcm16"
        assert (song.sample_rate, probe(folder / f"{song.id}.wav").channels) == (44100, 1)
        stems = [read_audio(folder / name).samples for name in song.stems.values()]
        np.testing.assert_array_equal(np.sum(stems, axis=0), read_audio(folder / f"{song.id}.wav").samples)
        assert (folder / f"{song.id}-saxphone.wav").is_file()
    assert [song.title for song in found.songs if song.split == "test"] == ["bwv255", "bwv274"]


def test_notes_are_where_the_annotation_says(built: Path) -> None:
    """Energy before and after the first onset of each part, and the note's pitch in the spectrum after it."""
    folder = next((built / "train").glob("0001-*"))
    performance = Performance.model_validate_json((folder / "performance.json").read_bytes())
    with (folder / f"{folder.name}.notes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(player.notes) for player in performance.players) == 16
    for player, name in zip(performance.players, ("violin", "clarinet", "saxphone", "bassoon"), strict=True):
        row = next(row for row in rows if row["source"] == player.source)
        sound = read_audio(folder / f"{folder.name}-{name}.wav").samples[0]
        start, end = (round(float(row[key]) * 44100) for key in ("onset_s", "offset_s"))
        assert np.abs(sound[: max(start - 100, 0)]).max(initial=0) < 1e-3
        middle = sound[(start + end) // 2 - 4000 : (start + end) // 2 + 4000] * np.hanning(8000)
        levels = np.abs(np.fft.rfft(middle, 65536))
        hz = 440 * 2 ** ((int(row["midi_pitch"]) + float(row["cents"]) / 100 - 69) / 12)
        near = np.abs(np.fft.rfftfreq(65536, 1 / 44100) / hz - 1) < 0.05
        found = np.fft.rfftfreq(65536, 1 / 44100)[near][levels[near].argmax()]
        assert abs(1200 * np.log2(found / hz)) < 40


def test_the_same_bytes_again_with_two_processes(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    again = tmp_path / "set"
    keep_scores(again)
    build(again, SMALL, fonts, workers=2)
    assert contents(again) == contents(built)


def test_more_pieces_are_added_and_what_is_missing_is_made_again(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    grown = shutil.copytree(built, tmp_path / "set")
    lost = next((grown / "train").glob("0002-*"))
    shutil.rmtree(lost)
    result = build(grown, SMALL.model_copy(update={"valid": 2}), fonts)
    assert (result.written, result.kept) == (2, 5)
    assert {path: data for path, data in contents(grown).items() if path.startswith("train")} == {
        path: data for path, data in contents(built).items() if path.startswith("train")
    }
    with pytest.raises(UsageError, match=r"was built with other settings \(valid: 2 -> 1\)"):
        build(grown, SMALL, fonts)
    with pytest.raises(UsageError, match=r"seed: 5 -> 6"):
        build(grown, SMALL.model_copy(update={"seed": 6, "valid": 2}), fonts)
    with pytest.raises(UsageError, match=r"the fonts of train"):
        build(grown, SMALL.model_copy(update={"valid": 2}), {**fonts, "train": fonts["valid"]})


def test_other_fonts_make_another_set(built: Path, fonts: Fonts) -> None:
    one, two = fonts["train"]
    for other in ((one,), (two, one), (one, dataclasses.replace(two, left_out=frozenset({71})))):
        with pytest.raises(UsageError, match=r"other settings \(the fonts of train\)"):
            build(built, SMALL, {**fonts, "train": other})


def test_a_set_that_was_made_by_other_rules_is_left_alone(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    old = shutil.copytree(built, tmp_path / "set")
    record = json.loads((old / "chorales.json").read_text())
    for rules in ({"rules": 1}, {}):
        (old / "chorales.json").write_text(json.dumps({"soli": "0.0.9", "settings": record["settings"], **rules}))
        before = contents(old)
        with pytest.raises(
            UsageError, match=r"was built by soli 0\.0\.9, and cannot be gone on with; build in another"
        ):
            build(old, SMALL, fonts)
        assert contents(old) == before


def test_a_set_that_was_made_from_other_scores_is_left_alone(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    old = shutil.copytree(built, tmp_path / "set")
    scores = json.loads((old / "scores.json").read_text())
    first = next((old / "train").glob("0001-*")).name
    (old / "scores.json").write_text(json.dumps([each for each in scores if f"bwv{each['bwv']}" not in first]))
    before = contents(old)
    with pytest.raises(UsageError, match=rf"was built from other scores \(train/{first} would be 0001-"):
        build(old, SMALL, fonts)
    assert contents(old) == before


def test_a_folder_that_is_no_piece_of_the_set_is_told(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    old = shutil.copytree(built, tmp_path / "set")
    (old / "train" / "0001-bwv999").mkdir()
    with pytest.raises(OutputError, match="holds train/0001-bwv999, which is none of its pieces"):
        build(old, SMALL, fonts)


def test_the_fonts_and_their_terms_are_told(built: Path) -> None:
    told = json.loads((built / "chorales.json").read_text())["fonts"]
    assert [each["name"] for each in told["train"]] == ["a.sf2", "trio.sf2"]
    assert list(json.loads((built / "licences.json").read_text())) == ["a.sf2", "trio.sf2", "b.sf2", "pats", "music21"]
    assert "| train | 3 | a.sf2, trio.sf2 |" in (built / "README.md").read_text()
    drawn = [Performance.model_validate_json(path.read_bytes()) for path in built.glob("*/*/performance.json")]
    assert {player.font for each in drawn for player in each.players if each.split == "train"} == {0, 1}
    assert {player.font for each in drawn for player in each.players if each.split != "train"} == {0}
    assert {each.players[3].font for each in drawn} == {0}


def test_a_killed_build_goes_on_to_the_same_bytes(built: Path, fonts: Fonts, tmp_path: Path) -> None:
    out = tmp_path / "set"
    keep_scores(out)
    options = font_options(fonts)
    counts = ["--train", "3", "--valid", "1", "--test", "2", "--seed", "5", "--workers", "1"]
    call = [sys.executable, "-c", "from soli.cli.main import main; raise SystemExit(main())"]
    process = subprocess.Popen([*call, "data", "build", "chorales", str(out), *counts, *options])
    while not list(out.glob("train/0*")) and process.poll() is None:
        time.sleep(0.02)
    assert process.poll() is None, "it was done before it could be killed"
    process.kill()
    process.wait()
    for folder in (path for path in out.glob("*/*") if path.is_dir() and not path.name.startswith(".")):
        assert len(list(folder.iterdir())) == 7
    build(out, SMALL, fonts)
    assert contents(out) == contents(built)


def test_a_font_is_refused_before_anything_is_written(fonts: Fonts, tmp_path: Path) -> None:
    (tmp_path / "text.sf2").write_text("no font at all")
    bad: Fonts = {**fonts, "test": (Source.of(tmp_path / "text.sf2"),)}
    with pytest.raises(DataError, match=r"text\.sf2 is no sound font"):
        build(tmp_path / "set", SMALL, bad)
    assert not (tmp_path / "set").exists()


def test_a_folder_of_something_else_is_left_alone(fonts: Fonts, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("x")
    with pytest.raises(OutputError, match="holds something else; wanted a new or empty folder"):
        build(tmp_path, SMALL, fonts)


def test_what_a_kill_has_left_before_the_first_piece_is_no_hindrance(fonts: Fonts, tmp_path: Path) -> None:
    keep_scores(tmp_path)
    (tmp_path / ".chorales.json.part").write_text("{")
    assert build(tmp_path, Settings(train=1), fonts).written == 1


def test_the_command_tells_what_it_made(built: Path, fonts: Fonts, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["data", "build", "chorales", str(built), "--train", "3", "--valid", "1", "--test", "2", "--seed", "5"]
    call += font_options(fonts)
    assert main([*call, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pieces"], told["written"], told["kept"]) == ({"train": 3, "valid": 1, "test": 2}, 0, 6)
    assert told["hours"] == pytest.approx(6 * 4 / 3600, rel=0.5)
    assert main(call) == 0
    assert f"0 pieces written to {built}, 6 were there before (train 3, valid 1, test 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--font", "train"), "--font train; wanted SPLIT=FONT", 2),
        (("--font", "tain=a.sf2"), "--font tain=a.sf2; wanted SPLIT=FONT; did you mean train", 2),
        (("--font", "test=a", "--font", "test=b"), "--font test was given twice", 2),
        (("--font", "train=a", "--font", "train=a"), "--font train=a was given twice; wanted every font once", 2),
        (("--train", "0", "--valid", "0", "--test", "0"), "no pieces are asked for", 2),
        (("--font", "train=x", "--font", "valid=x", "--font", "test=x"), "no sound font at x", 1),
    ],
)
def test_calls_that_cannot_work_say_why(
    options: tuple[str, ...], said: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "build", "chorales", str(tmp_path / "set"), *options]) == code
    assert f"soli: error: {said}" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
