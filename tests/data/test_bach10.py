"""Bach10 as distributed: what is read, what is ignored, and everything that can be wrong with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from soli.cli.main import main
from soli.data.manifest import read_manifest
from soli.data.readers.bach10 import Reading, read_bach10
from soli.data.readers.problems import BadSetError
from soli.data.render import render
from soli.errors import DataError
from soli.media.audio import read_audio, write_audio
from trees import BACH10_PIECES, bach10

FIRST = BACH10_PIECES[0]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bach10(tmp_path, duration_s=0.2)


def run(capsys: Capture, *words: object, code: int = 0) -> tuple[str, str]:
    assert main([str(word) for word in words]) == code
    return capsys.readouterr()


def problems(root: Path) -> list[str]:
    with pytest.raises(BadSetError) as caught:
        read_bach10(root)
    assert "\n" not in str(caught.value)
    return caught.value.problems


def change(path: Path, gain: float = 1.0, *, frames: int | None = None, rate: int = 44100) -> None:
    samples = gain * read_audio(path).samples[:, :frames]
    write_audio(path, samples.astype(np.float32), sample_rate=rate)


def test_songs_become_rows_of_four_named_sources(root: Path) -> None:
    for name in ("01-AchGottundHerr.mid", "01-AchGottundHerr.txt", "01-AchGottundHerr-GTF0s.mat", ".DS_Store"):
        (root / FIRST / name).write_bytes(b"\0")
    found = read_bach10(root)
    assert [row.id for row in found.rows()] == list(BACH10_PIECES[:3])
    assert found.ignored == []
    row = found.rows()[0]
    assert row.stems == ("violin", "clarinet", "saxophone", "bassoon")
    assert row.parts[2].path == f"{FIRST}/{FIRST}-saxphone.wav"
    assert row.split == "all"
    assert row.meta == {"song": 1, "title": "AchGottundHerr"}
    mix = read_audio(root / FIRST / f"{FIRST}.wav").samples
    np.testing.assert_allclose(render(row, root).mixture, mix, atol=1e-3)


def test_either_spelling_is_the_saxophone(root: Path) -> None:
    (root / FIRST / f"{FIRST}-saxphone.wav").rename(root / FIRST / f"{FIRST}-saxophone.wav")
    assert read_bach10(root).rows()[0].parts[2].source == "saxophone"
    shutil.copy(root / FIRST / f"{FIRST}-saxophone.wav", root / FIRST / f"{FIRST}-saxphone.wav")
    (found,) = problems(root)
    assert found == f"{FIRST}: the saxophone is there twice: {FIRST}-saxophone.wav and {FIRST}-saxphone.wav"


def test_splits_may_be_folders_above(root: Path) -> None:
    for split, piece in zip(("train", "valid", "test"), BACH10_PIECES[:3], strict=True):
        (root / split).mkdir()
        (root / piece).rename(root / split / piece)
    rows = read_bach10(root).rows()
    assert [(row.id, row.split) for row in rows] == list(
        zip(BACH10_PIECES[:3], ("train", "valid", "test"), strict=True)
    )
    assert rows[0].parts[0].path == f"train/{FIRST}/{FIRST}-violin.wav"
    shutil.copytree(root / "train" / FIRST, root / "test" / FIRST)
    assert problems(root) == [f"{FIRST} is in train and test"]


def test_a_song_under_another_name_in_another_split_is_a_leak(root: Path) -> None:
    for split in ("train", "test"):
        (root / split).mkdir()
        shutil.copytree(root / FIRST, root / split / FIRST)
    for path in (root / "test" / FIRST).iterdir():
        path.rename(path.with_name(path.name.replace(FIRST, "07-Other")))
    (root / "test" / FIRST).rename(root / "test" / "07-Other")
    for piece in BACH10_PIECES[:3]:
        shutil.rmtree(root / piece)
    with pytest.raises(BadSetError, match=f"{FIRST} of train has a file in common with 07-Other of test"):
        read_bach10(root).rows()


def test_all_that_is_wrong_is_named_at_once(root: Path) -> None:
    first, second, third = (root / piece for piece in BACH10_PIECES[:3])
    (first / f"{first.name}-bassoon.wav").unlink()
    (second / f"{second.name}.wav").unlink()
    change(third / f"{third.name}-violin.wav", frames=8000)
    (root / "04-Empty").mkdir()
    found = problems(root)
    assert found[0] == f"{first.name}: {first.name}-bassoon.wav is missing"
    assert found[1] == f"{second.name}: the mix {second.name}.wav is missing"
    assert found[2].startswith(
        f"{third.name}: its files differ in samples: {third.name} 8820, {third.name}-violin 8000"
    )
    assert "04-Empty: the mix 04-Empty.wav is missing" in found
    assert len(found) == 8


def test_rates_that_differ_are_named(root: Path) -> None:
    change(root / FIRST / f"{FIRST}-violin.wav", rate=48000)
    (found,) = problems(root)
    assert found.startswith(f"{FIRST}: its files differ in Hz: {FIRST} 44100, {FIRST}-violin 48000")


def test_stems_that_do_not_sum_are_off_by_so_many_db(root: Path) -> None:
    change(root / FIRST / f"{FIRST}-violin.wav", 0.5)
    (found,) = problems(root)
    # A quarter of one of four equal energies is too little, a sixteenth of all.
    assert f"{FIRST}: {FIRST}.wav is not the sum of its stems: what they leave of it lies at -12.1 dB, wanted" in found


def test_a_mix_at_another_level_is_refused_and_matched_when_asked(root: Path) -> None:
    change(root / FIRST / f"{FIRST}.wav", 0.5)
    (found,) = problems(root)
    assert "it is their sum at -6.0 dB: --match-level takes them at that level" in found
    rows = read_bach10(root, Reading(match_level=True)).rows()
    assert [part.gain_db for part in rows[0].parts] == pytest.approx([-6.02] * 4, abs=0.01)
    assert rows[1].parts[0].gain_db == 0.0
    mix = read_audio(root / FIRST / f"{FIRST}.wav").samples
    np.testing.assert_allclose(render(rows[0], root).mixture, mix, atol=1e-3)


def test_two_folders_with_one_number_are_named(root: Path) -> None:
    (root / BACH10_PIECES[1]).rename(root / "01-Again")
    assert "song 1 is there twice: 01-AchGottundHerr and 01-Again" in problems(root)


def test_a_folder_without_songs_says_where_they_are(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no songs in {tmp_path}; .* give the folder in it: {root}$"):
        read_bach10(tmp_path)
    with pytest.raises(DataError, match=f"give the folder above: {root}$"):
        read_bach10(root / FIRST)
    with pytest.raises(DataError, match="is no folder"):
        read_bach10(tmp_path / "nothing")


def test_the_command_writes_whole_songs_and_folds(root: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "songs.jsonl"
    said, warned = run(capsys, "data", "bach10", root, "--out", out)
    assert f"3 songs (all 3) of violin, clarinet, saxophone, bassoon in {out}: 0.01 min, 44100 Hz" in said
    assert "mixes minus their stems: -" in said
    assert warned == ""
    told = json.loads(run(capsys, "data", "bach10", root, "--out", out, "--leave-out", 3, "--json")[0])
    assert told["test"] == [BACH10_PIECES[2]]
    assert told["splits"] == {"valid": 1, "train": 1, "test": 1}
    assert told["sha256"] == read_manifest(out).sha256
    assert "in order" in run(capsys, "data", "check", out)[0]


def test_one_split_of_a_fold_alone(root: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "test.jsonl"
    call = ("data", "bach10", root, "--out", out, "--leave-out", 2)
    run(capsys, *call, "--split", "test")
    assert [row.id for row in read_manifest(out).rows] == [BACH10_PIECES[1]]
    _, named = run(capsys, *call, "--split", "tests", code=2)
    assert "--split tests: the set has none; did you mean test?" in named


def test_the_summary_is_of_the_rows_that_are_written(root: Path, tmp_path: Path, capsys: Capture) -> None:
    first, _, third = (root / piece for piece in BACH10_PIECES[:3])
    change(third / f"{third.name}-violin.wav", 0.9)
    change(first / f"{first.name}.wav", 0.5)
    call = ("data", "bach10", root, "--out", tmp_path / "m.jsonl", "--leave-out", 2, "--match-level", "--limit-db", -20)
    whole = json.loads(run(capsys, *call, "--json")[0])
    assert (whole["rows"], whole["read"], whole["worst_sum"]) == (3, 3, third.name)
    assert whole["levels_db"] == pytest.approx([-6.0, 0.0, 0.2], abs=0.05)
    told = json.loads(run(capsys, *call, "--split", "test", "--json")[0])
    assert (told["rows"], told["read"], told["worst_sum"]) == (1, 3, BACH10_PIECES[1])
    assert (told["worst_sum_db"] < whole["worst_sum_db"], told["levels_db"]) == (True, [0.0])
    said, _ = run(capsys, *call, "--split", "test")
    assert said.startswith("1 song (test 1) of violin")
    assert "read and in order: 3 songs" in said
    assert "as in the mixes" not in said


def test_what_is_left_aside_is_told(root: Path, tmp_path: Path, capsys: Capture) -> None:
    (root / "extras").mkdir()
    shutil.copy(root / FIRST / f"{FIRST}.wav", root / FIRST / "rehearsal.wav")
    _, warned = run(capsys, "data", "bach10", root, "--out", tmp_path / "songs.jsonl")
    assert "note: folders without a number are no songs: extras/" in warned
    assert f"warning: ignored, being neither a mix nor one of its stems: {FIRST}/rehearsal.wav" in warned


def test_nothing_is_written_where_something_is_wrong(root: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "songs.jsonl"
    _, named = run(capsys, "data", "bach10", root, "--out", out, "--leave-out", 12, code=2)
    assert "there is no song 12 to leave out; wanted one of 1, 2, 3" in named
    (root / FIRST / f"{FIRST}-violin.wav").unlink()
    _, named = run(capsys, "data", "bach10", root, "--out", out, code=1)
    assert f"soli: error: {FIRST}: {FIRST}-violin.wav is missing\n" in named
    assert f"{root}: 1 problem; no manifest was written" in named
    _, named = run(capsys, "data", "bach10", root, "--out", root / "songs.jsonl", code=1)
    assert "lies in the data set" in named
    assert not out.exists()


def test_check_finds_songs_in_two_splits(root: Path, tmp_path: Path, capsys: Capture) -> None:
    folds = [tmp_path / f"{number}.jsonl" for number in (1, 2)]
    for number, out in enumerate(folds, start=1):
        run(capsys, "data", "bach10", root, "--out", out, "--leave-out", number)
    _, named = run(capsys, "data", "check", *folds, "--no-hashes", code=1)
    assert "the song achgottundherr is in test and train" in named


def test_check_finds_chorales_of_bach10_in_training(root: Path, tmp_path: Path, capsys: Capture) -> None:
    for split, piece, name in zip(("train", "test"), BACH10_PIECES, ("0001-bwv255", "0001-bwv7.7"), strict=False):
        place = root / split / name
        shutil.copytree(root / piece, place)
        for path in place.iterdir():
            path.rename(place / path.name.replace(piece, name))
    for piece in BACH10_PIECES[:3]:
        shutil.rmtree(root / piece)
    run(capsys, "data", "bach10", root, "--out", tmp_path / "songs.jsonl")
    _, named = run(capsys, "data", "check", tmp_path / "songs.jsonl", code=1)
    assert "row 0001-bwv255 of split train is a chorale of Bach10, which is for testing only" in named
    assert "bwv7" not in named
