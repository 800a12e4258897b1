"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_for(what: Callable[[], bool], *, seconds: float = 60) -> bool:
    """Whether `what()` becomes true in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.005)
    return False
