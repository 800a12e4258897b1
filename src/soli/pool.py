"""One function on many items by several processes, none of which outlives the run, however that ends."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
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


def mapped(
    work: Callable[[T], R], items: Sequence[T], *, workers: int, least: int = 1, threads: int = 1
) -> Generator[R, None, None]:
    """The results in the order of the items, by at most so many processes with `least` items or more for each.

    Where that comes to one they are made in this process, with its own threads; else as `in_processes` makes them, and
    closing the iterator ends the processes.
    """
    processes = min(workers, len(items) // least)
    if processes <= 1:
        yield from map(work, items)
    else:
        yield from in_processes(work, items, processes=processes, threads=threads)


def in_processes(work: Callable[[T], R], items: Iterable[T], *, processes: int, threads: int) -> Iterator[R]:
    """The results in the order of the items; closing the iterator ends the processes, done or not.

    Ctrl-C and a polite kill reach this process alone, even where they are sent to the whole group. Raises SoliError
    where a process was killed.
    """
    pool = _pool(processes, threads)
    try:
        yield from _in_order(pool, work, iter(items), ahead=_AHEAD * processes)
    except BrokenProcessPool as error:
        raise SoliError(
            "a worker process was killed", do="run it again, with fewer --workers if memory is short: it goes on"
        ) from error
    finally:
        with undisturbed():
            pool.shutdown(kill_workers=True)


def apart(
    work: Callable[[T], R], items: Iterable[T], *, processes: int, threads: int
) -> Generator[tuple[T, R | SoliError], None, None]:
    """Each item in a fresh process of its own, so many at a time, as they come: the item, and its result or its error.

    A process that fails, or is killed, takes nothing else along. Closing the iterator ends all that are at work.
    """
    left, at_work = iter(items), dict[Future[R], tuple[T, ProcessPoolExecutor]]()
    try:
        while True:
            for item in islice(left, processes - len(at_work)):
                pool = _pool(1, threads)
                with undisturbed():
                    at_work[pool.submit(work, item)] = (item, pool)
            if not at_work:
                return
            finished, _ = wait(at_work, return_when=FIRST_COMPLETED)
            for future in finished:
                item, pool = at_work.pop(future)
                with undisturbed():
                    pool.shutdown(kill_workers=True)
                error = future.exception()
                yield item, future.result() if error is None else _told(error)
    finally:
        with undisturbed():
            for _, pool in at_work.values():
                pool.shutdown(kill_workers=True)


def _told(error: BaseException) -> SoliError:
    """Why a process came to no result."""
    if isinstance(error, SoliError):
        return error
    if isinstance(error, BrokenProcessPool):
        return SoliError("its process was killed", do="run it again, with fewer at a time if memory is short")
    return SoliError(f"{type(error).__name__}: {error}")


def _pool(processes: int, threads: int) -> ProcessPoolExecutor:
    # Not the standard library's pool: in Python 3.11 it waits for ever when a worker is killed while others start.
    return ProcessPoolExecutor(
        processes, initializer=_begin, initargs=(os.getpid(),), env=dict.fromkeys(THREAD_LIMITS, str(threads))
    )


def _in_order(pool: ProcessPoolExecutor, work: Callable[[T], R], items: Iterator[T], *, ahead: int) -> Iterator[R]:
    """Not `pool.map`, which cancels what is left when it is closed: a pool that is killed then trips over that."""
    waiting: deque[Future[R]] = deque()
    with undisturbed():  # the first call starts every process, and they inherit what is blocked
        waiting.extend(pool.submit(work, item) for item in islice(items, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in islice(items, 1))
        yield result


def _begin(parent: int) -> None:
    """What each process does first."""
    _end_with(parent)
    # loky's own way of starting processes is the default in its workers, and loaders of training data know no such way.
    multiprocessing.set_start_method(None, force=True)


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, which may have been killed without a chance to say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
