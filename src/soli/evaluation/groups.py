"""Which items hang together: those of one speaker say less of other speakers than as many of several would."""

from collections.abc import Sequence

from soli.evaluation.line import Line

GROUP_KEYS = ("group", "speaker")
"""Keys of a row's meta that name the group; the first that all rows have counts."""


def group_key(lines: Sequence[Line]) -> str | None:
    """The meta key that names the group of every line; None where there is no such key."""
    return next((key for key in GROUP_KEYS if lines and all(_named(line, key) for line in lines)), None)


def groups_of(lines: Sequence[Line]) -> list[str] | None:
    """The group of each line; None where lines name none."""
    key = group_key(lines)
    return None if key is None else [str(line.meta[key]) for line in lines]


def _named(line: Line, key: str) -> bool:
    return isinstance(line.meta.get(key), str | int)
