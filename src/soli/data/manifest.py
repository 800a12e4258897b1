"""Manifests: a data set as lines of JSON in which every random choice is already a number.

A row says which excerpts of which files make up one mixture. `render.render` turns it into samples and decides
nothing by itself. Paths are relative to the manifest's own folder unless a root is given.
"""

import codecs
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from soli.atomic import write_atomically
from soli.data.effects import Effect
from soli.errors import DataError

SCHEMA_VERSION = 1


class Synth(BaseModel):
    """Noise that is computed, not read: white noise whose power falls by `slope_db` an octave, and a mains hum.

    `hum_hz` 0 means no hum; its `harmonics` fall by 1 / number and lie `hum_db` above the noise in power.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    slope_db: float = 0.0
    hum_hz: float = Field(default=0.0, ge=0)
    harmonics: int = Field(default=0, ge=0, le=100)
    hum_db: float = 0.0


class Part(BaseModel):
    """An excerpt in a mixture: seconds are mixture seconds except `start_s`, which counts in the file.

    The part sounds from `onset_s` for `duration_s`; with `speed` 1.1 it uses up 1.1 x as much of the file, and pitch
    and tempo rise together. Parts beyond the row's end, or before its start, are cut. `synth` replaces the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    path: str = ""
    sha256: str = ""
    start_s: float = Field(default=0.0, ge=0)
    onset_s: float = 0.0
    duration_s: float = Field(gt=0)
    gain_db: float = 0.0
    speed: float = Field(default=1.0, gt=0.1, lt=10)
    fade_s: float = Field(default=0.0, ge=0)
    effects: tuple[Effect, ...] = ()
    synth: Synth | None = None


class Mix(BaseModel):
    """Levels that are set on the rendered stems, because only they know what the effects left.

    `snr_db`: the active part of `target` (20 ms frames within 30 dB of its loud ones) over the mean power of all
    other stems together. `level_dbfs`: the RMS level of the mixture, lowered where its peak would pass `peak`.
    `measured` "whole": the power of `target` is its mean over the whole row instead. `peak_of`: `peak` is no limit but
    what comes out, of the mixture or of the louder of two sides: `target`, and all others together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    snr_db: float | None = None
    level_dbfs: float | None = None
    peak: float | None = None
    measured: Literal["active", "whole"] = "active"
    peak_of: Literal["mixture", "sides"] | None = None


class Row(BaseModel):
    """One mixture: its parts, what happens to all of them alike, and where it came from.

    `stretch` makes what parts and effects give so many times as long, pitches kept: their seconds are those before it,
    `duration_s` is that after it. `mixture` names a recording that the stems sum to, where there is one beside them;
    `data.mixtures` compares them. A row without parts is such a recording alone, of which only the labels are known.
    `mono`: files are taken as the mean of their channels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal[1] = Field(default=1, alias="schema")
    id: str
    split: str
    sample_rate: int = Field(gt=0)
    duration_s: float = Field(gt=0)
    mono: bool = False
    sources: tuple[str, ...] = ()
    parts: tuple[Part, ...]
    effects: tuple[Effect, ...] = ()
    stretch: float = Field(default=1.0, ge=0.25, le=4)
    mix: Mix | None = None
    mixture: str | None = None
    mixture_sha256: str = ""
    labels: tuple[str, ...] = ()
    meta: dict[str, Any] = Field(default_factory=dict)
    spec: str = ""
    seed: int = 0
    soli: str = ""

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the stems: `sources`, or those of the parts in order of appearance."""
        return self.sources or tuple(dict.fromkeys(part.source for part in self.parts))

    @property
    def files(self) -> list[tuple[str, str]]:
        """The paths of the files that it is rendered from: its parts', or its recording's; each with its sha256."""
        if not self.parts and self.mixture:
            return [(self.mixture, self.mixture_sha256)]
        return [(part.path, part.sha256) for part in self.parts if part.path]

    @property
    def frames(self) -> int:
        return round(self.duration_s * self.sample_rate)

    @property
    def laid_frames(self) -> int:
        """How long the stems are before they are stretched."""
        return round(self.duration_s / self.stretch * self.sample_rate)


@dataclass(frozen=True)
class Manifest:
    """Rows, the folder that their paths start from, and the sha256 of the file they were read from."""

    rows: tuple[Row, ...]
    root: Path
    sha256: str

    def split(self, name: str) -> list[Row]:
        return [row for row in self.rows if row.split == name]


def read_manifest(path: Path | str, *, root: Path | str | None = None) -> Manifest:
    """Reads a manifest. Raises DataError naming the file, the line and the field that is wrong."""
    file = Path(path)
    if not file.is_file():
        do = "plan one: soli data plan, or soli data stems"
        if file.name == "valid.jsonl":
            do += "; recipes name the one to validate on in data.valid"
        raise DataError(f"no manifest at {file}", do=do)
    data = file.read_bytes()
    # Some editors begin UTF-8 files with a mark that is no part of the text.
    lines = data.removeprefix(codecs.BOM_UTF8).splitlines()
    rows = [_row(line, file, number) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise DataError(f"{file} holds no rows", wanted="at least one line of JSON")
    return Manifest(tuple(rows), Path(root) if root is not None else file.parent, hashlib.sha256(data).hexdigest())


def _row(line: bytes, file: Path, number: int) -> Row:
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise DataError(
            f"{file} line {number}: {field}: {first['msg']}", wanted=f"a manifest row of schema {SCHEMA_VERSION}"
        ) from error


def excerpt(row: Row, *, start_s: float, duration_s: float) -> Row:
    """The row of [start_s, start_s + duration_s) alone, so that rendering reads no more than that of each file.

    Fades are dropped with the ends they belong to, and levels that `mix` asks for become those of the excerpt.
    """
    begin_s, laid_s = start_s / row.stretch, duration_s / row.stretch
    parts = []
    for part in row.parts:
        skip_s = max(0.0, begin_s - part.onset_s)
        onset_s = max(0.0, part.onset_s - begin_s)
        left_s = min(part.duration_s - skip_s, laid_s - onset_s)
        if left_s <= 0:
            continue
        whole = skip_s == 0.0 and left_s == part.duration_s
        changes = {
            "start_s": part.start_s + skip_s * part.speed,
            "onset_s": onset_s,
            "duration_s": left_s,
            "fade_s": part.fade_s if whole else 0.0,
        }
        parts.append(part.model_copy(update=changes))
    changed = {"sources": row.stems, "parts": tuple(parts), "duration_s": duration_s}
    return row.model_copy(update={**changed, "mixture": None, "mixture_sha256": ""})


def played(row: Row, speed: float) -> Row:
    """The row played `speed` times as fast: pitch and tempo rise together, as with a tape."""
    parts = tuple(
        part.model_copy(
            update={
                "speed": part.speed * speed,
                "onset_s": part.onset_s / speed,
                "duration_s": part.duration_s / speed,
                "fade_s": part.fade_s / speed,
            }
        )
        for part in row.parts
    )
    changed = {"parts": parts, "duration_s": row.duration_s / speed}
    return row.model_copy(update={**changed, "mixture": None, "mixture_sha256": ""})


def stretched(row: Row, duration_s: float) -> Row:
    """The row made `duration_s` long, pitches kept."""
    changed = {"duration_s": duration_s, "stretch": row.stretch * duration_s / row.duration_s}
    return row.model_copy(update={**changed, "mixture": None, "mixture_sha256": ""})


def remix(rows: Mapping[str, Row]) -> Row:
    """A mixture of each named source's stem of the row it is given: parts and levels as they are there.

    What applies to a row as a whole (its effects, its levels) is the first row's.
    """
    first, *_ = rows.values()
    parts = tuple(part for source, row in rows.items() for part in row.parts if part.source == source)
    changed = {"sources": tuple(rows), "parts": parts, "mixture": None, "mixture_sha256": ""}
    return first.model_copy(update=changed)


def relocated(rows: Iterable[Row], root: Path, folder: Path) -> Iterator[Row]:
    """The rows with paths that start from `folder` instead of `root`; paths stay relative."""
    prefix = Path(os.path.relpath(root.resolve(), folder.resolve()))
    if prefix == Path():
        yield from rows
        return
    for row in rows:
        parts = tuple(
            part.model_copy(update={"path": (prefix / part.path).as_posix()}) if part.path else part
            for part in row.parts
        )
        mixture = (prefix / row.mixture).as_posix() if row.mixture else None
        yield row.model_copy(update={"parts": parts, "mixture": mixture})


def write_manifest(path: Path | str, rows: Iterable[Row]) -> str:
    """Writes the rows, whole or not at all, and returns the file's sha256. Raises DataError where two share an id."""
    lines, seen = [], set()
    for row in rows:
        if row.id in seen:
            raise DataError(f"two rows are called {row.id}", wanted="one id a row")
        seen.add(row.id)
        lines.append(row.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"schema_"}))
    text = "".join(f'{{"schema":{SCHEMA_VERSION},{line[1:]}\n' for line in lines)
    write_atomically(Path(path), text)
    return hashlib.sha256(text.encode()).hexdigest()
