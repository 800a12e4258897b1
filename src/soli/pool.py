"""One function on many items by several processes, none of which outlives the run, however that ends."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from loky import ProcessPoolExecutor

from soli.errors import SoliError
from soli.stops import undisturbed

T = TypeVar("T")
R = TypeVar("R")

# numpy's thread pools read their limit when they start, and would otherwise take every core in each process.
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Items given out for each process: as many as keep all of them at work while one takes several times as long.
_AHEAD = 4
_LOOK_EVERY_S = 0.5


def in_processes(work: Callable[[T], R], items: Iterable[T], *, processes: int, threads: int) -> Iterator[R]:
    """The results in the order of the items; closing the iterator ends the processes, done or not.

    Ctrl-C and a polite kill reach this process alone, even where they are sent to the whole group. Raises SoliError
    where a process was killed.
    """
    # Not the standard library's pool: in Python 3.11 it waits for ever when a worker is killed while others start.
    pool = ProcessPoolExecutor(
        processes, initializer=_end_with, initargs=(os.getpid(),), env=dict.fromkeys(THREAD_LIMITS, str(threads))
    )
    try:
        yield from _in_order(pool, work, iter(items), ahead=_AHEAD * processes)
    except BrokenProcessPool as error:
        raise SoliError(
            "a worker process was killed", do="run it again, with fewer --workers if memory is short: it goes on"
        ) from error
    finally:
        with undisturbed():
            pool.shutdown(kill_workers=True)


def _in_order(pool: ProcessPoolExecutor, work: Callable[[T], R], items: Iterator[T], *, ahead: int) -> Iterator[R]:
    """Not `pool.map`, which cancels what is left when it is closed: a pool that is killed then trips over that."""
    waiting: deque[Future[R]] = deque()
    with undisturbed():  # the first call starts every process, and they inherit what is blocked
        waiting.extend(pool.submit(work, item) for item in islice(items, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in islice(items, 1))
        yield result


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, which may have been killed without a chance to say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
