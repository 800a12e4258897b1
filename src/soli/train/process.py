"""How a process is set up for training: for the whole of it, so it is a program that asks for it, not a function."""

import ctypes
import os

# What malloc.h calls them.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def ready_process() -> None:
    """Lets this process train as fast as it can on a machine that others use too; call it before torch is imported."""
    _let_waiting_threads_sleep()
    _keep_freed_memory()
    _take_denormals_as_zero()


def _let_waiting_threads_sleep() -> None:
    """OpenMP's threads wait for one another by counting; where others want the cores they make a step ten times as
    long. It reads this once, when it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _keep_freed_memory() -> None:
    """A step takes the memory that the step before it gave back; from the system it would come in pages to be
    cleared first, which is half of the time of a network of large spectrograms. glibc only.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _NEVER)


def _take_denormals_as_zero() -> None:
    """Silence and band limits give gradients near the smallest numbers there are, which a processor adds up tens of
    times more slowly than others; taken as zero they change nothing. Threads inherit it from the one that asks.
    """
    import torch

    torch.set_flush_denormal(True)
