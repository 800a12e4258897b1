"""From what a caller has (a path, bytes, a file object) to a seekable file of bytes with a name for messages."""

import errno
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from soli.errors import InputError
from soli.media.info import Source

SPOOL_BYTES = 16 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True)
class OpenSource:
    """A seekable binary `file` at position 0, `size` bytes long; `owned` files are closed with the reader."""

    file: BinaryIO
    name: str
    suffix: str
    size: int
    owned: bool

    def close(self) -> None:
        if self.owned:
            self.file.close()


def open_source(source: Source) -> OpenSource:
    """Opens a source for reading from its beginning; streams that cannot seek are copied to a temporary file.

    Raises InputError where it is missing, a folder, not readable, or empty.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        opened = OpenSource(io.BytesIO(source), "<bytes>", "", len(source), True)
    elif isinstance(source, (str, os.PathLike)):
        opened = _open_path(Path(source))
    else:
        opened = _open_file(source)
    if opened.size == 0:
        opened.close()
        raise InputError(
            f"{opened.name} is empty (0 bytes)", wanted="a sound or video file", do="check how it came here"
        )
    return opened


def is_pipe(path: Path) -> bool:
    """Whether this is a pipe, to be read once only; not where that cannot be told: opening it will say why."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def rereadable(path: Path) -> Iterator[Path | BinaryIO]:
    """What can be opened again and again: the path itself, or for a pipe a temporary file with its bytes and its name.

    Memory does not grow with what comes through the pipe; the temporary file is gone at the end. Raises InputError.
    """
    if not is_pipe(path):
        yield path
        return
    # Unbuffered: a failure then belongs to the write that it happened in, and closing cannot fail.
    with tempfile.TemporaryFile(buffering=0) as copy:
        try:
            with path.open("rb") as stream:
                _copy(stream, copy, str(path))
        except OSError as error:
            raise _refused(path, error) from error
        copy.name = str(path)  # what messages call it
        yield io.BufferedReader(copy)


def _copy(stream: BinaryIO, copy: IO[bytes], name: str) -> None:
    """Copies a stream to its end. Raises InputError where there is no room for it, OSError where it cannot be read."""
    try:
        while block := stream.read(_BLOCK):
            view = memoryview(block)
            while view:
                view = view[copy.write(view) :]
        copy.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"there is more in {name} than {tempfile.gettempdir()} has room for",
            do="free some space there, or have TMPDIR name another folder",
        ) from error


def _open_path(path: Path) -> OpenSource:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path} is a folder", wanted="a sound or video file", do="name a file in it")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise InputError(f"{path} is a device", wanted="a sound or video file", do="record it to a file first")
        file = path.open("rb")
        if stat.S_ISFIFO(mode):
            with file:
                return _spooled(file, str(path))
        return OpenSource(file, str(path), path.suffix.lower(), os.fstat(file.fileno()).st_size, True)
    except (OSError, ValueError) as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError | ValueError) -> InputError:
    return InputError(f"cannot open {str(path)!r}: {_reason(error)}", do="check the path and its permissions")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        known = {errno.ENOENT: "there is no such file", errno.EACCES: "permission denied"}
        return known.get(error.errno or 0, error.strerror or str(error))
    return str(error)


def _open_file(file: Any) -> OpenSource:
    given = getattr(file, "name", None)
    name = given if isinstance(given, str) else "<file object>"
    if isinstance(file, io.TextIOBase) or not hasattr(file, "read"):
        raise InputError(
            f"{name} is {type(file).__name__}", wanted="a file opened in binary mode", do='open it with "rb"'
        )
    try:
        if not file.seekable():
            return _spooled(file, name)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {name}: {_reason(error)}", do="open it again") from error
    return OpenSource(file, name, Path(name).suffix.lower(), size, False)


def _spooled(stream: BinaryIO, name: str) -> OpenSource:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the reader closes it
    try:
        _copy(stream, spool, name)
    except (InputError, OSError):
        with suppress(OSError):  # what did not fit does not fit when it is closed, either
            spool.close()
        raise
    size = spool.tell()
    spool.seek(0)
    return OpenSource(cast(BinaryIO, spool), name, Path(name).suffix.lower(), size, True)
