"""The folders that stems are written to: checked before any work, held against other runs, left clean."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from soli.atomic import cannot_write
from soli.errors import OutputError


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
def held(folder: Path, leftovers: Iterable[Path] = ()) -> Iterator[None]:
    """Makes the folder of one input's stems and holds it alone; takes it away again if it stays empty.

    `leftovers`, the temporary names under which a killed run may have left something there, are removed. Raises
    OutputError where the folder cannot be made or another run of soli works on it.
    """
    made = _make(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        for part in leftovers:
            part.unlink(missing_ok=True)
        yield
    finally:
        _remove_empty(made)
        os.close(handle)


def sweep_unfinished(leftovers: Mapping[Path, Iterable[Path]]) -> None:
    """Removes what a stopped run left: temporary files by the folder that they are in, and folders thus empty."""
    for folder, parts in leftovers.items():
        if not folder.is_dir():
            continue
        try:
            with held(folder, parts):
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
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"another run of soli is writing to {folder}", do="wait until it is done, or give another folder (--out)"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
            raise  # some network file systems have no locks on folders; they are used without


def _refused(folder: Path, error: OSError) -> OutputError:
    return cannot_write(folder, error, do="give another folder (--out)")
