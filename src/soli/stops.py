"""Ctrl-C and polite kills while other processes are started and ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Holds them back until the end. A process started meanwhile inherits that."""
    # Python's own tracker of resources, which the first process needs, takes the block off them as it starts.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stand_apart() -> None:
    """Lets this process, started undisturbed, go on where all of its group are stopped; told by name, it ends at once.

    Its parent hears of it and ends it when it is no longer needed. To ignore the signals instead would be to outlive
    that: multiprocessing ends processes by a polite kill, and waits for ever for one that takes no notice.
    """
    os.setpgid(0, 0)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # one that has come since the start is forgotten
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
