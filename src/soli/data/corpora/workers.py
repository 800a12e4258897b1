"""Work that several processes share, its results in order; what was made does not depend on how many there are."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from loky import ProcessPoolExecutor

from soli.errors import SoliError

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_order(work: Callable[[Item], Result], items: Sequence[Item], *, workers: int) -> Iterator[Result]:
    """`work` of each item, in this process where one worker is enough. Processes are given `work` once, at their start.

    Raises SoliError where a process is killed, and what `work` raises.
    """
    if min(workers, len(items)) <= 1:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(items)),
        initializer=_prepare,
        initargs=(work, os.getpid()),
        env=dict.fromkeys(_THREAD_LIMITS, "1"),
    )
    try:
        yield from pool.map(_do, items)
    except BrokenProcessPool as error:
        raise SoliError(
            "a worker process was killed", do="run it again, with fewer --workers if memory is short: it goes on"
        ) from error
    finally:
        pool.shutdown(kill_workers=True)


_work: Callable[[Any], Any] | None = None


def _prepare(work: Callable[[Any], Any], parent: int) -> None:
    """Ctrl-C is for the first process, which tells the others to stop."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    """Ends this process soon after its parent was killed: loky's workers would wait for ever, and write meanwhile."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _do(item: Any) -> Any:
    assert _work is not None, "the pool has prepared its workers"
    return _work(item)
