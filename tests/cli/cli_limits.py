"""Processes with less than the tests' own rights: what a read-only folder or a full disk is to them."""

import ctypes
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def _bound_by_permissions() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def bound_by_permissions() -> dict[str, Callable[[], None]]:
    """Options for subprocess that make permissions hold; they do anyway for anyone but root."""
    if os.geteuid() != 0:
        return {}
    if not Path("/proc/self/status").exists():
        pytest.skip("root is not bound by permissions, and only Linux can change that")
    return {"preexec_fn": _bound_by_permissions}


def no_file_beyond(size: int) -> dict[str, Callable[[], None]]:
    """Options for subprocess that make every write beyond `size` bytes of a file fail, as a full disk does."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}
