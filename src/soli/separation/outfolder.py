"""The folders that stems are written to: checked before any work, held against other runs, left clean."""

import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from soli.errors import OutputError

if sys.platform != "win32":
    import fcntl


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Makes the folder `out` and checks that files can be written there; takes it away again if it stays empty.

    Raises OutputError, before any work is done.
    """
    made = _make(out)
    try:
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        _remove_empty(made)
        raise _refused(out, error) from error
    try:
        yield
    finally:
        _remove_empty(made)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder of one input's stems and holds it alone; takes it away again if it stays empty.

    What a killed run left there under temporary names is removed. Raises OutputError where the folder cannot be made or
    another run of soli works on it.
    """
    made = _make(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        sweep(folder)
        yield
    finally:
        _remove_empty(made)
        os.close(handle)


def sweep(folder: Path) -> None:
    """Removes the temporary files of a killed run from a folder that is held, or that no run works on."""
    for part in (*folder.glob(".*.part"), *folder.glob(".*.part.*")):
        part.unlink(missing_ok=True)


def sweep_unfinished(folders: Iterable[Path]) -> None:
    """Sweeps folders where a run was stopped in the middle, and takes them away if that leaves them empty."""
    for folder in folders:
        if not folder.is_dir():
            continue
        try:
            with held(folder):
                pass
        except OutputError:
            continue  # another run is at work there, or it is not ours to write to: what lies there is not in the way
        _remove_empty([folder])


def _make(folder: Path) -> list[Path]:
    """Makes a folder and the ones above it; gives those that were not there, the deepest first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _refused(folder, error) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # it holds something, or was never made: then so do the ones above it


def _lock(handle: int, folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders have no locks there: two runs at once on one folder are not noticed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another run of soli is writing to {folder}", do="wait until it is done, or give another --out"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
            raise  # some network file systems have no locks on folders; they are used without


def _refused(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write to the folder {folder}: {error.strerror}", do="give another folder with --out")
