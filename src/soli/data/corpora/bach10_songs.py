"""Bach10's ten chorales, and the chorales that a model to be tested on Bach10 must never have heard.

The set names its songs by the beginnings of their titles, and Bach set some of these melodies more than once: "Jesus"
begins three chorales, and the same four lines come back under other numbers. So more chorales are held out than the
set has songs: every one that could be one of them, or has its melody.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from soli.data.manifest import Row

TRAINED_ON = ("train", "valid")


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
    """Whether a chorale, named by its BWV number ("bwv255", "BWV 326.0") or its title, is for testing only."""
    number = _BWV.search(name)
    if number is not None:
        return int(number[1]) in HELD_OUT
    letters = _letters(name)
    folders = {_letters(song.folder) for song in SONGS}
    return letters in folders or any(letters.startswith(title) for song in SONGS for title in song.titles)


def held_out_songs(rows: Iterable[Row]) -> list[str]:
    """A line for each row to train or validate on that is one of Bach10's chorales; none where the rows are a fold.

    Rows that are all of Bach10's chorales are a fold of that set: what is tested there is the one song left out.
    """
    all_rows = list(rows)
    held = [row for row in all_rows if any(map(is_held_out, _names(row)))]
    if len(held) == len(all_rows):
        return []
    return [
        f"row {row.id} of split {row.split} is a chorale of Bach10, which is for testing only"
        for row in held
        if row.split in TRAINED_ON
    ]


def _names(row: Row) -> list[str]:
    return [row.id.rpartition("/")[2], *(str(row.meta[key]) for key in ("title", "bwv", "work") if key in row.meta)]


def _letters(name: str) -> str:
    """Small plain letters alone: umlauts spelt out, numbers and accents left out."""
    spelt = name.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", spelt))
