"""However a run of `soli evaluate` ends, no process of it is left, and what was done is kept."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_manifest as tiny

import models
from soli.errors import OutputError
from soli.evaluation.identity import LINES
from soli.evaluation.results import Results, read_lines
from soli.evaluation.run import evaluate
from soli.pool import in_processes
from waiting import wait_for

ITEMS = 200


@pytest.fixture
def call(tmp_path: Path) -> list[str]:
    """A run of two processes that takes longer than any test waits."""
    (tmp_path / "data").mkdir()
    manifest = tiny.make(tmp_path / "data", count=ITEMS)
    model = models.save(tmp_path, models.recurrent_model(hidden=64), "slow")
    out = tmp_path / "out"
    words = ["evaluate", str(model), "--data", str(manifest), "--out", str(out), "--workers", "2", "--scores", "si"]
    return [sys.executable, "-m", "soli.cli.main", *words]


def members(group: int) -> list[int]:
    """The processes of a group that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, belongs = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has ended since
            continue
        if int(belongs) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def workers_of(parent: int) -> list[int]:
    """The processes of a pool that this one has started, and not those of other tests beside it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            belongs = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            called = (path / "cmdline").read_bytes()
        except OSError:  # it has ended since
            continue
        if belongs == parent and b"popen_loky" in called:
            found.append(int(path.name))
    return found


@contextmanager
def started(call: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The run in a process group of its own, as a terminal starts it; nothing of it is left behind."""
    run = subprocess.Popen(
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_hear_ctrl_c
    )
    try:
        yield run
    finally:
        for each in members(run.pid):
            os.kill(each, signal.SIGKILL)
        run.communicate()


def _hear_ctrl_c() -> None:
    """Tests that a shell runs in the background ignore it, and so would all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def at_work(run: subprocess.Popen[bytes], out: Path) -> bool:
    """Whether items come in; fails where the run has ended instead."""
    assert run.poll() is None, run.communicate()
    return (out / LINES).exists() and (out / LINES).stat().st_size > 0


@pytest.mark.parametrize(
    ("number", "after_s"),
    [(signal.SIGINT, 0.0), (signal.SIGINT, 0.5), (signal.SIGINT, None), (signal.SIGTERM, 0.2), (signal.SIGTERM, None)],
)
def test_a_signal_to_all_processes_is_one_line(
    call: list[str], tmp_path: Path, number: signal.Signals, after_s: float | None
) -> None:
    """From the moment that workers begin to start (trackers come before them), until all are at work."""
    with started(call) as run:
        if after_s is None:
            assert wait_for(lambda: at_work(run, tmp_path / "out"))
        else:
            assert wait_for(lambda: len(members(run.pid)) > 3)
            time.sleep(after_s)
        os.killpg(run.pid, number)
        out, err = run.communicate(timeout=60)
        assert (run.returncode, out) == (130, b"")
        assert (
            err == b"soli: error: stopped; the items that are done are kept; give the same command again for the rest\n"
        )
        assert wait_for(lambda: not members(run.pid), seconds=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_takes_its_workers_along(call: list[str], tmp_path: Path, number: signal.Signals) -> None:
    with started(call) as run:
        assert wait_for(lambda: at_work(run, tmp_path / "out"))
        assert len(members(run.pid)) > 3
        run.send_signal(number)
        run.wait(timeout=60)
        assert wait_for(lambda: not members(run.pid), seconds=10)
    done = {line.id for line in read_lines(tmp_path / "out" / LINES)}
    assert 0 < len(done) < ITEMS


def test_an_item_that_cannot_be_written_ends_the_workers(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("cannot write")

    monkeypatch.setattr(Results, "append", full)
    with pytest.raises(OutputError, match="cannot write") as caught:
        evaluate(call[4], call[6], call[8], workers=2, families=("si",))
    # The traceback that is held here keeps the frames alive: nothing is ended by the garbage collector.
    assert caught.traceback
    assert wait_for(lambda: not workers_of(os.getpid()), seconds=5)


def square(number: int) -> int:
    time.sleep(0.02 * (number % 3))
    return number * number


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(in_processes(square, range(30), processes=2, threads=1)) == [n * n for n in range(30)]
