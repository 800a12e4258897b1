"""`soli data voice-noise` and `soli data build voice-noise` through the command line."""

import json
import shutil
from pathlib import Path

import pytest

from soli.cli.main import main
from soli.data.library import Library
from soli.data.manifest import read_manifest
from trees import voice_noise

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *words: object, code: int = 0) -> tuple[str, str]:
    assert main([str(word) for word in words]) == code
    return capsys.readouterr()


def test_a_set_becomes_a_manifest(tmp_path: Path, capsys: Capture) -> None:
    root, out = voice_noise(tmp_path / "set"), tmp_path / "vn.jsonl"
    told = json.loads(run(capsys, "data", "voice-noise", root, "--out", out, "--json")[0])
    assert told["splits"] == {"train": 2, "train_small": 1, "valid": 1, "test": 2}
    assert (told["rows"], told["snr_db"], told["sample_rates"], told["held_out"]) == (6, [-4, 4], [8000], True)
    assert (told["manifest"], told["sha256"]) == (str(out), read_manifest(out).sha256)
    said, warned = run(capsys, "data", "voice-noise", root, "--out", out)
    assert f"6 items (train 2, train_small 1, valid 1, test 2) in {out}: 0.1 min, 8000 Hz, SNR -4 to 4 dB" in said
    assert "valid was held out of the training folders" in said
    assert warned == ""
    said, _ = run(capsys, "data", "check", out)
    assert "6 items (test 2, train 2, train_small 1, valid 1)" in said
    assert "in order" in said


def test_nothing_is_said_of_a_valid_that_was_not_taken(tmp_path: Path, capsys: Capture) -> None:
    root, out = voice_noise(tmp_path / "set"), tmp_path / "some.jsonl"
    call = ("data", "voice-noise", root, "--split", "train_small", "--split", "test", "--out", out)
    said, warned = run(capsys, *call)
    assert "held out" not in said
    assert warned == ""
    told = json.loads(run(capsys, *call, "--json")[0])
    assert ("valid" in told["splits"], told["held_out"]) == (False, False)


def test_one_split_alone(tmp_path: Path, capsys: Capture) -> None:
    root, out = voice_noise(tmp_path / "set"), tmp_path / "test.jsonl"
    run(capsys, "data", "voice-noise", root, "--split", "test", "--out", out)
    assert [row.id for row in read_manifest(out).rows] == ["test/1250", "test/1251"]


def test_problems_are_all_named_and_nothing_is_written(tmp_path: Path, capsys: Capture) -> None:
    root, out = voice_noise(tmp_path / "set"), tmp_path / "vn.jsonl"
    for number in range(30):
        (root / f"train/{number + 100:04d}").mkdir()
    shutil.rmtree(root / "test/1250")
    shutil.rmtree(root / "test/1251")
    said, named = run(capsys, "data", "voice-noise", root, "--out", out, code=1)
    assert said == ""
    assert named.count("\n") == 21
    assert "soli: error: test is empty" in named
    assert "soli: error: train/0100: voice.wav is missing\n" in named
    assert f"{root}: 91 problems, of which the first 20 are named; no manifest was written" in named
    told = json.loads(run(capsys, "data", "voice-noise", root, "--out", out, "--json", code=1)[0])
    assert (told["manifest"], len(told["problems"])) == (None, 91)
    assert not out.exists()


def test_nothing_is_written_into_the_set(tmp_path: Path, capsys: Capture) -> None:
    root = voice_noise(tmp_path / "set")
    before = sorted(root.rglob("*"))
    _, named = run(capsys, "data", "voice-noise", root, "--out", root / "train/vn.jsonl", code=1)
    assert "lies in the data set; wanted a manifest outside it" in named
    assert sorted(root.rglob("*")) == before


def test_a_set_is_built_from_the_library_beside_it(library: Library, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "speech-noise").symlink_to(library.root)
    call = ("data", "build", "voice-noise", tmp_path / "set", "--train", 3, "--test", 2, "--snr", "-2..1")
    call = (*call, "--length", 1, "--rate", 16000, "--workers", 1)
    told = json.loads(run(capsys, *call, "--json")[0])
    assert (told["items"], told["written"], told["kept"]) == ({"train": 3, "test": 2}, 5, 0)
    said, _ = run(capsys, *call)
    assert f"0 items written to {tmp_path / 'set'}, 5 were there before (train 3, test 2; 0.00 h)" in said
    told = json.loads(run(capsys, "data", "voice-noise", tmp_path / "set", "--out", tmp_path / "m.jsonl", "--json")[0])
    assert told["sample_rates"] == [16000]
    assert set(told["snr_db"]) <= {-2, -1, 0, 1}
    run(capsys, "data", "check", tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--snr", "loud"), "--snr loud; wanted whole numbers of dB such as -4..4"),
        (("--snr", "4..-4"), "--snr: the SNRs 4..-4 fall"),
        (("--rate", 10), "--rate: Input should be greater than or equal to 1000"),
        (("--length", 0), "--length: Input should be greater than or equal to 0.5"),
        (("--from", "x", "--download"), "--from with --packages-root or --download"),
    ],
)
def test_calls_that_cannot_work_say_why(
    options: tuple[object, ...], said: str, tmp_path: Path, capsys: Capture
) -> None:
    call = ("data", "build", "voice-noise", tmp_path / "set", "--train", 3, "--test", 2)
    _, named = run(capsys, *call, *options, code=2)
    assert f"soli: error: {said}" in named
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("command", [["voice-noise"], ["build", "voice-noise"]])
def test_help_has_an_example(command: list[str], capsys: Capture) -> None:
    said, _ = run(capsys, "data", *command, "--help")
    assert f"Example: soli data {' '.join(command)} " in " ".join(said.split())
