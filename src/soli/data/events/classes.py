"""What classes of events may be called, and the name that the background has among them."""

from collections.abc import Iterable

from soli.errors import DataError

SCENE = "scene"
# Names of other things beside the classes: sources of rows, and files of rendered ones.
_TAKEN = (SCENE, "mixture", "rest")


def check_classes(classes: Iterable[str]) -> tuple[str, ...]:
    """The classes in alphabetical order, which is their number. Raises DataError where one cannot be a file's name."""
    ordered = tuple(sorted(set(classes)))
    for name in ordered:
        if name in _TAKEN or "/" in name or name.startswith(".") or not name.isprintable():
            raise DataError(
                f"a class is called {name!r}", wanted=f"names of files, and none of {', '.join(_TAKEN)}", do="rename it"
            )
    if not ordered:
        raise DataError("there is no class", wanted="one or more")
    return ordered
