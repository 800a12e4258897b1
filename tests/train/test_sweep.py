"""Sweeps: which cells there are, what is kept and refused, and that each is the run that `soli train` would make."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from soli.cli.main import main
from soli.cli.sweep import seconds_left
from soli.data.manifest import read_manifest, relocated, write_manifest
from soli.data.readers.bach10 import read_bach10
from soli.errors import InputError, SoliError, UsageError
from soli.evaluation.results import read_lines
from soli.evaluation.sweep import SCORES
from soli.media.audio import read_audio
from soli.separation.api import separate
from soli.train.cell import finish
from soli.train.sweep import Cell, check, plan, seed_of, sweep
from trees import BACH10_PIECES, bach10

BRIEF = ("data.duration_s=0.4", "data.workers=0", "optim.steps=3", "optim.batch=1", "network.hidden=4")
SLOW = (*BRIEF, "data.workers=1", "optim.steps=12", "watch.save_every_s=0.001")
SETS = [word for change in BRIEF for word in ("--set", change)]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("songs")
    top = bach10(root, pieces=4, duration_s=0.5)
    write_manifest(root / "songs.jsonl", relocated(read_bach10(top).rows(), top, root))
    return root / "songs.jsonl"


@pytest.fixture(scope="module")
def swept(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of the bassoon, song 2 left out."""
    out = tmp_path_factory.mktemp("swept") / "sweep"
    assert main(call(songs, out)) == 0
    return out


def call(songs: Path, out: Path, *options: object, sets: list[str] = SETS) -> list[str]:
    recipes = ["sweep", "bach10/model-a", "bach10/model-b"]
    which = ["--targets", "bassoon", "--songs", "2", "--jobs", "2"]
    return [*recipes, "--data", str(songs), "--out", str(out), *which, *sets, *map(str, options)]


def planned(data: Path, out: Path, songs: list[int] | None = None) -> list[Cell]:
    return plan(["bach10/model-a"], data, out, targets=["violin"], songs=songs, overrides=BRIEF)


def test_cells_are_every_combination_song_by_song(songs: Path, tmp_path: Path) -> None:
    cells = plan(["bach10/model-a", "bach10/model-e"], songs, tmp_path, targets=["bassoon", "violin"], songs=[3, 1])
    assert [cell.name for cell in cells] == [
        f"model-{letter}, {target}, song {song}"
        for song in (3, 1)
        for letter in "ae"
        for target in ("bassoon", "violin")
    ]
    first = cells[0]
    assert first.folder == tmp_path / "model-a" / "bassoon" / "song-03"
    assert (first.settings.sources, first.settings.data.leave_out) == (("bassoon", "rest"), 3)
    everything = plan(["bach10/model-a"], songs, tmp_path)
    assert {(cell.target, cell.song) for cell in everything} == {
        (target, song) for target in ("violin", "clarinet", "saxophone", "bassoon") for song in (1, 2, 3, 4)
    }


def test_a_cell_is_the_run_that_train_makes(swept: Path, songs: Path, tmp_path: Path) -> None:
    """Fresh weights: a cell that came after others has those of a run alone, of the same seed."""
    seed = f"seed={seed_of(1, 'bassoon', 2)}"
    for letter in "ab":
        out = tmp_path / letter
        words = ["train", f"bach10/model-{letter}", "--data", str(songs), "--out", str(out), *SETS, "--set", seed]
        assert main([*words, "--target", "bassoon", "--leave-out", "2"]) == 0
        cell = swept / f"model-{letter}" / "bassoon" / "song-02"
        assert (cell / "weights.safetensors").read_bytes() == (out / "weights.safetensors").read_bytes()
        assert json.loads((cell / "run.json").read_text()) == json.loads((out / "run.json").read_text())
        assert {path.name for path in cell.iterdir()} == {
            *("run.json", "log.jsonl", "weights.safetensors"),
            *(f"model-{letter}-bassoon.soli.onnx", "test.jsonl", "scores.jsonl"),
        }


def test_every_cell_of_a_model_has_a_seed_of_its_own(songs: Path, tmp_path: Path) -> None:
    cells = plan(["bach10/model-a", "bach10/model-b"], songs, tmp_path)
    seeds = {(cell.target, cell.song): cell.settings.seed for cell in cells}
    assert len(set(seeds.values())) == len(seeds) == 16
    assert all(cell.settings.seed == seeds[cell.target, cell.song] for cell in cells)
    assert seeds["violin", 1] == 1530874279


def test_scores_are_made_again_without_training_again(songs: Path, tmp_path: Path) -> None:
    """As after a kill between the model and its scores, or where the scores are removed to be made anew."""
    (cell,) = planned(songs, tmp_path / "out", songs=[2])
    finish(cell)
    before = {path.name: path.read_bytes() for path in cell.folder.iterdir()}
    (cell.folder / "scores.jsonl").unlink()
    (cell.folder / "state.safetensors").write_bytes(b"left by a kill")
    log = (cell.folder / "log.jsonl").stat().st_mtime_ns
    finish(cell)
    after = {path.name: path.read_bytes() for path in cell.folder.iterdir()}
    for name in before:
        if name not in ("scores.jsonl", "curves.png"):
            assert after[name] == before[name], name
    assert set(after) == set(before)
    assert (cell.folder / "log.jsonl").stat().st_mtime_ns == log
    was, now = (
        [json.loads(line) | {"seconds": 0} for line in text["scores.jsonl"].splitlines()] for text in (before, after)
    )
    assert now == was


def test_what_would_stop_every_cell_is_said_before_any_begins(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    """Data of another rate than the network's."""
    out = tmp_path / "out"
    sets = [*SETS, "--set", "network.sample_rate=22050"]
    assert main(call(songs, out, sets=sets)) == 2
    said = capsys.readouterr()
    assert said.err.startswith("soli: error: the data have 44100 Hz, the network is set to 22050 Hz")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not out.exists()


def test_scores_are_those_of_the_song_that_was_left_out(swept: Path, songs: Path) -> None:
    """By formulas of their own, from the sounds as files."""
    cell = swept / "model-b" / "bassoon" / "song-02"
    title = BACH10_PIECES[1]
    assert [row.id for row in read_manifest(cell / "test.jsonl").rows] == [title]
    target, rest = read_lines(cell / "scores.jsonl")
    assert (target.id, target.source, rest.source) == (title, "bassoon", "rest")
    folder = songs.parent / "Bach10" / title
    names = ("violin", "clarinet", "saxphone", "bassoon")
    stems = {name: read_audio(folder / f"{title}-{name}.wav").samples for name in names}
    mixture = np.sum(list(stems.values()), axis=0, dtype=np.float32)
    given = separate(mixture, sample_rate=44100, model=cell / "model-b-bassoon.soli.onnx")["bassoon"]
    others = sum(stems[name] for name in names[:3])
    expected = by_hand(stems["bassoon"][0], np.asarray(others)[0], given[0])
    floor = by_hand(stems["bassoon"][0], np.asarray(others)[0], mixture[0])
    for name in SCORES:
        assert target.scores[name] == pytest.approx(expected[name], abs=0.01), name
        if name in ("si_sdr", "si_sir", "snr", "sd_sdr"):  # its SI-SAR and SRR measure rounding alone
            assert target.mixture[name] == pytest.approx(floor[name], abs=0.01), name
            assert target.improvement[name] == pytest.approx(expected[name] - floor[name], abs=0.02), name
    assert (target.ceiling["si_sdr"] or 0) > (target.scores["si_sdr"] or 0)


def by_hand(target: np.ndarray, rest: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """The six scores as the thesis's page writes them, by a least-squares fit and not by a projection."""
    s, r, e = (each.astype(np.float64) - each.mean(dtype=np.float64) for each in (target, rest, estimate))
    alpha = (s @ e) / (s @ s)
    residual = e - alpha * s
    both = np.stack([s, r], axis=1)
    interference = both @ np.linalg.lstsq(both, residual, rcond=None)[0]

    def db(part: np.ndarray, whole: np.ndarray) -> float:
        return float(10 * np.log10((part @ part) / (whole @ whole)))

    return {
        "si_sdr": db(alpha * s, residual),
        "si_sir": db(alpha * s, interference),
        "si_sar": db(alpha * s, residual - interference),
        "snr": db(s, e - s),
        "sd_sdr": db(s, e - s) + float(20 * np.log10(abs(alpha))),
        "srr": float(-20 * np.log10(abs(1 - 1 / alpha))),
    }


def test_what_is_finished_is_kept(swept: Path, songs: Path, capsys: Capture) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(call(songs, swept, "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"out": str(swept), "cells": 2, "done": 0, "kept": 2, "failed": []}
    assert {path: path.stat().st_mtime_ns for path in swept.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("optim.lr=5e-3", "optim.lr: 0.001 -> 0.005"),
        ("export.chunk_s=3", "export.chunk_s: 20.0 -> 3.0"),
        ("seed=7", f"seed: {seed_of(1, 'bassoon', 2)} -> {seed_of(7, 'bassoon', 2)}"),
    ],
)
def test_other_settings_are_refused_where_cells_are_finished(
    swept: Path, songs: Path, capsys: Capture, change: str, said: str
) -> None:
    assert main(call(songs, swept, sets=[*SETS, "--set", change])) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_other_songs_are_refused_where_cells_are_finished(swept: Path, songs: Path, tmp_path: Path) -> None:
    manifest = read_manifest(songs)
    rows = list(relocated(manifest.rows, manifest.root, tmp_path))
    write_manifest(tmp_path / "others.jsonl", [rows[1], rows[2], rows[3]])
    cells = plan(["bach10/model-a"], tmp_path / "others.jsonl", swept, targets=["bassoon"], songs=[2], overrides=BRIEF)
    with pytest.raises(UsageError, match="data of the run"):
        check(cells)


def test_a_sweep_that_was_killed_goes_on_to_the_same_end(songs: Path, tmp_path: Path) -> None:
    sets = [word for change in SLOW for word in ("--set", change)]
    one = ["sweep", "bach10/model-b", "--data", str(songs), "--targets", "violin", "--songs", "1", *sets]
    assert main([*one, "--out", str(tmp_path / "whole")]) == 0
    out = tmp_path / "killed"
    cell = out / "model-b" / "violin" / "song-01"
    command = [sys.executable, "-m", "soli.cli.main", *one, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as run:
        deadline = time.monotonic() + 400
        while not (cell / "state.safetensors").exists():
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
    assert not (cell / "scores.jsonl").exists()
    assert main([*one, "--out", str(out)]) == 0
    for name in ("weights.safetensors", "run.json"):
        whole = (tmp_path / "whole" / cell.relative_to(out) / name).read_bytes()
        assert (cell / name).read_bytes() == whole, name
    assert not (cell / "state.safetensors").exists()


def test_cells_that_fail_are_named_and_stop_no_other(songs: Path, tmp_path: Path) -> None:
    def work(cell: Cell) -> float:
        if cell.song == 2:
            raise InputError("song 2 is out of tune")
        cell.folder.mkdir(parents=True)
        (cell.folder / "scores.jsonl").touch()
        return 1.0

    cells = planned(songs, tmp_path / "out", songs=[1, 2, 3])
    watched: list[tuple[str, float | str]] = []

    def watch(cell: Cell, outcome: float | SoliError) -> None:
        watched.append((cell.name, str(outcome) if isinstance(outcome, SoliError) else outcome))

    failed = sweep(cells, work, tmp_path / "out", jobs=3, watch=watch)
    assert [(each.cell.song, each.error) for each in failed] == [(2, "song 2 is out of tune")]
    assert sorted(watched, key=lambda pair: pair[0]) == [
        ("model-a, violin, song 1", 1.0),
        ("model-a, violin, song 2", "song 2 is out of tune"),
        ("model-a, violin, song 3", 1.0),
    ]
    assert [cell.finished for cell in cells] == [True, False, True]


def test_the_command_names_what_failed(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    """A song that has become shorter than its manifest says, where no fold looks before it is rendered."""
    root = tmp_path / "set"
    top = bach10(root, pieces=3, duration_s=0.5)
    write_manifest(root / "songs.jsonl", relocated(read_bach10(top).rows(), top, root))
    (top / BACH10_PIECES[2] / f"{BACH10_PIECES[2]}-violin.wav").write_bytes(b"no sound")
    out = tmp_path / "out"
    words = ["sweep", "bach10/model-a", "--data", str(root / "songs.jsonl"), "--out", str(out), "--songs", "3"]
    assert main([*words, "--targets", "violin", *SETS]) == 1
    said = capsys.readouterr()
    assert "soli: error: model-a, violin, song 3: " in said.err
    assert f"{BACH10_PIECES[2]}-violin.wav" in said.err
    assert "1/1  model-a, violin, song 3: failed" in said.err
    assert said.out == "0 of 1 cells are finished\n"
    assert (out / "model-a" / "violin" / "song-03" / "model-a-violin.soli.onnx").is_file()


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--targets", "basoon"), "no song holds the target basoon; did you mean bassoon", 2),
        (("--targets", "rest"), "no song holds the target rest", 2),
        (("--songs", "1,11"), "there is no song 11 to leave out; wanted one of 1, 2, 3, 4", 2),
        (("--songs", "1-9999999999999"), "there is no song 5 to leave out", 2),
        (("--songs", "one"), "--songs one; wanted numbers with commas between", 2),
        (("--songs", "3-1"), "--songs 3-1 names none", 2),
        (("--songs", ","), "--songs is empty", 2),
        (("--jobs", "0"), "--jobs", 2),
        (("--set", "optim.stps=1"), 'there is no setting "optim.stps"; did you mean steps', 2),
        (("--set", "objective={l9: 1}"), "l9", 2),
        (("--data", "nothing.jsonl"), "nothing.jsonl", 1),
        (("bach10/model-g",), 'there is no recipe "bach10/model-g"; wanted', 2),
        (("bach10/model-a",), "are both called model-a; wanted one name a recipe", 2),
    ],
)
def test_what_cannot_be_swept_is_said_before_anything_is_made(
    songs: Path, tmp_path: Path, capsys: Capture, options: tuple[str, ...], said: str, code: int
) -> None:
    out = tmp_path / "out"
    words = ["sweep", "bach10/model-a", "--data", str(songs), "--out", str(out), *SETS, *options]
    assert main(words) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_songs_that_are_divided_already_are_refused(songs: Path, tmp_path: Path) -> None:
    manifest = read_manifest(songs)
    rows = [row.model_copy(update={"split": "train"}) for row in manifest.rows]
    write_manifest(tmp_path / "divided.jsonl", rows)
    with pytest.raises(SoliError, match=r"divided into train already, and a sweep leaves out each in turn"):
        planned(tmp_path / "divided.jsonl", tmp_path)


def test_what_is_left_takes_as_long_as_its_models_took() -> None:
    assert seconds_left(["a", "b"], {"a": [10.0, 20.0], "b": [5.0]}, jobs=1) == 20.0
    assert seconds_left(["a", "c"], {"a": [10.0]}, jobs=2) == 10.0
    assert seconds_left(["a"], {"a": [10.0]}, jobs=8) == 10.0
    assert seconds_left(["a"], {}, jobs=1) is None
    assert seconds_left([], {"a": [1.0]}, jobs=1) is None
