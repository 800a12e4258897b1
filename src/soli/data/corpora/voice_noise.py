"""Builds a voice-and-noise set, in the layout of `readers.voice_noise`, from a `speech-noise` library.

OUT/SPLIT/NNNN/{mix_snr_XX,voice,noise}.wav   float32, mono; train, test, and valid where asked for
OUT/items.jsonl                               what each item was made of, a line an item
OUT/voice-noise.json                          the settings, and the library's hash
OUT/README.md, OUT/LICENSES.txt               what this is, its sources and their licences

Splits are those of the library: no speaker, language or noise recording is in two of them. A build that was stopped
goes on with the same call; more items of the same kind are added by asking for more.
"""

import json
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soli.atomic import cannot_write, write_atomically
from soli.data.building import check_free, check_room, size
from soli.data.corpora import speech_noise
from soli.data.corpora.terms import LICENSES_NAME, README_NAME, licenses_text, readme_text
from soli.data.corpora.voice_noise_items import Line, Maker, Place, Settings
from soli.data.library import LIBRARY_NAME, read_library
from soli.errors import DataError, UsageError
from soli.media.hashing import sha256_file
from soli.pool import in_processes
from soli.version import __version__

RECORD_NAME = "voice-noise.json"
ITEMS_NAME = "items.jsonl"
# Less than this left on the disk is worth a word; so much more than the samples a folder of three files takes up.
LITTLE_ROOM = 1 << 30
_FOLDER_BYTES = 4 * 4096
_SPLITS = ("train", "valid", "test")

Watch = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Built:
    """What a build came to: items written now and kept from before, and how long they sound together."""

    out: str
    library: str
    items: dict[str, int]
    written: int
    kept: int
    hours: float


def build(
    out: Path,
    library: Path,
    settings: Settings,
    *,
    workers: int = 1,
    watch: Watch = lambda done, total: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Built:
    """Builds the set, or goes on with it. The same settings and library give the same bytes, with any `workers`.

    Raises UsageError where `out` holds a set of other settings, OutputError where it holds something else or the disk
    has too little room (`warn` is told where that will be little), DataError where the library lacks what is wanted.
    """
    maker = Maker.of(settings, read_library(library))
    places = [Place(split, number + 1) for split, count in settings.counts.items() for number in range(count)]
    for split, count in settings.counts.items():
        if count:
            maker.planner.row(split, 1)  # raises where the library has nothing for it, before anything is written
    record = _record(library, settings)
    _check_place(out, record)
    lines = _lines(out)
    left = [place for place in places if place.path not in lines or not _whole(out, maker, place)]
    _check_room(out, len(left), settings, warn)
    write_atomically(out / RECORD_NAME, json.dumps(record, indent=1) + "\n")
    write_atomically(out / README_NAME, readme_text(maker.planner.library, settings))
    write_atomically(out / LICENSES_NAME, licenses_text(maker.planner.library))
    watch(len(places) - len(left), len(places))
    with closing(_made(left, maker, library, out, workers)) as made:
        for done, line in enumerate(made, start=len(places) - len(left) + 1):
            lines[line.path] = line
            _append(out / ITEMS_NAME, line)
            watch(done, len(places))
    _write_lines(out, [lines[place.path] for place in places])
    hours = len(places) * settings.length_s / 3600
    kept = len(places) - len(left)
    counts: dict[str, int] = {split: count for split, count in settings.counts.items() if count}
    return Built(str(out), str(library), counts, len(left), kept, round(hours, 3))


def library_beside(
    out: Path, *, packages_root: Path | None = None, download: bool = False, watch: Watch = lambda done, total: None
) -> Path:
    """The library `speech-noise` in the folder that `out` is in; where there is none it is built, as
    `speech_noise.build` does and raises."""
    folder = out.parent / "speech-noise"
    if not (folder / LIBRARY_NAME).is_file():
        speech_noise.build(folder, packages_root=packages_root, download=download, watch=watch)
    return folder


def _record(library: Path, settings: Settings) -> dict[str, Any]:
    file = library / LIBRARY_NAME if library.is_dir() else library
    return {"settings": settings.model_dump(mode="json"), "library_sha256": sha256_file(file), "soli": __version__}


def _check_place(out: Path, record: dict[str, Any]) -> None:
    """Sees that `out` is new, empty, or this set already; only the counts may have grown."""
    if not (out / RECORD_NAME).is_file():
        check_free(out)
        return
    old = _read_record(out / RECORD_NAME)
    changed = [f"{k}: {old['settings'].get(k)} -> {v}" for k, v in record["settings"].items() if _differs(k, old, v)]
    changed += ["the library"] if old["library_sha256"] != record["library_sha256"] else []
    if changed:
        raise UsageError(
            f"{out} was built with other settings ({', '.join(changed)})",
            do="give the same ones (more items may be asked for), or build in another folder",
        )


def _differs(key: str, old: dict[str, Any], new: object) -> bool:
    before = old["settings"].get(key)
    if key in _SPLITS and isinstance(before, int) and isinstance(new, int):
        return new < before
    return bool(before != new)


def _read_record(record: Path) -> dict[str, Any]:
    try:
        old = json.loads(record.read_text(encoding="utf-8"))
        if isinstance(old["settings"], dict) and isinstance(old["library_sha256"], str):
            return dict(old)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{record} is damaged: {error}", do="build in another folder") from error
    raise DataError(f"{record} is no record of a build", do="build in another folder")


def _lines(out: Path) -> dict[str, Line]:
    """What an earlier build has written down, by path; a last line that a kill cut off is dropped."""
    file = out / ITEMS_NAME
    if not file.is_file():
        return {}
    lines: dict[str, Line] = {}
    texts = file.read_text(encoding="utf-8").split("\n")
    for number, text in enumerate(texts[:-1], start=1):
        try:
            line = Line.model_validate_json(text)
        except ValidationError as error:
            raise DataError(f"{file} line {number} is damaged", do="build in another folder") from error
        lines[line.path] = line
    if texts[-1]:
        write_atomically(file, "".join(text + "\n" for text in texts[:-1]))
    return lines


def _whole(out: Path, maker: Maker, place: Place) -> bool:
    return all((out / place.path / name).is_file() for name in maker.files(place))


def _check_room(out: Path, items: int, settings: Settings, warn: Callable[[str], None]) -> None:
    needed = items * (3 * 4 * round(settings.sample_rate * settings.length_s) + _FOLDER_BYTES)
    left = check_room(out, needed, what=f"{items} items", do="ask for fewer or shorter ones")
    if items and left < LITTLE_ROOM:
        warn(f"{items} items take {size(needed)}; only {size(left)} will be left in {out}")


def _made(places: list[Place], maker: Maker, library: Path, out: Path, workers: int) -> Generator[Line, None, None]:
    """The lines of the items in order, each when its folder is whole."""
    processes = min(workers, len(places))
    if processes <= 1:
        yield from (maker.write(place, out) for place in places)
    else:
        write = _Write(maker.settings, library, out)
        yield from in_processes(write, places, processes=processes, threads=1)


@dataclass(frozen=True)
class _Write:
    """Writes an item in a process of the pool."""

    settings: Settings
    library: Path
    out: Path

    def __call__(self, place: Place) -> Line:
        return _read_maker(self.settings, self.library).write(place, self.out)


@lru_cache(maxsize=1)
def _read_maker(settings: Settings, library: Path) -> Maker:
    """Once in each process of the pool: the library's lists are long, and would else travel with every item."""
    return Maker.of(settings, read_library(library))


def _append(file: Path, line: Line) -> None:
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(line.model_dump_json() + "\n")
    except OSError as error:
        raise cannot_write(file, error) from error


def _write_lines(out: Path, lines: list[Line]) -> None:
    write_atomically(out / ITEMS_NAME, "".join(line.model_dump_json() + "\n" for line in lines))
