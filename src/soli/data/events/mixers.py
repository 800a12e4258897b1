"""The two mixers from folders to a set: read, measure, plan, and write what is wanted."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from soli.data.events import dcase2013, dcase2018
from soli.data.events.build import (
    MANIFEST_NAME,
    Built,
    begin,
    check_place,
    fingerprint,
    keep_plan,
    record_of,
    write_files,
)
from soli.data.events.classes import check_classes
from soli.data.events.folds import write_folds
from soli.data.events.layouts import Dcase2013Layout, Dcase2018Layout
from soli.data.events.mixture_yaml import YAML_NAME, read_plan, write_plan
from soli.data.events.sounds import Measured, measure
from soli.data.manifest import Manifest, read_manifest
from soli.data.readers.problems import BadSetError
from soli.data.readers.tagged import TaggedSet, read_lines, read_tagged, sound_files
from soli.errors import DataError, OutputError, UsageError
from soli.media.formats import choose_subtype
from soli.media.hashing import sha256_file

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Work:
    """How a set is written: `audio` False leaves it at the plan."""

    audio: bool = True
    subtype: str = "pcm16"
    workers: int = 1
    measuring: Watch = lambda done, total: None
    writing: Watch = lambda done, total: None


def build_dcase2013(source: Path, out: Path, settings: dcase2013.Settings, work: Work) -> Built:
    """Makes the thesis's set of the folder `source`, or goes on with it. Raises as its steps do, before any file."""
    choose_subtype("wav", work.subtype)
    found = single_labels(read_tagged(source))
    _outside(source, out)
    parts = dcase2013.parted(found, settings)
    paths = [file.path for file in found.files]
    record = record_of("dcase2013", {**settings.model_dump(), "subtype": work.subtype}, fingerprint(found.root, paths))
    classes = check_classes(found.classes)
    if check_place(out, record):
        manifest = read_manifest(out / MANIFEST_NAME)
    else:
        measured = measure(
            found.root,
            paths,
            sample_rate=settings.sampling_rate,
            longest_s=None if settings.crop else settings.length,
            workers=work.workers,
            watch=work.measuring,
        )
        begin(out, record)
        manifest = keep_plan(out, dcase2013.rows(parts, seen_from(out, found.root, measured), settings))
    layout = Dcase2013Layout(classes, work.subtype) if work.audio else None
    if layout is not None:
        layout.tables(manifest.rows, out)
    return write_files(out, manifest, layout, workers=work.workers, watch=work.writing)


@dataclass(frozen=True)
class Scenes:
    """The scenes of a set, in the order of their list; paths start from `root`."""

    root: Path
    paths: tuple[str, ...]


def build_dcase2018(
    events_dir: Path,
    scenes_dir: Path | None,
    out: Path,
    settings: dcase2018.Settings,
    work: Work,
    *,
    plan_file: Path | None = None,
    validate: bool = False,
) -> Built:
    """Makes Kong's set, or goes on with it: `mixture.yaml`, the manifest, one a fold, and the two-channel files.

    `plan_file`: a `mixture.yaml` to render instead of drawing. Raises as its steps do, before any file is written.
    """
    choose_subtype("wav", work.subtype)
    found = single_labels(read_tagged(events_dir))
    scenes = _scenes(scenes_dir, settings)
    for source in (events_dir, scenes_dir):
        if source is not None:
            _outside(source, out)
    check_classes(found.classes)
    sources = fingerprint(found.root, [file.path for file in found.files])
    sources += fingerprint(scenes.root, scenes.paths) if scenes else ""
    given = "drawn" if plan_file is None else sha256_file(plan_file)[:12]
    record = record_of("dcase2018", {**settings.model_dump(), "subtype": work.subtype, "plan": given}, sources)
    if check_place(out, record):
        manifest = read_manifest(out / MANIFEST_NAME)
    else:
        manifest = _plan_2018(found, scenes, out, settings, work, plan_file, record)
    write_folds(out, manifest.rows, validate=validate)
    layout = Dcase2018Layout.of(settings.scene_type, settings.snr, work.subtype) if work.audio else None
    return write_files(out, manifest, layout, workers=work.workers, watch=work.writing)


def _plan_2018(
    found: TaggedSet,
    scenes: Scenes | None,
    out: Path,
    settings: dcase2018.Settings,
    work: Work,
    plan_file: Path | None,
    record: Mapping[str, Any],
) -> Manifest:
    """Draws or reads the plan, measures what it names, and writes it down in both forms."""
    rate, workers, watch = settings.sampling_rate, work.workers, work.measuring
    scene_paths = scenes.paths if scenes else None
    if plan_file is None:
        dcase2018.check(found, scene_paths, settings)
        wanted = [file.path for file in found.files if file.verified]
        events = measure(found.root, wanted, sample_rate=rate, workers=workers, watch=watch)
        lengths = {path: sound.duration_s for path, sound in events.items()}
        plan = dcase2018.draw(found, scene_paths, lengths, settings)
    else:
        plan = read_plan(plan_file, events={file.path: file.labels[0] for file in found.files}, scenes=scene_paths)
        wanted = [event.name for mixture in plan for event in mixture.events]
        events = measure(found.root, wanted, sample_rate=rate, workers=workers, watch=watch)
        dcase2018.check_lengths(plan, events, plan_file)
    backgrounds: dict[str, Measured] = {}
    if scenes is not None:
        used = [mixture.scene for mixture in plan if mixture.scene is not None]
        length_s = dcase2018.DURATION_S
        found_scenes = measure(
            scenes.root, used, sample_rate=rate, first_s=length_s, shortest_s=length_s, workers=workers, watch=watch
        )
        backgrounds = seen_from(out, scenes.root, found_scenes)
    rows = dcase2018.rows(plan, settings, events=seen_from(out, found.root, events), scenes=backgrounds)
    begin(out, record)
    write_plan(out / YAML_NAME, plan)
    return keep_plan(out, rows)


def _scenes(place: Path | None, settings: dcase2018.Settings) -> Scenes | None:
    """The scenes: those that `meta.csv` lists in its order, else all sounds of the folder, or of `audio` in it."""
    if settings.scene_type == "white_noise":
        return None
    if place is None:
        raise UsageError(
            "no folder of scenes", do="give --dcase2018-task1-dataset-dir, or --scene-type white_noise to do without"
        )
    if not place.is_dir():
        raise DataError(f"{place} is no folder", wanted="the folder of DCASE 2018 task 1, or any folder of scenes")
    index = place / "meta.csv"
    if not index.is_file():
        folder = place / "audio" if (place / "audio").is_dir() else place
        paths = tuple(path.name for path in sound_files(folder))
        if not paths:
            raise DataError(f"{folder} holds no sounds", wanted="scenes of 10 s or more")
        return Scenes(folder, paths)
    lines = read_lines(index)
    at = lines[0][1].index("filename") if "filename" in lines[0][1] else 0
    named = [(number, line[at]) for number, line in lines[1:]]
    missing = [
        f"line {number} names {name}, which is not there" for number, name in named if not (place / name).is_file()
    ]
    if missing:
        raise BadSetError(index, missing)
    return Scenes(place, tuple(name for _, name in named))


def single_labels(found: TaggedSet) -> TaggedSet:
    """The set, each file of which must hold one class to be an event in a mixture; else BadSetError."""
    several = [
        f"{file.path} holds {' and '.join(file.labels)}, wanted one class"
        for file in found.files
        if len(file.labels) > 1
    ]
    if several:
        raise BadSetError(found.root, several)
    return found


def seen_from(out: Path, root: Path, measured: Mapping[str, Measured]) -> dict[str, Measured]:
    """The measures with paths that start from `out`, as its manifest has them; the keys stay."""
    prefix = Path(os.path.relpath(root.resolve(), out.resolve()))
    return {key: replace(sound, path=(prefix / sound.path).as_posix()) for key, sound in measured.items()}


def _outside(source: Path, out: Path) -> None:
    if source.resolve() in (out.resolve(), *out.resolve().parents):
        raise OutputError(f"{out} lies in {source}", wanted="a folder outside it: nothing is written into a set")
