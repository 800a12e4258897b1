"""Ctrl-C, and a polite kill: the work ends with nothing half-written left, and a word on how to go on."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from soli.errors import SoliError

EXIT_STOPPED = 130


class Stopped(SoliError):
    """The user, or the system politely, ended the work; the message says how to go on."""

    exit_code = EXIT_STOPPED


@contextmanager
def stoppable(things: str) -> Iterator[None]:
    """Ends the work at once, wherever it is. `things`: what it is made of, as the message calls it. Raises Stopped."""
    with _told(things), _handling(signal.default_int_handler, signal.SIGTERM):
        yield


@contextmanager
def stoppable_between(things: str) -> Iterator[Callable[[], None]]:
    """Ends the work where it calls what it is given, or at once when it is told a second time. Raises Stopped.

    For work that sound libraries do a part of: an exception that comes while they call back into Python is printed by
    them and lost, and they go on with half of the sound.
    """
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    with _told(things), _handling(ask, signal.SIGINT, signal.SIGTERM):
        yield check


@contextmanager
def _told(things: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped; the {things} that are done are kept", do="give the same command again for the rest"
        ) from None


@contextmanager
def _handling(handler: Callable[[int, Any], None], *numbers: signal.Signals) -> Iterator[None]:
    """Hands these signals to the handler, but for those that whoever started us, or calls us, has set otherwise."""
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: found for number in numbers if (found := signal.getsignal(number)) in usual}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, found in before.items():
            signal.signal(number, found)
