"""Clips of which only the labels are known, as a manifest: one row a clip, without parts.

A weak set that is divided (training, development, validation) stays divided. Any other is divided by class and seed,
so that every class trains, validates and tests.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.events.classes import check_classes
from soli.data.events.shares import check_shares, divide
from soli.data.folds import TEST, TRAIN, VALID, WHOLE
from soli.data.manifest import Row
from soli.data.readers.problems import BadSetError
from soli.data.readers.tagged import Tagged, TaggedSet, read_tagged
from soli.data.readers.weak_labels import read_weak, weak_indexes
from soli.errors import DataError, InputError
from soli.media.audio import read_audio
from soli.media.hashing import sha256_file
from soli.version import __version__

# The analysis windows of both reference systems; a shorter clip would not fill one frame.
SHORTEST_S = 0.064
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Clips:
    """The rows of a set, its classes, and what lies beside its clips unlisted; paths start from `root`."""

    root: Path
    rows: tuple[Row, ...]
    classes: tuple[str, ...]
    unlisted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Division:
    """How an undivided set is divided: shares of each class to validate and test on, drawn by the seed."""

    valid: float = 0.1
    test: float = 0.1
    seed: int = 0

    @property
    def shares(self) -> dict[str, float]:
        return {TRAIN: 1 - self.valid - self.test, VALID: self.valid, TEST: self.test}


def read_clips(
    place: Path, *, division: Division, sample_rate: int | None = None, watch: Watch = lambda done, total: None
) -> Clips:
    """Reads a set of tagged clips in any form, each clip whole.

    `sample_rate`: of the rows; None where all clips have one. Raises DataError (BadSetError with a line each) where
    the set is not as it says, a clip is too short or holds no numbers, or a class has too few to be divided.
    """
    check_shares(division.shares)
    found = _found(place)
    divided = _divided(found, division)
    told = {label for tagged in found.sets.values() for file in tagged.files for label in file.labels}
    classes = check_classes(found.classes or told)
    unheard = [
        f"the class {label} is in no file: add clips of it, or take its column out"
        for label in classes
        if label not in told
    ]
    if unheard:
        raise BadSetError(place, unheard)
    root = place if place.is_dir() else place.parent
    total = sum(map(len, divided.values()))
    made: list[Row | str] = []
    for split, files in divided.items():
        for file, folder in files:
            made.append(_row(file, folder, root, split))
            watch(len(made), total)
    problems = [each for each in made if isinstance(each, str)]
    if problems:
        raise BadSetError(place, problems)
    rows = [each for each in made if isinstance(each, Row)]
    return Clips(root, tuple(_at_one_rate(rows, sample_rate)), classes, found.unlisted)


@dataclass(frozen=True)
class _Found:
    """The sets of a place by split, and the classes in the order of a weak csv, where there is one."""

    sets: Mapping[str, TaggedSet]
    classes: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


def _found(place: Path) -> _Found:
    indexes = weak_indexes(place) if place.exists() else {}
    if not indexes:
        tagged = read_tagged(place)
        return _Found({WHOLE: tagged}, (), tagged.unlisted)
    read = {split: read_weak(index) for split, index in indexes.items()}
    heads = {classes for _, classes in read.values()}
    if len(heads) > 1:
        names = " and ".join(str(index) for index in indexes.values())
        raise DataError(f"{names} have different classes", wanted="the same head in each")
    return _Found({split: tagged for split, (tagged, _) in read.items()}, heads.pop())


def _divided(found: _Found, division: Division) -> dict[str, list[tuple[Tagged, Path]]]:
    if WHOLE not in found.sets:
        return {split: [(file, tagged.root) for file in tagged.files] for split, tagged in found.sets.items()}
    tagged = found.sets[WHOLE]
    untold = [file for file in tagged.files if not file.labels]
    by_class = TaggedSet(tagged.root, tuple(file for file in tagged.files if file.labels)).by_class()
    if untold:
        by_class["none"] = [*by_class.get("none", ()), *untold]
    rng = np.random.default_rng([division.seed, 1])
    divided = divide(by_class, division.shares, rng, place=str(tagged.root))
    return {
        split: [(file, tagged.root) for file in sorted(files, key=lambda file: file.path)]
        for split, files in divided.items()
        if files
    }


def _row(file: Tagged, folder: Path, root: Path, split: str) -> Row | str:
    """The row of a clip, its path from `root`; a line where it cannot be used."""
    path = folder / file.path
    try:
        audio = read_audio(path)
        sha256 = sha256_file(path)
    except InputError as error:
        return str(error)
    if audio.duration_s < SHORTEST_S:
        return f"{file.path} has {audio.duration_s:.3f} s, less than an analysis window of {SHORTEST_S:g} s"
    if not np.any(audio.samples):
        return f"{file.path} is silent: all its samples are zero"
    name = path.relative_to(root).as_posix()
    return Row(
        id=name.rpartition(".")[0],
        split=split,
        sample_rate=audio.sample_rate,
        duration_s=audio.duration_s,
        mono=True,
        parts=(),
        mixture=name,
        mixture_sha256=sha256,
        labels=tuple(sorted(file.labels)),
        spec="tagged",
        soli=__version__,
    )


def _at_one_rate(rows: Sequence[Row], sample_rate: int | None) -> Iterable[Row]:
    rates = Counter(row.sample_rate for row in rows)
    if sample_rate is None and len(rates) > 1:
        told = ", ".join(f"{rate} Hz ({count})" for rate, count in rates.most_common())
        raise DataError(f"the clips have several rates: {told}", do=f"give --rate {max(rates)}, or another")
    return rows if sample_rate is None else [row.model_copy(update={"sample_rate": sample_rate}) for row in rows]
