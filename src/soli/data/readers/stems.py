"""Reads isolated stems as people keep them: a folder a track, or a folder a source.

- A folder a track (as MUSDB has it): `ROOT[/SPLIT]/TRACK/{drums,bass,vocals,...}.wav` with or without `mixture.wav`.
- A folder a source (as LibriMix has it): `ROOT[/...][/SPLIT]/{mix_clean,s1,s2,...}/NAME.wav`.

A folder whose name begins like a split (`train`, `dev`, `test`, `tr`, `cv`, `tt`) gives its tracks that split.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from soli.data.tracks import Track
from soli.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
MIXTURE_FILES = ("mixture", "mix")
MIXTURE_FOLDERS = ("mix", "mix_both", "mix_clean", "mix_single", "mixture")
SOURCE_FOLDERS = re.compile(r"s\d+|noise|noises")
_SPLITS = (
    ("train", re.compile(r"(train|tr)([-_ ].*|\d*)$", re.IGNORECASE)),
    ("valid", re.compile(r"(dev|valid|validation|val|cv)([-_ ].*|\d*)$", re.IGNORECASE)),
    ("test", re.compile(r"(test|eval|tt)([-_ ].*|\d*)$", re.IGNORECASE)),
)


def read_stems(root: Path, *, mixture: str | None = None) -> list[Track]:
    """Every track below `root`, in the order of names. `mixture` picks one of several mixture folders.

    Raises DataError where nothing is found, or where tracks of one split do not have the same sources.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder", wanted="the folder that holds the tracks")
    tracks: list[Track] = []
    for folder, names in _folders(root):
        if _is_source_set(folder):
            tracks += _source_set(folder, root, mixture)
        elif names and not _inside_source_set(folder):
            tracks.append(_track_folder(folder, names, root))
    if not tracks:
        raise DataError(
            f"no tracks in {root}",
            wanted="a folder a track with one sound file a source, or sibling folders mix_clean, s1, s2",
        )
    _same_sources(tracks)
    return tracks


def _folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below the root with the names of its sound files, sorted, hidden ones left out."""
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        sounds = sorted(name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        yield Path(place), sounds


def _is_source_set(folder: Path) -> bool:
    return any(child.is_dir() and re.fullmatch(r"s\d+", child.name) for child in folder.iterdir())


def _inside_source_set(folder: Path) -> bool:
    known = bool(SOURCE_FOLDERS.fullmatch(folder.name)) or folder.name in MIXTURE_FOLDERS
    return known and _is_source_set(folder.parent)


def _track_folder(folder: Path, names: list[str], root: Path) -> Track:
    files = {Path(name).stem: (folder / name).relative_to(root).as_posix() for name in names}
    if len(files) < len(names):
        double = Counter(Path(name).stem for name in names).most_common(1)[0][0]
        raise DataError(f"{folder} holds {double} in two formats", wanted="one file a source")
    mixture = next((files.pop(name) for name in MIXTURE_FILES if name in files), None)
    if not files:
        raise DataError(f"{folder} holds a mixture but no stems", wanted="one sound file a source")
    return Track(
        id=folder.relative_to(root).as_posix() if folder != root else folder.name,
        stems={source: (path,) for source, path in files.items()},
        split=_split(folder, root),
        mixture=mixture,
    )


def _source_set(folder: Path, root: Path, mixture: str | None) -> list[Track]:
    mixes = [name for name in MIXTURE_FOLDERS if (folder / name).is_dir()]
    if mixture is not None and mixture not in mixes:
        raise DataError(f"{folder} has no folder {mixture}", wanted=f"one of {', '.join(mixes) or 'none'}")
    chosen = mixture or (mixes[0] if mixes else None)
    sources = _heard(
        sorted(c.name for c in folder.iterdir() if c.is_dir() and SOURCE_FOLDERS.fullmatch(c.name)), chosen
    )
    files = {name: _by_stem(folder / name) for name in [*sources, *([chosen] if chosen else [])]}
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    tracks = []
    for name in sorted(set().union(*files.values())):
        lacking = [place for place, found in files.items() if name not in found]
        if lacking:
            raise DataError(f"{folder}: {name} is missing in {', '.join(lacking)}", wanted="one name in each folder")
        paths = {place: found[name].relative_to(root).as_posix() for place, found in files.items()}
        track = Track(
            id=prefix + name,
            stems={source: (paths[source],) for source in sources},
            split=_split(folder, root),
            mixture=paths[chosen] if chosen else None,
        )
        tracks.append(track)
    return tracks


def _heard(sources: list[str], mixture: str | None) -> list[str]:
    """The sources that a mixture folder holds: mix_clean is the speakers alone, mix_single the first and the noise."""
    if mixture == "mix_clean":
        return [source for source in sources if not source.startswith("noise")]
    if mixture == "mix_single":
        return [source for source in sources if source in ("s1", "noise")]
    return sources


def _by_stem(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def _split(folder: Path, root: Path) -> str:
    for name in folder.relative_to(root).parts:
        for split, pattern in _SPLITS:
            if pattern.fullmatch(name):
                return split
    return "all"


def _same_sources(tracks: list[Track]) -> None:
    by_sources: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for track in tracks:
        by_sources[tuple(sorted(track.stems))].append(track.id)
    if len(by_sources) > 1:
        common = max(by_sources, key=lambda sources: len(by_sources[sources]))
        odd = next(sources for sources in by_sources if sources != common)
        raise DataError(
            f"track {by_sources[odd][0]} has the sources {', '.join(odd)} where {len(by_sources[common])} others have "
            f"{', '.join(common)}",
            wanted="the same sources in every track",
        )
