"""Reads Bach10 v1.1: `ROOT/NN-Title/NN-Title.wav` and `NN-Title-{violin,clarinet,saxphone,bassoon}.wav`.

The set spells the third one so; here it is the saxophone. `ROOT/{train,valid,test}/NN-Title/...` is read alike, which
is how rendered chorales are laid out. Folders without a number (`Code`), and files beside the five (scores, pitches,
alignments), are no part of the songs. Every sound is read, and all that is wrong is found before anything is made.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from soli.data.folds import SPLITS, WHOLE, leaks, numbered
from soli.data.manifest import Row
from soli.data.mixtures import EXACT_DB, LIMIT_DB
from soli.data.readers.problems import BadSetError
from soli.data.tracks import Track, rows_of_tracks
from soli.dsp.levels import difference_db, gain
from soli.errors import DataError, InputError
from soli.media.audio import read_audio
from soli.types import Array, Audio

# The names that a source's file may have; the first is the source's own.
NAMES = {
    "violin": ("violin",),
    "clarinet": ("clarinet",),
    "saxophone": ("saxophone", "saxphone"),
    "bassoon": ("bassoon",),
}
# The set's own programs; its sounds are no songs, and need no mention.
_CODE = "Code"
# Levels closer than this are one: rounding to 16 bits moves the level of a mix by less.
_SAME_LEVEL_DB = 0.05

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Song:
    """A song that is in order. `sum_db`: what is left of the mix without its stems, taken at `level_db`."""

    id: str
    folder: str
    split: str
    number: int
    title: str
    stems: dict[str, str]
    sum_db: float
    level_db: float
    sample_rate: int
    duration_s: float

    @property
    def track(self) -> Track:
        """The song as a track; paths start from the set's root."""
        return Track(
            id=self.id,
            stems={source: (f"{self.folder}/{name}",) for source, name in self.stems.items()},
            split=self.split,
            mixture=f"{self.folder}/{self.id}.wav",
            meta={"song": self.number, "title": self.title},
        )


@dataclass
class Bach10:
    """A set that is in order: its songs by split and number, and the sounds and folders that belong to none."""

    root: Path
    songs: list[Song]
    ignored: list[str] = field(default_factory=list)

    @property
    def splits(self) -> dict[str, int]:
        return dict(Counter(song.split for song in self.songs))

    def rows(self) -> list[Row]:
        """A manifest row a song, whole. Raises BadSetError where a song or a file is in several splits."""
        rows = list(rows_of_tracks([song.track for song in self.songs], self.root))
        found = leaks(rows)
        if found:
            raise BadSetError(self.root, found)
        return [_at_level(row, song.level_db) for row, song in zip(rows, self.songs, strict=True)]


def _at_level(row: Row, level_db: float) -> Row:
    parts = tuple(part.model_copy(update={"gain_db": level_db}) for part in row.parts)
    return row.model_copy(update={"parts": parts}) if level_db else row


@dataclass(frozen=True)
class Reading:
    """What is asked of mixes: how far from the sum of the stems they may be, in dB of the mix, and at which level.

    With `match_level` a mix may be the sum at another level, which then becomes that of the stems.
    """

    limit_db: float = LIMIT_DB
    match_level: bool = False
    watch: Watch = lambda done, total: None


_PLAIN = Reading()


def read_bach10(root: Path, reading: Reading = _PLAIN) -> Bach10:
    """Reads and checks a set. Raises DataError where it has no songs, BadSetError with all that is wrong with them."""
    if not root.is_dir():
        raise DataError(f"{root} is no folder", wanted="the folder that holds 01-Title, 02-Title ...")
    found, problems = Bach10(root, []), list[str]()
    places = [(split, place) for split, folder in _split_folders(root) for place in _songs(folder, root, found)]
    if not places:
        raise DataError(f"no songs in {root}", wanted="folders such as 01-AchGottundHerr", do=_elsewhere(root))
    for done, (split, place) in enumerate(places, start=1):
        looked = _look(place, split, root, reading)
        found.songs += looked.songs
        found.ignored += looked.ignored
        problems += looked.wrong
        reading.watch(done, len(places))
    problems += _twice(places)
    if problems:
        raise BadSetError(root, problems)
    found.songs.sort(key=lambda song: (song.split != WHOLE and SPLITS.index(song.split), song.number))
    return found


def _split_folders(root: Path) -> list[tuple[str, Path]]:
    """The folders that hold songs: the root, or those of the splits where the songs are in them."""
    splits = [(split, root / split) for split in SPLITS if (root / split).is_dir()]
    return [(WHOLE, root)] if not splits or _holds_songs(root) else splits


def _holds_songs(folder: Path) -> bool:
    return any(path.is_dir() and numbered(path.name) for path in folder.iterdir())


def _songs(folder: Path, root: Path, found: Bach10) -> list[Path]:
    places = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and numbered(path.name):
            places.append(path)
        elif path.is_dir() and path.name != _CODE and not path.name.startswith("."):
            found.ignored.append(f"{path.relative_to(root)}/")
    return places


def _elsewhere(root: Path) -> str:
    """Where the songs are instead, if a folder inside or around has any."""
    if numbered(root.name) and (root / f"{root.name}.wav").is_file():
        return f"give the folder above: {root.resolve().parent}"
    for path in sorted(root.iterdir()):
        if path.is_dir() and _holds_songs(path):
            return f"give the folder in it: {path}"
    return "check the path"


def _twice(places: Iterable[tuple[str, Path]]) -> list[str]:
    """A line for each number that two folders of a split have, and for each name that two splits have."""
    numbers: dict[tuple[str, int], list[str]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    for split, place in places:
        number = numbered(place.name)
        assert number is not None
        numbers[split, number[0]].append(place.name)
        names[place.name].append(split)
    problems = [
        f"song {number} is there twice: {' and '.join(same)}" for (_, number), same in numbers.items() if len(same) > 1
    ]
    return problems + [f"{name} is in {' and '.join(same)}" for name, same in names.items() if len(same) > 1]


@dataclass(frozen=True)
class _Look:
    """What one folder holds: a song if it is in order, sounds of none, and a line for each thing that is wrong."""

    songs: list[Song]
    ignored: list[str]
    wrong: list[str]


def _look(place: Path, split: str, root: Path, reading: Reading) -> _Look:
    folder, mix = place.relative_to(root).as_posix(), f"{place.name}.wav"
    sounds = {path.name for path in place.iterdir() if path.suffix.lower() == ".wav" and not path.name.startswith(".")}
    stems, wrong = _stems(place.name, sounds)
    if mix not in sounds:
        wrong.insert(0, f"the mix {mix} is missing")
    ignored = [f"{folder}/{name}" for name in sorted(sounds - {mix, *stems.values()})]
    found = wrong or _song(place, split, root, stems, reading)
    if isinstance(found, Song):
        return _Look([found], ignored, [])
    return _Look([], ignored, [f"{folder}: {each}" for each in found])


def _song(place: Path, split: str, root: Path, stems: dict[str, str], reading: Reading) -> Song | list[str]:
    """The song of a folder where all files are; what is wrong with them if they are not in order."""
    mix = f"{place.name}.wav"
    try:
        audio = {name: read_audio(place / name) for name in (mix, *stems.values())}
    except InputError as error:
        return [str(error)]
    sum_db, level_db, wrong = _measure(audio, reading)
    named = numbered(place.name)
    assert named is not None
    if wrong:
        return wrong
    return Song(
        id=place.name,
        folder=place.relative_to(root).as_posix(),
        split=split,
        number=named[0],
        title=named[1],
        stems=stems,
        sum_db=sum_db,
        level_db=level_db,
        sample_rate=audio[mix].sample_rate,
        duration_s=audio[mix].duration_s,
    )


def _stems(title: str, sounds: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The file of each source among the sounds of a folder, and what is wrong with them."""
    stems, wrong = {}, []
    for source, spellings in NAMES.items():
        there = [f"{title}-{name}.wav" for name in spellings if f"{title}-{name}.wav" in sounds]
        if len(there) == 1:
            stems[source] = there[0]
        elif there:
            wrong.append(f"the {source} is there twice: {' and '.join(there)}")
        else:
            wrong.append(f"{' or '.join(f'{title}-{name}.wav' for name in spellings)} is missing")
    return stems, wrong


def _measure(audio: dict[str, Audio], reading: Reading) -> tuple[float, float, list[str]]:
    """Whether a mix (the first) and its stems belong together: (what is left in dB, level in dB, what is wrong)."""
    shapes = {name: (each.sample_rate, *each.samples.shape) for name, each in audio.items()}
    for at, what in enumerate(("Hz", "channels", "samples")):
        if len({shape[at] for shape in shapes.values()}) > 1:
            listed = ", ".join(f"{name.removesuffix('.wav')} {shape[at]}" for name, shape in shapes.items())
            return 0.0, 0.0, [f"its files differ in {what}: {listed}"]
    name, *_ = audio
    mix, *stems = (each.samples for each in audio.values())
    total: Array = np.add.reduce(stems)
    level_db = _level_db(mix, total)
    matched: Array = np.multiply(total, gain(level_db), dtype=np.float32)
    matched_db = _left_db(mix, matched)
    if reading.match_level and matched_db <= reading.limit_db:
        return matched_db, level_db, []
    sum_db = _left_db(mix, total)
    if sum_db <= reading.limit_db:
        return sum_db, 0.0, []
    wrong = f"{name} is not the sum of its stems: what they leave of it lies at {sum_db:.1f} dB"
    if abs(level_db) > _SAME_LEVEL_DB and matched_db <= reading.limit_db:
        return sum_db, 0.0, [f"{wrong}; it is their sum at {level_db:+.1f} dB: --match-level takes them at that level"]
    return sum_db, 0.0, [f"{wrong}, wanted {reading.limit_db:g} dB at most"]


def _level_db(mix: Array, total: Array) -> float:
    """The level at which `total` is nearest to `mix`, in dB; 0 where no level is."""
    product, power = np.vdot(total.astype(np.float64), mix), np.vdot(total, total.astype(np.float64))
    level_db = 20 * np.log10(product / power) if product > 0 and power > 0 else 0.0
    return round(float(level_db), 4) if abs(level_db) > _SAME_LEVEL_DB else 0.0


def _left_db(mix: Array, total: Array) -> float:
    return round(min(max(difference_db(mix, total), EXACT_DB), -EXACT_DB), 1)
