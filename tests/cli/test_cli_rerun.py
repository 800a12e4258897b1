"""A run that was stopped, killed or given again: what is done stays, what is left is done, nothing is guessed."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import soundfile
from cli_call import Result, files_below, inside, process, words
from cli_sounds import two_tones, write_good

from soli.separation.journal import NAME

JOURNAL = Path("separated") / NAME


def stems(*names: str) -> set[str]:
    return {f"{name}/{stem}.wav" for name in names for stem in ("voice", "noise")}


def test_a_rerun_keeps_what_is_done(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    first = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    times = [path.stat().st_mtime_ns for path in sorted((here / "separated/x").iterdir())]
    again = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    assert (again.code, again.err) == (0, "")
    assert [path.stat().st_mtime_ns for path in sorted((here / "separated/x").iterdir())] == times
    assert again.json["files"] == [{**first.json["files"][0], "kept": True}]


def test_a_missing_stem_is_made_again(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    voice = Path("separated/x/voice.wav").read_bytes()
    Path("separated/x/voice.wav").unlink()
    again = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    assert (again.code, again.json["files"][0]["kept"]) == (0, False)
    assert Path("separated/x/voice.wav").read_bytes() == voice


def _another_input(here: Path) -> tuple[str, ...]:
    soundfile.write(here / "x.wav", two_tones(16000, 1, 1600), 16000, subtype="FLOAT")
    return ()


def _a_changed_stem(here: Path) -> tuple[str, ...]:
    (here / "separated/x/voice.wav").write_bytes(b"edited by hand")
    return ()


def _no_journal(here: Path) -> tuple[str, ...]:
    (here / JOURNAL).unlink()
    return ()


@pytest.mark.parametrize(
    "change",
    [
        _another_input,
        _a_changed_stem,
        _no_journal,
        lambda here: ("--subtype", "pcm16"),
    ],
    ids=["another input", "a changed stem", "no journal", "another subtype"],
)
def test_output_that_is_not_known_to_be_the_same_is_left_alone_unless_overwritten(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], change: object
) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    assert callable(change)
    more = change(here)
    before = {path: (here / "separated" / path).read_bytes() for path in files_below(here / "separated")}
    result = inside(capsys, "separate", "x.wav", "-m", model, *more)
    assert result.code == 1
    assert result.errors == result.err.splitlines()
    (error,) = result.errors
    assert "output exists" in error
    assert "--overwrite" in error
    assert "x.wav" in error
    assert {path: (here / "separated" / path).read_bytes() for path in files_below(here / "separated")} == before
    assert inside(capsys, "separate", "x.wav", "-m", model, *more, "--overwrite").code == 0
    assert inside(capsys, "separate", "x.wav", "-m", model, *more, "--json").json["files"][0]["kept"]


def test_stems_that_were_left_out_are_made_and_the_others_kept(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model, "--stems", "voice")
    before = Path("separated/x/voice.wav").stat()
    (file,) = inside(capsys, "separate", "x.wav", "-m", model, "--json").json["files"]
    assert (list(file["outputs"]), file["kept"]) == (["voice", "noise"], False)
    after = Path("separated/x/voice.wav").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    whole = inside(capsys, "separate", "x.wav", "-m", model, "--out", "whole", "--json")
    assert whole.code == 0
    for stem in ("voice", "noise"):
        assert Path("whole/x", f"{stem}.wav").read_bytes() == Path("separated/x", f"{stem}.wav").read_bytes()
    for more, names in ((), ["voice", "noise"]), (("--stems", "noise"), ["noise"]), (("--stems", "voice"), ["voice"]):
        (file,) = inside(capsys, "separate", "x.wav", "-m", model, "--json", *more).json["files"]
        assert (list(file["outputs"]), file["kept"]) == (names, True)


def test_another_format_beside_it_forgets_nothing(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    for format in ("wav", "flac", "wav", "flac"):
        result = inside(capsys, "separate", "x.wav", "-m", model, "--format", format)
        assert (result.code, result.err) == (0, "")
    assert "kept" in result.out
    everything = inside(capsys, "separate", ".", "-r", "-m", model, "--json")
    assert [file["input"] for file in everything.json["files"]] == ["x.wav"]


def test_a_kill_while_one_stem_was_added_keeps_the_other(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model, "--stems", "voice")
    inside(capsys, "separate", "x.wav", "-m", model)
    lines = (here / JOURNAL).read_bytes().splitlines(keepends=True)
    (here / JOURNAL).write_bytes(b"".join(lines[:-1]))
    Path("separated/x/noise.wav").rename("separated/x/.noise.wav.part")
    before = Path("separated/x/voice.wav").stat().st_mtime_ns
    result = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    assert (result.code, result.err, result.json["files"][0]["kept"]) == (0, "", False)
    assert Path("separated/x/voice.wav").stat().st_mtime_ns == before
    assert files_below(here / "separated") == stems("x")


def test_another_model_is_noticed(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import models

    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    other = models.save(here, models.half_model())
    assert "output exists" in inside(capsys, "separate", "x.wav", "-m", other).err


def test_an_output_folder_may_be_moved(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    (here / "separated").rename(here / "moved")
    (file,) = inside(capsys, "separate", "x.wav", "-m", model, "--out", "moved", "--json").json["files"]
    assert (file["kept"], file["outputs"]["voice"]) == (True, "moved/x/voice.wav")


def test_a_failed_overwrite_leaves_the_old_stems(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    before = Path("separated/x/voice.wav").read_bytes()
    samples = two_tones()
    samples[-1] = float("nan")
    soundfile.write("x.wav", samples, 44100, subtype="FLOAT")
    assert inside(capsys, "separate", "x.wav", "-m", model, "--overwrite").code == 1
    assert Path("separated/x/voice.wav").read_bytes() == before
    assert files_below(here / "separated") == stems("x")


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _start_and_wait_for_the_second(here: Path, model: Path) -> subprocess.Popen[bytes]:
    """A batch of three files that take a while, as soon as the first is done and the second is being written."""
    for name in ("a", "b", "c"):
        write_good(here / f"{name}.wav", rate=16000, channels=2, frames=15 * 16000)
    call = words("separate", "a.wav", "b.wav", "c.wav", "-m", model, "--chunk-s", "0.05", "--json")
    # A shell makes what it starts in the background deaf to Ctrl-C, tests among them.
    run = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hear_ctrl_c)
    deadline = time.monotonic() + 60
    while not list(here.glob("separated/b/.*.part")):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return run


def _rerun(model: Path, *more: str) -> Result:
    return process("separate", "a.wav", "b.wav", "c.wav", "-m", model, "--chunk-s", "0.05", "--json", *more)


def test_kill_9_and_the_rerun(here: Path, model: Path) -> None:
    run = _start_and_wait_for_the_second(here, model)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    left = files_below(here / "separated")
    assert stems("a") < left
    assert all(Path(name).name.startswith(".") for name in left - stems("a"))
    rerun = _rerun(model)
    assert (rerun.code, rerun.err) == (0, "")
    assert [file["kept"] for file in rerun.json["files"]] == [True, False, False]
    assert files_below(here / "separated") == stems("a", "b", "c")


def test_what_a_killed_run_left_is_removed_by_the_next_run_whatever_that_does(here: Path, model: Path) -> None:
    run = _start_and_wait_for_the_second(here, model)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    write_good(here / "other.wav")
    assert process("separate", "other.wav", "-m", model).code == 0
    assert files_below(here / "separated") == stems("a", "other")
    assert not (here / "separated/b").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cleans_up_and_says_how_to_go_on(here: Path, model: Path, number: signal.Signals) -> None:
    run = _start_and_wait_for_the_second(here, model)
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130
    told = json.loads(out)
    assert [file["input"] for file in told["files"]] == ["a.wav"]
    assert (told["failed"], told["stopped"]) == ([], True)
    (line,) = err.decode().splitlines()
    assert "the same command again" in line
    assert files_below(here / "separated") == stems("a")
    assert not (here / "separated/b").exists()
    assert [file["kept"] for file in _rerun(model).json["files"]] == [True, False, False]


def test_a_torn_line_of_the_journal_is_lived_with(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        write_good(here / f"{name}.wav")
    inside(capsys, "separate", "a.wav", "-m", model)
    whole = (here / JOURNAL).read_bytes()
    (here / JOURNAL).write_bytes(whole + whole[:100])
    result = inside(capsys, "separate", "a.wav", "b.wav", "-m", model, "--json")
    assert [file["kept"] for file in result.json["files"]] == [True, False]
    result = inside(capsys, "separate", "a.wav", "b.wav", "-m", model, "--json")
    assert [file["kept"] for file in result.json["files"]] == [True, True]


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_kill_while_stems_are_renamed(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], renamed: int
) -> None:
    """Played back by hand, for no signal can be timed so well: the journal ends with "written"."""
    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    lines = (here / JOURNAL).read_bytes().splitlines(keepends=True)
    assert json.loads(lines[-1])["state"] == "done"
    (here / JOURNAL).write_bytes(b"".join(lines[:-1]))
    for name in ("noise.wav", "voice.wav")[renamed:]:
        Path("separated/x", name).rename(f"separated/x/.{name}.part")
    result = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["files"][0]["kept"] == (renamed == 2)
    assert files_below(here / "separated") == stems("x")


def test_a_kill_before_old_stems_were_replaced_does_not_pass_them_off_as_new(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Old and new stems have the same size; only the time of writing tells them apart."""
    import models

    write_good(here / "x.wav")
    inside(capsys, "separate", "x.wav", "-m", model)
    old = {path: (here / "separated" / path).read_bytes() for path in stems("x")}
    other = models.save(here, models.half_model())
    inside(capsys, "separate", "x.wav", "-m", other, "--overwrite")
    lines = (here / JOURNAL).read_bytes().splitlines(keepends=True)
    (here / JOURNAL).write_bytes(b"".join(lines[:-1]))
    for path, data in old.items():
        (here / "separated" / path).write_bytes(data)
    assert "output exists" in inside(capsys, "separate", "x.wav", "-m", other).err


def test_another_run_on_the_same_folder_is_refused(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fcntl = pytest.importorskip("fcntl")
    write_good(here / "x.wav")
    (here / "separated/x").mkdir(parents=True)
    handle = os.open("separated/x", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    result = inside(capsys, "separate", "x.wav", "-m", model)
    os.close(handle)
    assert result.code == 1
    assert "another run of soli" in result.err
    assert inside(capsys, "separate", "x.wav", "-m", model).code == 0


def test_several_processes_share_an_output_folder(here: Path, model: Path) -> None:
    names = ("a", "b", "c")
    for name in names:
        write_good(here / f"{name}.wav")
    runs = [subprocess.Popen(words("separate", f"{name}.wav", "-m", model, "--quiet")) for name in names]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    again = process("separate", "a.wav", "b.wav", "c.wav", "-m", model, "--json")
    assert [file["kept"] for file in again.json["files"]] == [True, True, True]
