"""Bach10's ten chorales, and the chorales that a model to be tested on Bach10 must never have heard.

The set names its songs by the beginnings of their titles, and "Jesus" begins three chorales. So more chorales are held
out than the set has songs: every one that could be one of them. What else Bach set on one of their melodies has other
numbers and titles, and is told by its notes where there are any (see `tunes`).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from soli.data.folds import SPLITS, TRAIN, VALID, numbered, song_names
from soli.data.manifest import Row

TRAINED_ON = (TRAIN, VALID)


@dataclass(frozen=True)
class Song:
    """A song of the set: its folder, the chorales (BWV) it may be, and how their titles begin, in plain letters."""

    folder: str
    bwv: tuple[int, ...]
    titles: tuple[str, ...]


SONGS = (
    Song("01-AchGottundHerr", (255,), ("achgottundherr",)),
    Song("02-AchLiebenChristen", (256,), ("achliebenchristen",)),
    Song("03-ChristederdubistTagundLicht", (274,), ("christederdubisttagundlicht",)),
    Song("04-ChristeDuBeistand", (275,), ("christedubeistand",)),
    Song("05-DieNacht", (296,), ("dienacht",)),
    Song("06-DieSonne", (297,), ("diesonn",)),
    Song("07-HerrGott", (326,), ("herrgottdichlobenallewir",)),
    Song("08-FuerDeinenThron", (327,), ("fuerdeinenthron", "vordeinenthron")),
    Song("09-Jesus", (363, 364, 365), ("jesusmeinezuversicht", "jesuschristusunserheiland")),
    Song("10-NunBitten", (385,), ("nunbitten",)),
)
# Held out beside those that the set's own titles lead to.
_KIN = (283,)
HELD_OUT = frozenset({number for song in SONGS for number in song.bwv}.union(_KIN))

_BWV = re.compile(r"bwv[ ._-]*0*(\d+)", re.IGNORECASE)


def is_held_out(name: str) -> bool:
    """Whether a chorale is for testing only: by its BWV number ("bwv255", "BWV 326.0"), its title, or its folder."""
    number = _BWV.search(name)
    if number is not None:
        return int(number[1]) in HELD_OUT
    # Some folders say so little ("Jesus") that their numbers count.
    letters, place = _letters(name), numbered(name)
    if place is not None and (place[0], letters) in _FOLDERS:
        return True
    return letters.startswith(_TITLES)


def held_out_songs(rows: Iterable[Row], *, used: Iterable[Row] | None = None) -> list[str]:
    """A line for each row of a set that is one of Bach10's chorales, and is trained or validated on all the same.

    `used` are the rows that are; without it, those of train and valid. A fold of Bach10 (nothing but its chorales, in
    train, valid and test) may use those two: what is tested there is the one song left out.
    """
    whole = list(rows)
    used = [row for row in whole if row.split in TRAINED_ON] if used is None else used
    learnt = TRAINED_ON if _is_fold(whole) else ()
    return [
        f"row {row.id} of split {row.split} is a chorale of Bach10, which is for testing only"
        for row in used
        if row.split not in learnt and _is_of_bach10(row)
    ]


def _is_fold(rows: Iterable[Row]) -> bool:
    return {row.split for row in rows} == set(SPLITS) and all(map(_is_of_bach10, rows))


def _is_of_bach10(row: Row) -> bool:
    return any(map(is_held_out, _names(row)))


def _names(row: Row) -> list[str]:
    """All that a row says of what is played: the songs that a mixture is made of included."""
    meta = row.meta
    songs = meta.get("songs")
    ids = [row.id, *(map(str, songs.values()) if isinstance(songs, dict) else ())]
    told = [*(str(meta[key]) for key in ("title", "bwv", "work") if key in meta), *song_names(row)]
    told += [f"{meta['song']}-{meta['title']}"] if {"song", "title"} <= meta.keys() else []
    return [*(name.rpartition("/")[2] for name in ids), *told]


def _letters(name: str) -> str:
    """Small plain letters alone: umlauts spelt out, numbers and accents left out."""
    spelt = name.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", spelt))


_FOLDERS = frozenset((number, _letters(song.folder)) for number, song in enumerate(SONGS, start=1))
_TITLES = tuple(title for song in SONGS for title in song.titles)
