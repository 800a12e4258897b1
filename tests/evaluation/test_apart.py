"""Each item in a process of its own: what befalls one befalls no other."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from soli.errors import InputError, SoliError
from soli.pool import THREAD_LIMITS, apart


def test_what_befalls_one_item_befalls_no_other() -> None:
    def work(number: int) -> tuple[int, int, list[str | None]]:
        if number == 1:
            raise InputError("one cannot be used", do="take two")
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 3:
            raise ZeroDivisionError("three")
        return number, os.getpid(), [os.environ.get(name) for name in THREAD_LIMITS]

    outcomes = dict(apart(work, range(6), processes=3, threads=1))
    assert {item: str(outcome) for item, outcome in outcomes.items() if isinstance(outcome, SoliError)} == {
        1: "one cannot be used; take two",
        2: "its process was killed; run it again, with fewer at a time if memory is short",
        3: "ZeroDivisionError: three",
    }
    results = [outcome for outcome in outcomes.values() if not isinstance(outcome, SoliError)]
    assert sorted(number for number, _, _ in results) == [0, 4, 5]
    assert len({process for _, process, _ in results} | {os.getpid()}) == 4
    assert all(limits == ["1"] * len(THREAD_LIMITS) for _, _, limits in results)


def test_work_may_start_processes_of_its_own() -> None:
    def work(number: int) -> int | None:
        child = multiprocessing.Process(target=lambda: os._exit(number))
        child.start()
        child.join()
        return child.exitcode

    assert list(apart(work, [3], processes=1, threads=1)) == [(3, 3)]


@pytest.mark.parametrize("processes", [1, 2])
def test_no_more_are_at_work_than_asked_for(tmp_path: Path, processes: int) -> None:
    def work(number: int) -> int:
        mine = tmp_path / f"{number}.busy"
        mine.touch()
        at_work = len(list(tmp_path.glob("*.busy")))
        time.sleep(0.2)
        mine.unlink()
        return at_work

    counts = [count for _, count in apart(work, range(4), processes=processes, threads=1)]
    assert len(counts) == 4
    assert all(isinstance(count, int) and count <= processes for count in counts)


def test_closing_it_ends_what_is_at_work(tmp_path: Path) -> None:
    def work(number: int) -> int:
        if number:
            (tmp_path / "process").write_text(str(os.getpid()))
            time.sleep(600)
        return number

    outcomes = apart(work, [0, 1], processes=2, threads=1)
    assert next(outcomes) == (0, 0)
    deadline = time.monotonic() + 120
    while not (tmp_path / "process").exists() or not (tmp_path / "process").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    outcomes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)
