"""Ctrl-C and a polite kill while a network is trained, and what is asked of the files before the first step."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from soli.data.manifest import read_manifest
from soli.errors import DataError
from soli.train.presence import check_present, files_of
from waiting import wait_for

STEPS = 40
SMALL = ["data.duration_s=0.5", "data.workers=2", "data.valid_rows=1", "network.hidden=8", "optim.batch=2"]
SMALL += [f"optim.steps={STEPS}", "optim.warmup=2", "watch.valid_every=20", "watch.log_every=1"]
SMALL += ["watch.save_every_s=1000"]


def words(librimix: Path, out: Path, *more: str) -> list[str]:
    call = ["train", "speakers/blstm_mask", "--data", str(librimix / "mix_clean.jsonl"), "--out", str(out)]
    settings = [word for setting in SMALL for word in ("--set", setting)]
    return [sys.executable, "-m", "soli.cli.main", *call, *settings, *more]


def hear_ctrl_c() -> None:
    """Tests that a shell runs in the background ignore it, and so would all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(call: list[str]) -> "subprocess.Popen[str]":
    """In a session and a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        call,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )


def members(session: int) -> int:
    """How many processes of a session are alive: those of its groups, and the loaders, each a group of its own."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, belongs = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has ended since
            continue
        found += int(belongs) == session and state != "Z"
    return found


def steps_logged(out: Path) -> int:
    log = out / "log.jsonl"
    return log.read_bytes().count(b'"loss"') if log.exists() else 0


@pytest.fixture(scope="module")
def whole(librimix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    done = subprocess.run(words(librimix, out), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("best validation: SNR improvement ")
    assert " over 1 row; next: soli export" in done.stdout
    assert "valid_score (SNR improvement) " in done.stderr
    return out


@pytest.mark.parametrize(
    ("number", "at", "more"), [(signal.SIGINT, 3, ()), (signal.SIGTERM, 3, ("--json",)), (signal.SIGTERM, 22, ())]
)
def test_a_run_that_is_stopped_loses_no_step(
    librimix: Path, whole: Path, tmp_path: Path, number: signal.Signals, at: int, more: tuple[str, ...]
) -> None:
    """Before and after the first validation; the signal comes to all processes of the group."""
    out = tmp_path / "run"
    run = start(words(librimix, out, *more))
    assert wait_for(lambda: steps_logged(out) >= at), run.poll()
    os.killpg(run.pid, number)
    stdout, stderr = run.communicate(timeout=60)
    assert run.returncode == 130, stderr
    taken = steps_logged(out)
    assert at <= taken < STEPS
    said = f"soli: error: stopped at step {taken} of {STEPS}; go on with the same command and --resume"
    assert [line for line in stderr.splitlines() if not line.startswith("step ")] == [said]
    assert wait_for(lambda: members(run.pid) == 0), "processes are left"
    if more:
        assert (json.loads(stdout)["stopped"], json.loads(stdout)["step"]) == (True, taken)
    else:
        assert stdout == ""

    resumed = start(words(librimix, out, *more, "--resume"))
    _, stderr = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, stderr
    first = next(line for line in stderr.splitlines() if line.startswith("step "))
    assert first.startswith(f"step {taken + 1}/{STEPS} ")
    for name in ("state.safetensors", "weights.safetensors"):
        one, two = load_file(out / name), load_file(whole / name)
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[key], two[key]) for key in one)


def test_told_twice_it_ends_at_once(librimix: Path, tmp_path: Path) -> None:
    """While it waits for a batch that takes long to render."""
    out = tmp_path / "run"
    slow = ("--set", "optim.batch=2048", "--set", "data.duration_s=1.4")
    run = start(words(librimix, out, *slow))
    assert wait_for(lambda: (out / "log.jsonl").exists()), run.poll()
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.3)
    os.killpg(run.pid, signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 130, stderr
    assert stderr.splitlines()[-1].startswith("soli: error: stopped at once; go on from the last save")
    assert "Traceback" not in stderr
    assert not (out / "state.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.5])
def test_stopped_while_its_loaders_start_or_its_time_is_measured_nothing_is_left(
    librimix: Path, tmp_path: Path, number: signal.Signals, delay_s: float
) -> None:
    call = words(librimix, tmp_path / "run", "--minutes", "1")
    at = call.index(f"optim.steps={STEPS}")
    del call[at - 1 : at + 1]
    run = start(call)
    assert wait_for(lambda: members(run.pid) > 1 or run.poll() is not None)
    time.sleep(delay_s)
    os.killpg(run.pid, number)
    stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stdout) == (130, ""), stderr
    assert stderr == "soli: error: stopped before the first step of this call; give the same command again\n"
    assert wait_for(lambda: members(run.pid) == 0), "processes are left"
    assert not (tmp_path / "run").exists()


def test_files_that_are_missing_are_named_before_the_first_step(librimix: Path, tmp_path: Path) -> None:
    text = (librimix / "mix_clean.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    changed = [row for row in rows if row["split"] == "train"][-1]
    for part in changed["parts"]:
        part["path"] = f"gone/{part['path']}"
    for row in rows:
        for part in row["parts"]:
            if not part["path"].startswith("gone/"):
                part["path"] = str(librimix / part["path"])
    manifest = tmp_path / "gone.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = words(librimix, tmp_path / "run")
    call[call.index("--data") + 1] = str(manifest)
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"no file {tmp_path / changed['parts'][0]['path']}; 2 of the " in line
    assert not (tmp_path / "run").exists()


def test_of_many_files_the_missing_are_counted_once(librimix: Path) -> None:
    there = files_of(read_manifest(librimix / "mix_clean.jsonl").rows, librimix)
    assert there
    check_present(there)
    with pytest.raises(DataError, match=r"no file /nowhere/0\.wav; 100000 of the"):
        check_present([*there, *(f"/nowhere/{index}.wav" for index in range(100_000)), "/nowhere/0.wav"])
