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


def numbered(name: str) -> tuple[int, str] | None:
    """What a name such as "03-Title" says: (3, "Title"); None of any other name."""
    match = _NUMBERED.fullmatch(name)
    return (int(match["number"]), match["title"]) if match else None


def song_number(row: Row) -> int | None:
    """The number of the song a row is of: its meta's, or that in front of its name, as in "03-Title"."""
    number = row.meta.get("song")
    if isinstance(number, int):
        return number
    named = numbered(row.id.rpartition("/")[2])
    return named[0] if named else None


def song_names(row: Row, *, by_id: bool = False) -> set[str]:
    """The names by which a row's songs are known in whatever split, in small letters; none of what is no song.

    A song has its meta's `title`, and a mixture of songs (see `song_mixing`) the `titles` of all that sound in it.
    `by_id` takes a song without a title at its id, as in "03-Title": other things may have such names too.
    """
    titles = row.meta.get("titles")
    told = [row.meta.get("title"), *(titles if isinstance(titles, list | tuple) else ())]
    names = {name.lower() for name in told if isinstance(name, str)}
    named = numbered(row.id.rpartition("/")[2])
    return {named[1].lower()} if by_id and named and not names else names


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
    shared = leaks(fold, by_id=True)
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


def leaks(rows: Iterable[Row], *, by_id: bool = False) -> list[str]:
    """A line for each song (by name, see `song_names`) and each file (by sha256) that several of the splits hold."""
    all_rows = list(rows)
    return [*shared_songs(all_rows, by_id=by_id), *_shared_files(all_rows)]


def shared_songs(rows: Iterable[Row], *, by_id: bool = False) -> list[str]:
    """A line for each song that several of the splits hold."""
    songs = _by_split((row, song_names(row, by_id=by_id)) for row in rows)
    return [
        f"{songs[one][name]} of {one} and {songs[other][name]} of {other} are both of the song {name}"
        for one, other in _pairs(songs)
        for name in sorted(set(songs[one]) & set(songs[other]))
    ]


def _shared_files(rows: Iterable[Row]) -> list[str]:
    files = _by_split((row, {row.mixture_sha256, *(part.sha256 for part in row.parts)} - {""}) for row in rows)
    found = []
    for one, other in _pairs(files):
        pairs = {(files[one][sha256], files[other][sha256]) for sha256 in set(files[one]) & set(files[other])}
        found += [f"{mine} of {one} has a file in common with {theirs} of {other}" for mine, theirs in sorted(pairs)]
    return found


def _by_split(held: Iterable[tuple[Row, set[str]]]) -> dict[str, dict[str, str]]:
    """Of each split: what its rows hold, and the id of a row that holds it. `train_small` is a part of `train`."""
    splits: dict[str, dict[str, str]] = defaultdict(dict)
    for row, things in held:
        splits[row.split.removesuffix("_small")].update(dict.fromkeys(things, row.id))
    return splits


def _pairs(splits: Iterable[str]) -> list[tuple[str, str]]:
    """Every two of the splits; those that are known come first, in their order."""
    there = set(splits)
    return list(combinations([*(split for split in SPLITS if split in there), *sorted(there - set(SPLITS))], 2))
