"""Pipes as input, and standard streams that are closed, full, or not listened to."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_call import files_below, inside, process, words
from cli_sounds import two_tones, write_good
from test_cli_video import write_clip

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' devices")

STEMS = {"voice.wav", "noise.wav"}


def feed(path: Path, data: bytes) -> threading.Thread:
    """Writes into a named pipe while somebody else reads it."""
    writer = threading.Thread(target=path.write_bytes, args=(data,), daemon=True)
    writer.start()
    return writer


@pytest.mark.parametrize("size", [4410, 44100 * 60])  # less than a pipe holds, and far more
def test_a_named_pipe_is_read_once_and_whole(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    data = write_good(here / "x.wav", frames=size).read_bytes()
    os.mkfifo("live.wav")
    writer = feed(Path("live.wav"), data)
    result = inside(capsys, "separate", "live.wav", "x.wav", "-m", model, "--json")
    writer.join(10)
    assert (result.code, result.err) == (0, "")
    assert [file["input"] for file in result.json["files"]] == ["live.wav", "x.wav"]
    for stem in STEMS:
        assert Path("separated/live", stem).read_bytes() == Path("separated/x", stem).read_bytes()


@pytest.mark.parametrize("name", ["/dev/stdin", "-"])
def test_standard_input(here: Path, model: Path, name: str) -> None:
    data = write_good(here / "x.wav").read_bytes()
    result = process("separate", name, "-m", model, "--json", input=data)
    assert (result.code, result.err) == (0, "")
    assert result.json["files"][0]["input"] == name
    assert result.json["files"][0]["duration_s"] == 1.0
    assert files_below(here / "separated") == {f"stdin/{stem}" for stem in STEMS}
    assert process("separate", name, "-m", model, "--json", input=data).json["files"][0]["kept"]
    other = process("separate", name, "-m", model, input=write_good(here / "y.wav", frames=2000).read_bytes())
    assert other.code == 1
    assert "output exists" in other.err


def test_a_video_through_a_pipe(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_clip(here / "clip.mkv", "mpeg4", "pcm_s16le").read_bytes()
    (here / "clip.mkv").unlink()
    os.mkfifo("clip.mkv")
    writer = feed(Path("clip.mkv"), data)
    result = inside(capsys, "separate", "clip.mkv", "-m", model, "--remux")
    writer.join(10)
    assert (result.code, result.err) == (0, "")
    assert files_below(here / "separated") == {"clip/voice.wav", "clip/noise.wav", "clip/clip.mkv"}


def test_what_a_pipe_brings_is_checked_like_a_file(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_good(here / "x.wav").read_bytes()
    for name, part in {"cut": data[: len(data) // 2], "empty": b""}.items():
        os.mkfifo(f"{name}.wav")
        writer = feed(Path(f"{name}.wav"), part)
        result = inside(capsys, "separate", f"{name}.wav", "x.wav", "-m", model)
        writer.join(10)
        assert result.code == 1
        (error,) = result.err.splitlines()
        assert error.startswith(f"soli: error: {name}.wav is ")
    assert files_below(here / "separated") == {f"x/{stem}" for stem in STEMS}


def test_a_pipe_named_twice_is_not_waited_for(here: Path, model: Path) -> None:
    data = write_good(here / "x.wav").read_bytes()
    result = process("separate", "-", "-", "x.wav", "-m", model, "--json", input=data)
    assert result.code == 1
    assert result.err == "soli: error: - is a pipe, and was read already; wanted each pipe once\n"
    assert [file["input"] for file in result.json["files"]] == ["-", "x.wav"]


@pytest.mark.parametrize("second", ["live.wav", "other.wav", "deep/live.wav"])
@pytest.mark.parametrize("sound", [True, False])
def test_a_named_pipe_of_several_names_is_read_once_even_where_it_fails(
    here: Path, model: Path, second: str, sound: bool
) -> None:
    data = write_good(here / "x.wav", frames=4410).read_bytes() if sound else b"garbage"
    os.mkfifo("live.wav")
    (here / "deep").mkdir()
    (here / "other.wav").symlink_to("live.wav")
    (here / "deep/live.wav").hardlink_to("live.wav")
    writer = feed(Path("live.wav"), data)
    result = process("separate", "live.wav", second, "-m", model, "--json")
    writer.join(10)
    assert result.code == 1
    assert [file["input"] for file in result.json["files"]] == ["live.wav"] * sound
    assert result.errors[-1] == f"soli: error: {second} is a pipe, and was read already; wanted each pipe once"


def test_a_pipe_that_has_no_folder_of_its_own_is_not_waited_for(here: Path, model: Path) -> None:
    write_good(here / "live.wav")
    (here / "deep").mkdir()
    os.mkfifo("deep/live.wav")  # nobody writes to it
    result = process("separate", "live.wav", "deep/live.wav", "-m", model, "--json")
    assert result.code == 1
    assert "deep/live.wav and live.wav would both be written to separated/live" in result.err


@pytest.mark.parametrize("size", [10, 20_000])
def test_a_pipe_with_more_in_it_than_there_is_room_for(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def full(**_: object) -> object:
        return open("/dev/full", "w+b", buffering=0)  # noqa: PTH123 - as a temporary file on a full disk

    os.mkfifo("live.wav")
    write_good(here / "good.wav")
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    writer = feed(Path("live.wav"), bytes(size))
    result = inside(capsys, "separate", "live.wav", "-m", model, "--out", "good")
    writer.join(10)
    assert result.code == 1
    (error,) = result.err.splitlines()
    assert "there is more in live.wav than" in error
    assert "TMPDIR" in error


def shell(tail: str, *call: object) -> subprocess.CompletedProcess[str]:
    """A call with its streams redirected as a shell does it."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$@" {tail}', "bash", *words(*call)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


FULL = "soli: error: cannot print to stdout: No space left on device; what was done is kept\n"
CLOSED = "soli: error: cannot print to stdout: it is closed; what was done is kept\n"


@pytest.mark.parametrize(("tail", "said"), [(">/dev/full", FULL), (">&-", CLOSED)])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_stdout_that_takes_nothing_costs_the_table_and_no_stem(
    here: Path, model: Path, tail: str, said: str, more: tuple[str, ...]
) -> None:
    write_good(here / "x.wav")
    done = shell(tail, "separate", "x.wav", "-m", model, *more)
    assert (done.returncode, done.stderr) == (1, said)
    assert files_below(here) == {"x.wav", *(f"separated/x/{stem}" for stem in STEMS)}
    np.testing.assert_allclose(
        sum(soundfile.read(f"separated/x/{stem}", dtype="float32")[0] for stem in STEMS), two_tones(), atol=1e-6
    )
    assert shell(tail, "separate", "x.wav", "-m", model, "--quiet").returncode == 0


@pytest.mark.parametrize(("tail", "said"), [(">/dev/full", FULL), (">&-", CLOSED)])
@pytest.mark.parametrize("call", [("--help",), ("--version",), ("separate", "--help"), ("models", "--json")])
def test_every_command_says_so(tail: str, said: str, call: tuple[str, ...]) -> None:
    done = shell(tail, *call)
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("call", [("models", "--json"), ("--help",), ("separate", "x.wav", "--json")])
def test_nobody_listening_is_no_word_and_no_success(here: Path, model: Path, call: tuple[str, ...]) -> None:
    write_good(here / "x.wav")
    more = ("-m", model) if "separate" in call else ()
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(words(*call, *more), stdout=write, stderr=subprocess.PIPE, check=False, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
    assert not more or files_below(here / "separated") == {f"x/{stem}" for stem in STEMS}


@pytest.mark.parametrize("tail", ["2>/dev/full", "2>&-", "<&-"])
def test_a_closed_or_full_stderr_or_stdin_stops_nothing(here: Path, model: Path, tail: str) -> None:
    write_good(here / "x.wav")
    done = shell(tail, "separate", "gone.wav", "x.wav", "-m", model)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["file", "gone.wav", "x.wav"]
    assert files_below(here / "separated") == {f"x/{stem}" for stem in STEMS}


def test_the_streams_of_a_program_that_calls_main_are_left_alone(here: Path) -> None:
    """A full stderr of its own: the message is lost, and file descriptor 2 stays what it was."""
    program = """
import os, sys
from soli.cli.main import main
before = os.fstat(2)
code = main(["models", "no-such-model"])
print(code, os.path.samestat(before, os.fstat(2)))
sys.stdout.flush()
os._exit(0)
"""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, check=False, timeout=120
        )
    assert done.stdout == b"2 True\n"
