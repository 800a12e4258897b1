"""Checks that libraries and manifests are what they say.

Files are whole and unchanged, splits share nothing, mixtures are the sum of their stems.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soli.data.corpora.bach10_songs import held_out_songs
from soli.data.folds import song_names
from soli.data.lengths import too_long
from soli.data.library import LIBRARY_NAME, Library, Sound, read_library
from soli.data.manifest import Manifest, Row, read_manifest
from soli.data.mixtures import LIMIT_DB, residual_db
from soli.errors import InputError
from soli.media.hashing import sha256_file


@dataclass(frozen=True)
class Mixture:
    """The mixture that a row names, minus the sum of its stems, in dB (see `mixtures.residual_db`)."""

    row: str
    path: str
    residual_db: float


@dataclass
class Report:
    """What was looked at, and every problem in one line each, naming the offenders; warnings are no problems."""

    path: str
    items: int = 0
    files: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    mixtures: list[Mixture] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """How to look at files: whether to read them, what mixtures may differ by (None: `LIMIT_DB`), whom to tell."""

    hashes: bool = True
    limit_db: float | None = None
    watch: Callable[[int, int], None] = lambda done, total: None


_WHOLE = Reading()
# What `soli train` and `soli evaluate` look for by themselves, and what rows without splits are in.
_KNOWN_SPLITS = ("train", "train_small", "valid", "test", "all")


def check(paths: Sequence[Path], *, root: Path | None = None, reading: Reading = _WHOLE) -> Report:
    """Checks libraries (a folder or `library.jsonl`) and manifests, each by itself and all against one another.

    Raises DataError where one of them cannot be read as either.
    """
    report = Report(", ".join(map(str, paths)))
    libraries, manifests = [], []
    for path in paths:
        if path.is_dir() or path.name == LIBRARY_NAME:
            libraries.append(read_library(path))
        else:
            manifests.append(read_manifest(path, root=root))
    rows = [(row, manifest.root) for manifest in manifests for row in manifest.rows]
    sounds = [(sound, library.root) for library in libraries for sound in library.sounds]
    _count_items(report, [*(sound.split for sound, _ in sounds), *(row.split for row, _ in rows)])
    _check_names(report, libraries, manifests)
    report.warnings += _foreign_splits([row for row, _ in rows])
    report.problems += too_long(rows)
    files: list[tuple[_File, str]] = [(_File(place, sound.path, sound.sha256), sound.split) for sound, place in sounds]
    files += [(_File(place, *file), row.split) for row, place in rows for file in row.files]
    _check_splits(report, [sound for sound, _ in sounds], [row for row, _ in rows], files)
    mixtures = [_File(place, row.mixture, row.mixture_sha256) for row, place in rows if row.mixture]
    mixed = [(row, place) for row, place in rows if row.mixture and row.parts] if reading.hashes else []
    bad = _check_files(report, [*(file for file, _ in files), *mixtures], reading, more=len(mixed))
    _check_mixtures(report, mixed, bad, reading)
    return report


def _check_names(report: Report, libraries: Sequence[Library], manifests: Sequence[Manifest]) -> None:
    """No path may come twice in a library, no id in a manifest, and a row has no part of a source that it lacks."""
    for library in libraries:
        paths = Counter(sound.path for sound in library.sounds)
        report.problems += [f"{path} is listed {count} times" for path, count in paths.items() if count > 1]
    for manifest in manifests:
        ids = Counter(row.id for row in manifest.rows)
        report.problems += [f"the id {name} is used {count} times" for name, count in ids.items() if count > 1]
        report.problems += [
            f"row {row.id} has a part of {part.source}, which is none of its sources"
            for row in manifest.rows
            for part in row.parts
            if part.source not in row.stems
        ]


def _check_splits(
    report: Report, sounds: Sequence[Sound], rows: Sequence[Row], files: Sequence[tuple["_File", str]]
) -> None:
    """Splits must differ in files, contents, speakers, languages, songs, and the noise recordings of libraries.

    Chorales of Bach10 are for testing, except in folds of that set alone.
    """
    several = len({file.root.resolve() for file, _ in files}) > 1
    speech = [(sound, sound.split) for sound in sounds if sound.kind == "speech"]
    # As rows call them: names are given anew in each package.
    speakers = [(f"{sound.package}/{sound.speaker}", split) for sound, split in speech if sound.speaker]
    languages = [(sound.language, split) for sound, split in speech]
    shared: dict[str, Sequence[tuple[str | None, str]]] = {
        "the speaker": [*speakers, *_told(rows, "speaker")],
        "the language": [(_base(name), split) for name, split in [*languages, *_told(rows, "language")]],
        "the song": [(name, row.split) for row in rows for name in song_names(row)],
        "the noise recording": [(sound.group, sound.split) for sound in sounds if sound.kind == "noise"],
        "the file": [(file.place if several else file.path, split) for file, split in files],
        "the file with sha256": [(file.sha256, split) for file, split in files],
    }
    for what, pairs in shared.items():
        report.problems += _shared(what, pairs)
    report.problems += held_out_songs(rows)


def _foreign_splits(rows: Sequence[Row]) -> list[str]:
    """A line for each split that nothing takes unless it is told to: a slip of the pen, as a rule."""
    counted = Counter(row.split for row in rows if row.split not in _KNOWN_SPLITS)
    first = {row.split: row.id for row in reversed(rows)}
    return [
        f"the split {split!r} (rows: {count}, the first is {first[split]}) is none of {', '.join(_KNOWN_SPLITS)}; its"
        " rows are taken only where it is named"
        for split, count in sorted(counted.items())
    ]


def _told(rows: Iterable[Row], key: str) -> list[tuple[str, str]]:
    """What the rows' meta says under a key, where that is a name."""
    return [(row.meta[key], row.split) for row in rows if isinstance(row.meta.get(key), str)]


@dataclass(frozen=True)
class _File:
    root: Path
    path: str
    sha256: str

    @property
    def place(self) -> str:
        return os.path.normpath(self.root / self.path)


def _base(language: str | None) -> str:
    """The language without its country."""
    return (language or "").partition("_")[0]


def _count_items(report: Report, splits: Iterable[str]) -> None:
    for split in splits:
        report.items += 1
        report.splits[split] = report.splits.get(split, 0) + 1


def _shared(what: str, pairs: Iterable[tuple[str | None, str]]) -> list[str]:
    """A line for each name that more than one split holds; `train_small` is a part of `train` by agreement."""
    splits: dict[str, set[str]] = defaultdict(set)
    for name, split in pairs:
        if name:
            splits[name].add(split.removesuffix("_small"))
    return [f"{what} {name} is in {_listed(sorted(found))}" for name, found in sorted(splits.items()) if len(found) > 1]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _check_files(report: Report, files: Iterable[_File], reading: Reading, *, more: int) -> set[str]:
    """Looks at each file once, however often it is named; the places of those with a problem.

    `more`: how many things there will be to look at behind them.
    """
    named: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        named[file.place].append(file)
    bad = set()
    for place, same in sorted(named.items()):
        report.files += 1
        reading.watch(report.files, len(named) + more)
        problems = _file_problems(same[0], {file.sha256 for file in same if file.sha256}, hashes=reading.hashes)
        if problems:
            report.problems += problems
            bad.add(place)
    return bad


def _file_problems(file: _File, expected: set[str], *, hashes: bool) -> list[str]:
    if not (file.root / file.path).is_file():
        return [f"{file.path} is missing in {file.root}"]
    if not hashes or not expected:
        return []
    try:
        found = sha256_file(file.root / file.path)
    except InputError as error:
        return [str(error)]
    wanted = sorted(expected - {found})
    return [f"{file.path} has changed: its sha256 begins {found[:12]}, not {sha256[:12]}" for sha256 in wanted]


def _check_mixtures(report: Report, rows: Sequence[tuple[Row, Path]], bad: set[str], reading: Reading) -> None:
    """Compares the mixtures of rows whose files are in order with the sums of their stems."""
    limit_db = LIMIT_DB if reading.limit_db is None else reading.limit_db
    for number, (row, root) in enumerate(rows, start=1):
        reading.watch(report.files + number, report.files + len(rows))
        paths = [row.mixture, *(part.path for part in row.parts if part.path)]
        if row.mixture is None or any(_File(root, path, "").place in bad for path in paths if path):
            continue
        try:
            level_db = residual_db(row, root)
        except InputError as error:
            report.problems.append(f"row {row.id}: {error}")
            continue
        report.mixtures.append(Mixture(row.id, row.mixture, level_db))
        if level_db > limit_db:
            report.problems.append(
                f"row {row.id}: {row.mixture} minus the sum of the stems lies at {level_db:g} dB of the mixture, "
                f"wanted {limit_db:g} dB at most"
            )
