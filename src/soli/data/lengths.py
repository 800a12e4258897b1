"""Rows that claim more sound than their files hold: rendered, the missing rest would be silence without a word."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from soli.data.manifest import Row
from soli.errors import InputError
from soli.media.audio import probe

# Durations in manifests may be rounded, to milliseconds or so.
_TOLERANCE_S = 0.01
# Rows made of whole recordings. Others may end in silence on purpose, as planned ones do.
_WHOLE_RECORDINGS = ("", "stems")


def too_long(rows: Iterable[tuple[Row, Path]]) -> list[str]:
    """A line for each row that is longer than its files give; files that cannot be read are left to other checks.

    Only files whose header tells the exact length are looked at.
    """
    known: dict[Path, float | None] = {}
    problems: list[str] = []
    for row, root in rows:
        for part in row.parts:
            if part.path and root / part.path not in known:
                known[root / part.path] = _seconds(root / part.path)
        lengths = [known[root / part.path] if part.path else None for part in row.parts]
        problems += _row_problems(row, lengths)
    return problems


def _row_problems(row: Row, lengths: Sequence[float | None]) -> list[str]:
    """`lengths`: seconds of each part's file, None where that is not known or the part has none."""
    problems, end_s = [], 0.0
    for part, length_s in zip(row.parts, lengths, strict=True):
        given_s = part.duration_s
        if length_s is not None:
            given_s = min(given_s, max(0.0, (length_s - part.start_s) / part.speed))
        end_s = max(end_s, part.onset_s + given_s)
        if part.duration_s > given_s + _TOLERANCE_S:
            wanted_s = part.start_s + part.duration_s * part.speed
            problems.append(
                f"row {row.id}: its part of {part.source} reaches {wanted_s:.3f} s into {part.path}, which has"
                f" {length_s:.3f} s"
            )
    if row.parts and row.spec in _WHOLE_RECORDINGS and row.duration_s > end_s + _TOLERANCE_S:
        problems.append(f"row {row.id}: duration_s is {row.duration_s:g}, its files give {end_s:g} s")
    return problems


def _seconds(path: Path) -> float | None:
    try:
        info = probe(path)
    except InputError:
        return None
    return None if info.frames is None else info.duration_s
