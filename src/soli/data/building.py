"""What all builds of sets on disk ask before they write: whether their folder is free, and whether there is room."""

import shutil
from collections.abc import Collection
from pathlib import Path

from soli.errors import OutputError


def check_free(out: Path, *, besides: Collection[str] = ()) -> None:
    """Raises OutputError where `out` is a file, or a folder that holds anything.

    Names of `besides` do not count, nor do hidden ones: packages that were fetched, what a kill has left of a file.
    """
    if out.exists() and (not out.is_dir() or {path.name for path in out.glob("[!.]*")} - set(besides)):
        raise OutputError(f"{out} holds something else", wanted="a new or empty folder")


def check_room(out: Path, needed: int, *, what: str, do: str) -> int:
    """The bytes that will be left on the disk that `out` is on, or will be on, when `what` has taken what it needs.

    Raises OutputError where nothing would be left.
    """
    place = next(place for place in (out, *out.resolve().parents) if place.is_dir())
    free = shutil.disk_usage(place).free
    if needed >= free:
        raise OutputError(f"{what} take {size(needed)}, and {out} has {size(free)} of room", do=do)
    return free - needed


def size(count: int) -> str:
    """So many bytes, for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
