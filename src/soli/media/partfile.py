"""A file that appears under its final name only when it is whole: written beside it, hidden, then renamed."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soli.atomic import cannot_write, part_of
from soli.errors import OutputError


class Sink(io.RawIOBase):
    """A file that remembers its first failure, because codecs swallow what their write callback raises.

    Once closed it takes what a codec still flushes when it is dropped, and keeps nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        # Unbuffered: a failure then belongs to the write that it happened in, and closing cannot fail.
        self._file = path.open("w+b", buffering=0)
        self.failure: OSError | None = None

    def write(self, data: object) -> int:
        """Writes all bytes, or what there was room for, then none."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.closed:
            return len(view)
        done = 0
        try:
            while done < len(view) and self.failure is None:
                done += self._file.write(view[done:]) or 0
        except OSError as error:
            self.failure = error
        return done

    def read(self, size: int = -1) -> bytes:
        return b"" if self.closed else self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 if self.closed else self._file.seek(offset, whence)

    def tell(self) -> int:
        return 0 if self.closed else self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def sync(self) -> None:
        """Down to the disk. Raises OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        super().close()


class PartFile:
    """The temporary file `.NAME.part` beside `path`, open for writing as `sink`.

    A second writer for the same path takes the name over, so that a rerun after a kill leaves nothing behind.
    Raises OutputError where it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.part = part_of(self.path)
        try:
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            self.sink = Sink(self.part)
        except OSError as error:
            raise self.failed(error) from error

    def failed(self, error: Exception) -> OutputError:
        """What to raise about a failure: the sink's own, if there is one, is the cause of what codecs report."""
        sink = getattr(self, "sink", None)
        cause = sink.failure if sink is not None and sink.failure is not None else error
        if not isinstance(cause, OSError):
            return OutputError(f"cannot write {self.path}: {cause}", do="report this with the file that it was made of")
        return cannot_write(self.path, cause)

    @contextmanager
    def explained(self, *errors: type[Exception]) -> Iterator[None]:
        """Turns OSError, `errors` and the sink's failures within into OutputError; the temporary file is then gone."""
        try:
            yield
            if self.sink.failure is not None:
                raise self.sink.failure
        except (OSError, *errors) as error:  # type: ignore[misc]
            self.discard()
            raise self.failed(error) from error

    def finish(self) -> None:
        """Down to the disk, and closed, still under the temporary name."""
        with self.explained():
            self.sink.sync()
        self.sink.close()

    def commit(self) -> None:
        """Gives the finished file its final name, replacing what had it."""
        with self.explained():
            self.part.replace(self.path)

    def discard(self) -> None:
        """Closes and removes the temporary file; nothing happens where there is none."""
        self.sink.close()
        self.part.unlink(missing_ok=True)
