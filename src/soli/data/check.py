"""Checks that a library or a manifest is what it says: files whole and unchanged, splits that share nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soli.data.library import LIBRARY_NAME, Library, Sound, read_library
from soli.data.manifest import Manifest, read_manifest
from soli.errors import InputError
from soli.media.hashing import sha256_file


@dataclass
class Report:
    """What was looked at, and every problem in one line each, naming the offenders."""

    path: str
    items: int
    files: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


Progress = Callable[[], None]


def _nothing() -> None:
    """Stands for a progress bar."""


def check(path: Path, *, root: Path | None = None, hashes: bool = True, progress: Progress = _nothing) -> Report:
    """Checks a library (its folder or `library.jsonl`) or a manifest. `hashes=False` only looks whether files exist;
    `progress` is called once a file.

    Raises DataError where the file itself cannot be read as either.
    """
    if path.is_dir() or path.name == LIBRARY_NAME:
        return check_library(read_library(path), hashes=hashes, progress=progress)
    return check_manifest(read_manifest(path, root=root), name=str(path), hashes=hashes, progress=progress)


def check_library(library: Library, *, hashes: bool = True, progress: Progress = _nothing) -> Report:
    """Splits must differ in speakers, languages, noise recordings and contents; no path may come twice."""
    sounds = library.sounds
    report = Report(str(library.root), len(sounds), splits=_count(sound.split for sound in sounds))
    by_path: dict[str, list[Sound]] = defaultdict(list)
    for sound in sounds:
        by_path[sound.path].append(sound)
    report.problems += [f"{path} is listed {len(found)} times" for path, found in by_path.items() if len(found) > 1]
    report.problems += _shared("the speaker", ((s.speaker, s.split) for s in sounds if s.kind == "speech"))
    report.problems += _shared("the language", ((_base(s), s.split) for s in sounds if s.kind == "speech"))
    report.problems += _shared("the noise recording", ((s.group, s.split) for s in sounds if s.kind == "noise"))
    report.problems += _shared("the file with sha256", ((s.sha256, s.split) for s in sounds))
    _check_files(report, library.root, {sound.path: sound.sha256 for sound in sounds}, hashes, progress)
    return report


def check_manifest(manifest: Manifest, *, name: str, hashes: bool = True, progress: Progress = _nothing) -> Report:
    """Splits must differ in files, their contents, and in the speakers and languages that the rows name."""
    rows = manifest.rows
    report = Report(name, len(rows), splits=_count(row.split for row in rows))
    ids = _count(row.id for row in rows)
    report.problems += [f"the id {row_id} is used {count} times" for row_id, count in ids.items() if count > 1]
    parts = [(part, row) for row in rows for part in row.parts if part.path]
    report.problems += _shared("the file", ((part.path, row.split) for part, row in parts))
    report.problems += _shared("the file with sha256", ((part.sha256, row.split) for part, row in parts if part.sha256))
    for key in ("speaker", "language"):
        named = ((row.meta[key], row.split) for row in rows if isinstance(row.meta.get(key), str))
        report.problems += _shared(f"the {key}", named)
    for part, row in parts:
        if part.source not in row.stems:
            report.problems.append(f"row {row.id} has a part of {part.source}, which is none of its sources")
    expected = {part.path: part.sha256 for part, _ in parts}
    expected.update({row.mixture: "" for row in rows if row.mixture})
    _check_files(report, manifest.root, expected, hashes, progress)
    return report


def _base(sound: Sound) -> str:
    return (sound.language or "").partition("_")[0]


def _count(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return dict(counts)


def _shared(what: str, pairs: Iterable[tuple[str | None, str]]) -> list[str]:
    """A line for each name that more than one split holds; `train_small` is a part of `train` by agreement."""
    splits: dict[str, set[str]] = defaultdict(set)
    for name, split in pairs:
        if name:
            splits[name].add(split.removesuffix("_small"))
    return [f"{what} {name} is in {_listed(sorted(found))}" for name, found in sorted(splits.items()) if len(found) > 1]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _check_files(report: Report, root: Path, expected: dict[str, str], hashes: bool, progress: Progress) -> None:
    for path, sha256 in sorted(expected.items()):
        report.files += 1
        progress()
        if not (root / path).is_file():
            report.problems.append(f"{path} is missing in {root}")
        elif hashes and sha256:
            try:
                found = sha256_file(root / path)
            except InputError as error:
                report.problems.append(str(error))
                continue
            if found != sha256:
                report.problems.append(f"{path} has changed: its sha256 begins {found[:12]}, not {sha256[:12]}")
