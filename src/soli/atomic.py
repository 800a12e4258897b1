"""Files that are there whole or not at all: written beside their place under a hidden name, then renamed."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from soli.errors import OutputError

_SPACE = "free some space, or choose another folder"
_DO = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "choose a smaller format (flac), or another file system",
    errno.ENOENT: "make the folder first",
    errno.EISDIR: "choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def part_of(path: Path) -> Path:
    """The temporary name that a file or a folder has until it is whole."""
    return path.with_name(f".{path.name}.part")


def cannot_write(path: Path, error: OSError, *, do: str = "choose another folder") -> OutputError:
    """What to raise where the system refuses to write `path`: why, and what helps; `do` where nothing special does."""
    return OutputError(f"cannot write {path}: {error.strerror or error}", do=_DO.get(error.errno or 0, do))


def write_atomically(path: Path, content: bytes | str, *, keep: Path | None = None) -> None:
    """Replaces `path` in one step, so that a kill leaves the old file or the new one, and never half of it.

    The folder is made where there is none. Text is written as UTF-8. The old file stays under the name `keep`, if
    given. Where several write the same file, one waits for the other. Raises OutputError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held_part(path) as (part, file):
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
            if keep is not None and path.exists():
                _keep(path, keep)
            part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def folder_atomically(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which then takes the place of `folder` and of all that is in that.

    A kill leaves the old folder, the new one or none, and never half of one. Where filling it fails the old one stays.
    Folders above it are made. Raises OutputError.
    """
    part = part_of(folder)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _held_part(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """The temporary file of `path`, empty, open and this writer's alone; gone at the end, renamed or not.

    Its name is always the same, so that what a killed writer left is taken over and not left lying about.
    """
    part = part_of(path)
    while True:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        with file:
            _lock(file)
            if not _is_at(part, file):
                continue  # the writer that was waited for has given it its final name, or removed it
            try:
                file.truncate()
                yield part, file
            finally:
                with suppress(OSError):  # where this fails so did the writing, and the first failure tells more
                    if _is_at(part, file):
                        part.unlink()
        return


def _lock(file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF, errno.ENOSYS):
            raise  # some network file systems have no locks; they are used without


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether the open file is the one that has the name `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _keep(path: Path, keep: Path) -> None:
    """Gives what is at `path` a second name, or copies it where the file system has no such thing (exFAT, some mounts).

    Raises OSError, or OutputError where the copy cannot be written.
    """
    keep.unlink(missing_ok=True)
    try:
        os.link(path, keep)
    except OSError:  # systems differ in the code that they give; what is really wrong befalls the copy, too
        write_atomically(keep, path.read_bytes())


def _sync_folder(folder: Path) -> None:
    """Brings new names down to the disk, where the system does that for folders and lets us."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
