"""Folds of a set of songs: one is tested on, the next one validated on, all others are trained on.

A fold is a manifest like any other, whose splits are train, valid and test. What must hold of it is checked as it is
made: nothing of the song that is tested on, neither its name nor one of its files under another name, is in the rest.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from soli.data.manifest import Row
from soli.errors import DataError, UsageError

WHOLE = "all"
TRAIN, VALID, TEST = SPLITS = ("train", "valid", "test")
_NUMBERED = re.compile(r"(?P<number>\d+)-(?P<title>.+)")


def song_number(row: Row) -> int | None:
    """The number of the song a row is of: its meta's, or that in front of its name, as in "03-Title"."""
    number = row.meta.get("song")
    if isinstance(number, int):
        return number
    match = _NUMBERED.fullmatch(row.id.rpartition("/")[2])
    return int(match["number"]) if match else None


def song_name(row: Row) -> str | None:
    """The name by which a song is known in whatever split: its title in small letters; None where it has none."""
    title = row.meta.get("title")
    if isinstance(title, str):
        return title.lower()
    match = _NUMBERED.fullmatch(row.id.rpartition("/")[2])
    return match["title"].lower() if match else None


def leave_one_out(rows: Sequence[Row], song: int) -> list[Row]:
    """The rows with song number `song` as `test`, the next one (after the last, the first) as `valid`, else `train`.

    All rows of a song go together. Raises UsageError where no song has that number, DataError where the rows are no
    numbered songs, fewer than three, divided already, or share a song or a file across the splits.
    """
    numbers = _numbers(rows)
    known = sorted(set(numbers))
    if song not in known:
        raise UsageError(f"there is no song {song} to leave out", wanted=f"one of {', '.join(map(str, known))}")
    if len(known) < 3:
        raise DataError(f"{len(known)} songs cannot be divided into train, valid and test", wanted="three or more")
    following = known[(known.index(song) + 1) % len(known)]
    splits = {song: TEST, following: VALID}
    fold = [
        row.model_copy(update={"split": splits.get(number, TRAIN)}) for row, number in zip(rows, numbers, strict=True)
    ]
    shared = leaks(fold)
    if shared:
        raise DataError(f"song {song} cannot be left out: {'; '.join(shared)}", wanted="songs that share nothing")
    return fold


def _numbers(rows: Sequence[Row]) -> list[int]:
    divided = sorted({row.split for row in rows} - {WHOLE})
    if divided:
        raise DataError(
            f"the songs are divided into {', '.join(divided)} already, and none can be left out",
            wanted="a manifest of one set of songs",
            do="leave --leave-out away, or make the manifest of the one folder alone",
        )
    numbers = []
    for row in rows:
        number = song_number(row)
        if number is None:
            raise DataError(f"row {row.id} is of no numbered song", wanted="names such as 03-Title, or meta.song")
        numbers.append(number)
    return numbers


def leaks(rows: Iterable[Row]) -> list[str]:
    """A line for each song (by name) and each file (by sha256) that more than one of the splits holds."""
    songs: dict[str, dict[str, str]] = defaultdict(dict)
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        name = song_name(row)
        if name is not None:
            songs[row.split][name] = row.id
        hashes = [row.mixture_sha256, *(part.sha256 for part in row.parts)]
        files[row.split].update({sha256: row.id for sha256 in hashes if sha256})
    found = []
    for one, other in combinations(dict.fromkeys([*SPLITS, *files, *songs]), 2):
        for name in sorted(set(songs[one]) & set(songs[other])):
            found.append(f"{songs[one][name]} of {one} is the song {songs[other][name]} of {other}")
        pairs = {(files[one][sha256], files[other][sha256]) for sha256 in set(files[one]) & set(files[other])}
        found += [f"{mine} of {one} has a file in common with {theirs} of {other}" for mine, theirs in sorted(pairs)]
    return found
