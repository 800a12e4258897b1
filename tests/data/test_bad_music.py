"""What can be wrong with songs, folds and fonts, met as a user does: a clear line, before any training."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_fonts import plain_zone, sf2

from soli.cli.main import main
from soli.data.manifest import relocated, write_manifest
from soli.data.readers.bach10 import read_bach10
from soli.media.audio import read_audio, write_audio
from trees import BACH10_PIECES, bach10

FIRST, SECOND = BACH10_PIECES[:2]
BRIEF = ("--set", "optim.steps=1", "--set", "data.duration_s=0.2", "--set", "network.hidden=4")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return bach10(tmp_path, duration_s=0.2)


def change(path: Path, *, gain: float = 1.0, frames: int | None = None) -> None:
    samples = (gain * read_audio(path).samples[:, :frames]).astype(np.float32)
    write_audio(path, samples, sample_rate=44100)


def without_a_stem(root: Path) -> None:
    (root / FIRST / f"{FIRST}-clarinet.wav").unlink()


def without_its_mix(root: Path) -> None:
    (root / SECOND / f"{SECOND}.wav").unlink()


def of_unequal_length(root: Path) -> None:
    change(root / FIRST / f"{FIRST}-violin.wav", frames=8000)


def off_the_sum(root: Path) -> None:
    change(root / FIRST / f"{FIRST}-violin.wav", gain=0.5)


def cut_short(root: Path) -> None:
    path = root / FIRST / f"{FIRST}-violin.wav"
    path.write_bytes(path.read_bytes()[:2000])


def with_text_for_sound(root: Path) -> None:
    (root / FIRST / f"{FIRST}-bassoon.wav").write_text("a bassoon")


def without_songs(root: Path) -> None:
    for piece in BACH10_PIECES[:3]:
        shutil.rmtree(root / piece)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_a_stem, f"{FIRST}: {FIRST}-clarinet.wav is missing"),
        (without_its_mix, f"{SECOND}: the mix {SECOND}.wav is missing"),
        (of_unequal_length, f"{FIRST}: its files differ in samples: {FIRST} 8820, {FIRST}-violin 8000"),
        (off_the_sum, f"{FIRST}.wav is not the sum of its stems: what they leave of it lies at -12.1 dB"),
        (cut_short, f"{FIRST}-violin.wav"),
        (with_text_for_sound, f"{FIRST}-bassoon.wav"),
        (without_songs, "no songs in"),
    ],
)
def test_a_set_that_is_not_in_order_gives_no_manifest(
    root: Path, tmp_path: Path, capsys: Capture, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(root)
    assert main(["data", "bach10", str(root), "--out", str(tmp_path / "songs.jsonl")]) == 1
    error = capsys.readouterr().err
    assert all(line.startswith("soli: error: ") for line in error.splitlines())
    assert sum(said in line for line in error.splitlines()) == 1
    assert not (tmp_path / "songs.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("train", "bach10/model-e", "--target", "celo", "--leave-out", "2"), "no item holds the source celo", 1),
        (("train", "bach10/model-e", "--target", "violin", "--leave-out", "4"), "no song 4 to leave out", 2),
        (("train", "bach10/model-e", "--target", "violin", "--leave-out", "0"), "wanted one of 1, 2, 3", 2),
        (("sweep", "bach10/model-e", "--targets", "saxphone"), "no song holds the target saxphone; did you mean", 2),
        (("sweep", "bach10/model-e", "--songs", "4"), "there is no song 4 to leave out", 2),
    ],
)
def test_what_is_not_in_the_set_is_said_before_any_training(
    root: Path, tmp_path: Path, capsys: Capture, words: tuple[str, ...], said: str, code: int
) -> None:
    write_manifest(tmp_path / "songs.jsonl", relocated(read_bach10(root).rows(), root, tmp_path))
    out = tmp_path / "out"
    assert main([*words, "--data", str(tmp_path / "songs.jsonl"), "--out", str(out), *BRIEF]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_song_outside_the_set_makes_no_fold(root: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "fold.jsonl"
    assert main(["data", "bach10", str(root), "--out", str(out), "--leave-out", "11"]) == 2
    assert "there is no song 11 to leave out; wanted one of 1, 2, 3" in capsys.readouterr().err
    assert not out.exists()


def test_a_font_must_be_one_and_have_the_instruments(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "text.sf2").write_text("no font at all")
    sf2(tmp_path / "trio.sf2", {program: [plain_zone()] for program in (40, 71, 65)})
    for font, said in (("text.sf2", "text.sf2 is no sound font"), ("trio.sf2", "70"), ("gone.sf2", "gone.sf2")):
        words = ["data", "build", "chorales", str(tmp_path / "set"), "--train", "1", "--valid", "0", "--test", "0"]
        assert main([*words, "--font", f"train={tmp_path / font}"]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not (tmp_path / "set").exists()
