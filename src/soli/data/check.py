"""Checks that libraries and manifests are what they say.

Files are whole and unchanged, splits share nothing, mixtures are the sum of their stems.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
    """What was looked at, and every problem in one line each, naming the offenders."""

    path: str
    items: int = 0
    files: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    mixtures: list[Mixture] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """How to look at files: whether to read them, the most that mixtures may differ by, whom to tell of each."""

    hashes: bool = True
    limit_db: float = LIMIT_DB
    progress: Callable[[], None] = lambda: None


_WHOLE = Reading()


def check(paths: Sequence[Path], *, root: Path | None = None, reading: Reading = _WHOLE) -> Report:
    """Checks libraries (a folder or `library.jsonl`) and manifests; manifests are held against one another, too.

    Raises DataError where one of them cannot be read as either.
    """
    report = Report(", ".join(map(str, paths)))
    manifests = []
    for path in paths:
        if path.is_dir() or path.name == LIBRARY_NAME:
            check_library(report, read_library(path), reading)
        else:
            manifests.append(read_manifest(path, root=root))
    check_manifests(report, manifests, reading)
    return report


def check_library(report: Report, library: Library, reading: Reading) -> None:
    """Splits must differ in speakers, languages, noise recordings and contents; no path may come twice."""
    sounds = library.sounds
    _count_items(report, (sound.split for sound in sounds))
    paths = Counter(sound.path for sound in sounds)
    report.problems += [f"{path} is listed {count} times" for path, count in paths.items() if count > 1]
    report.problems += _shared("the speaker", ((s.speaker, s.split) for s in sounds if s.kind == "speech"))
    report.problems += _shared("the language", ((_base(s), s.split) for s in sounds if s.kind == "speech"))
    report.problems += _shared("the noise recording", ((s.group, s.split) for s in sounds if s.kind == "noise"))
    report.problems += _shared("the file with sha256", ((s.sha256, s.split) for s in sounds))
    _check_files(report, [_File(library.root, sound.path, sound.sha256) for sound in sounds], reading)


def check_manifests(report: Report, manifests: Sequence[Manifest], reading: Reading) -> None:
    """Splits must differ in files, their contents, and in the speakers and languages that the rows name."""
    rows = [(row, manifest.root) for manifest in manifests for row in manifest.rows]
    _count_items(report, (row.split for row, _ in rows))
    for manifest in manifests:
        ids = Counter(row.id for row in manifest.rows)
        report.problems += [f"the id {name} is used {count} times" for name, count in ids.items() if count > 1]
    several = len({manifest.root.resolve() for manifest in manifests}) > 1
    parts = [(_File(root, part.path, part.sha256), row.split) for row, root in rows for part in row.parts if part.path]
    report.problems += _shared("the file", ((file.place if several else file.path, split) for file, split in parts))
    report.problems += _shared("the file with sha256", ((file.sha256, split) for file, split in parts))
    for key in ("speaker", "language"):
        named = ((row.meta[key], row.split) for row, _ in rows if isinstance(row.meta.get(key), str))
        report.problems += _shared(f"the {key}", named)
    report.problems += [
        f"row {row.id} has a part of {part.source}, which is none of its sources"
        for row, _ in rows
        for part in row.parts
        if part.source not in row.stems
    ]
    mixtures = [_File(root, row.mixture, row.mixture_sha256) for row, root in rows if row.mixture]
    bad = _check_files(report, [file for file, _ in parts] + mixtures, reading)
    if reading.hashes:
        _check_mixtures(report, rows, bad, reading)


@dataclass(frozen=True)
class _File:
    root: Path
    path: str
    sha256: str

    @property
    def place(self) -> str:
        return os.path.normpath(self.root / self.path)


def _base(sound: Sound) -> str:
    return (sound.language or "").partition("_")[0]


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


def _check_files(report: Report, files: Iterable[_File], reading: Reading) -> set[str]:
    """Looks at each file once, however often it is named; the places of those with a problem."""
    named: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        named[file.place].append(file)
    bad = set()
    for place, same in sorted(named.items()):
        report.files += 1
        reading.progress()
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


def _check_mixtures(report: Report, rows: Iterable[tuple[Row, Path]], bad: set[str], reading: Reading) -> None:
    """Compares the mixtures of rows whose files are in order with the sums of their stems."""
    for row, root in rows:
        paths = [row.mixture, *(part.path for part in row.parts if part.path)]
        if row.mixture is None or any(_File(root, path, "").place in bad for path in paths if path):
            continue
        reading.progress()
        try:
            level_db = residual_db(row, root)
        except InputError as error:
            report.problems.append(f"row {row.id}: {error}")
            continue
        report.mixtures.append(Mixture(row.id, row.mixture, level_db))
        if level_db > reading.limit_db:
            report.problems.append(
                f"row {row.id}: {row.mixture} minus the sum of the stems lies at {level_db:g} dB of the mixture, "
                f"wanted {reading.limit_db:g} dB at most"
            )
