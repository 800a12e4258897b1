"""Files that are there whole or not at all: written beside their place under a hidden name, then renamed."""

import errno
import os
from contextlib import suppress
from pathlib import Path

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


def cannot_write(path: Path, error: OSError) -> OutputError:
    """What to raise where the system refuses to write `path`: why, and what helps."""
    do = _DO.get(error.errno or 0, "choose another folder")
    return OutputError(f"cannot write {path}: {error.strerror or error}", do=do)


def write_atomically(path: Path, content: bytes | str, *, keep: Path | None = None) -> None:
    """Replaces `path` in one step, so that a kill leaves the old file or the new one, and never half of it.

    The folder is made where there is none. Text is written as UTF-8. The old file stays under the name `keep`, if
    given. Raises OutputError.
    """
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            keep.unlink(missing_ok=True)
            os.link(path, keep)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where it could not be made it cannot be removed, and the first failure tells more
            part.unlink()
        raise cannot_write(path, error) from error
