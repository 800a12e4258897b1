"""The program's standard streams, which callers may have closed, filled, or stopped listening to."""

import errno
import io
import os
import sys
from typing import TextIO, cast

from soli.errors import SoliError

_prepared = False  # until then the streams are those of whoever calls from Python


class OutputLost(SoliError):
    """Stdout is closed or full: what was to be printed is lost, and nothing else."""


class Stdout(io.TextIOWrapper):
    """Text to stdout. Raises OutputLost where that is closed or full, and takes no more from then on."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> OutputLost:
        abandon(self)
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
        return OutputLost(f"cannot print to stdout: {reason}", do="what was done is kept")


def abandon(stream: TextIO) -> None:
    """Lets all that is and will be written to a stream go nowhere, so that Python's own last flush cannot fail.

    Nothing is done to the streams of another program, which are in its own care.
    """
    if not _prepared:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def prepare() -> None:
    """Readies the streams of this process: any file name can be printed, and what fails to be is an OutputLost."""
    global _prepared
    _prepared = True
    _occupy()
    out, err = cast(TextIO | None, sys.stdout), cast(TextIO | None, sys.stderr)
    # A name that is not valid UTF-8 is shown with escapes; strict would fail on it.
    if out is None:
        sys.stdout = Stdout(_raw(1), errors="backslashreplace")
    elif isinstance(out, io.TextIOWrapper):
        encoding, lines = out.encoding, out.line_buffering
        sys.stdout = Stdout(out.detach(), encoding, errors="backslashreplace", line_buffering=lines)
    if err is None:
        sys.stderr = io.TextIOWrapper(_raw(2), errors="backslashreplace")
    elif isinstance(err, io.TextIOWrapper):
        err.reconfigure(errors="backslashreplace")


def _occupy() -> None:
    """Takes the places of closed streams, which else the next files to be opened get, and what is printed with them.

    In that of stdout stands what cannot be written to: that somebody closed it is for `Stdout` to find.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)


def _raw(number: int) -> io.BufferedWriter:
    return io.BufferedWriter(io.FileIO(number, "w", closefd=False))
