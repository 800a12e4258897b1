"""Reading SoundFont 2 files (.sf2, specification 2.04): as much as it takes to play a note of one program.

Presets hold zones that name instruments, whose zones name samples; numbers called generators add up on the way.
Modulators and effect sends are left out: the performance decides about level, vibrato and brightness. The filter
stays where the modulation envelope's sustain opens it to, and is never closed by it. Samples stay on the disk until
they are played.
"""

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from soli.data.corpora.zones import Envelope, Instrument, Zone, cut_off
from soli.errors import DataError, near
from soli.types import Array

_PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")])
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generators", "<u2"), ("modulators", "<u2")])
_GENERATOR = np.dtype([("kind", "<u2"), ("amount", "<i2")])
_PLACES = ("start", "end", "loop_start", "loop_end", "rate")
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        *((place, "<u4") for place in _PLACES),
        ("root", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)
_TABLES = {
    "phdr": _PRESET,
    "pbag": _BAG,
    "pgen": _GENERATOR,
    "inst": _INSTRUMENT,
    "ibag": _BAG,
    "igen": _GENERATOR,
    "shdr": _SAMPLE,
}

# The generators that are read, by their number in the specification (8.1.2).
_START, _END, _LOOP_START, _LOOP_END = 0, 1, 2, 3
_START_COARSE, _END_COARSE, _LOOP_START_COARSE, _LOOP_END_COARSE = 4, 12, 45, 50
_CUTOFF, _OPENING, _OPENING_LOST, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _ATTENUATION = 8, 11, 29, 34, 35, 36, 37, 48
_INSTRUMENT_NUMBER, _KEYS, _VELOCITIES, _COARSE, _FINE, _SAMPLE_NUMBER, _MODES, _ROOT = 41, 43, 44, 51, 52, 53, 54, 58
# Only these and the ranges may stand in a preset; all others there would be a mistake of the font.
_ADDING = (_CUTOFF, _OPENING, _OPENING_LOST, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _ATTENUATION, _COARSE, _FINE)
_DEFAULTS = {_CUTOFF: 13500, _ATTACK: -12000, _HOLD: -12000, _DECAY: -12000}
_OPEN_CENTS = 13500  # the filter is open from here on
_RIGHT, _LEFT, _ROM = 2, 4, 0x8000
_FULL = (0, 127)

Zones = list[dict[int, Any]]


@dataclass(frozen=True)
class SoundFont:
    """An open sound font. Raises DataError where the file is none, or ends too early."""

    path: Path
    tables: dict[str, Any]
    samples: Any

    @classmethod
    def open(cls, path: Path) -> "SoundFont":
        size = path.stat().st_size if path.is_file() else 0
        if size == 0:
            raise DataError(f"{path} is no file with something in it", wanted="a sound font (.sf2)")
        chunks = dict(_chunks(path, size))
        missing = [name for name in ("smpl", *_TABLES) if name not in chunks]
        if missing:
            raise DataError(f"{path} is no whole sound font: it has no {missing[0]} chunk", wanted="SoundFont 2")
        start, length = chunks["smpl"]
        if length < 2:
            raise DataError(f"{path} holds no samples", wanted="a sound font with sounds in it")
        tables = {name: _table(path, chunks[name], kind) for name, kind in _TABLES.items()}
        return cls(path, tables, np.memmap(path, "<i2", "r", start, (length // 2,)))

    def programs(self, bank: int = 0) -> dict[int, str]:
        """The programs that the bank has, by number, with their names."""
        presets = self.tables["phdr"][:-1]
        return {int(each["program"]): _text(each["name"]) for each in presets if each["bank"] == bank}

    def terms(self) -> str:
        """What the font says about its copyright and in its comment; empty where it says nothing."""
        said = []
        with self.path.open("rb") as file:
            for kind, (start, length) in _chunks(self.path, self.path.stat().st_size):
                if kind in ("ICOP", "ICMT"):
                    file.seek(start)
                    said.append(_text(file.read(length)))
        return "\n".join(said).replace("\r\n", "\n")

    def instrument(self, program: int) -> Instrument:
        """A program of bank 0. Raises DataError where the font lacks it or what belongs to it is damaged."""
        presets = self.tables["phdr"]
        found = [n for n, each in enumerate(presets[:-1]) if (each["bank"], each["program"]) == (0, program)]
        if not found:
            known = [f"{number} {name}" for number, name in sorted(self.programs().items())]
            raise DataError(f"{self.path} lacks program {program}", do=near(str(program), known))
        try:
            zones = tuple(self._zones(found[0]))
        except (IndexError, ValueError) as error:
            raise DataError(f"{self.path}: program {program} is damaged: {error}", do="take another font") from error
        if not zones:
            raise DataError(f"{self.path}: program {program} has no samples", do="take another font")
        return Instrument(_text(presets[found[0]]["name"]), zones)

    def _zones(self, preset: int) -> Iterator[Zone]:
        for outer in self._bags("phdr", "pbag", "pgen", preset, _INSTRUMENT_NUMBER):
            for inner in self._bags("inst", "ibag", "igen", outer[_INSTRUMENT_NUMBER], _SAMPLE_NUMBER):
                sample = self.tables["shdr"][inner[_SAMPLE_NUMBER]]
                keys, velocities = (_common(outer, inner, kind) for kind in (_KEYS, _VELOCITIES))
                if keys and velocities:
                    added = {kind: outer[kind] for kind in _ADDING if kind in outer}
                    yield self._zone(sample, _Generators(inner, added), keys, velocities)

    def _bags(self, heads: str, bags: str, generators: str, number: int, last: int) -> Iterator[dict[int, Any]]:
        """The generators of each zone; those of a first zone that does not name its object hold for all of them."""
        head, bag = self.tables[heads], self.tables[bags]
        common: dict[int, Any] = {}
        for index in range(int(head[number]["bag"]), int(head[number + 1]["bag"])):
            rows = self.tables[generators][int(bag[index]["generators"]) : int(bag[index + 1]["generators"])]
            own = {int(row["kind"]): _amount(int(row["kind"]), int(row["amount"])) for row in rows}
            if last in own:
                yield {**common, **own}
            elif index == int(head[number]["bag"]):
                common = own

    def _zone(self, sample: Any, of: "_Generators", keys: tuple[int, int], velocities: tuple[int, int]) -> Zone:
        start = int(sample["start"]) + of.address(_START, _START_COARSE)
        end = int(sample["end"]) + of.address(_END, _END_COARSE)
        loop = (
            int(sample["loop_start"]) + of.address(_LOOP_START, _LOOP_START_COARSE) - start,
            int(sample["loop_end"]) + of.address(_LOOP_END, _LOOP_END_COARSE) - start,
        )
        name = _text(sample["name"])
        if sample["type"] & _ROM or not 0 <= start < end <= len(self.samples) or not sample["rate"]:
            raise ValueError(f"sample {name} lies outside the file")
        looped = of.own.get(_MODES, 0) & 1
        if looped and not 0 <= loop[0] < loop[1] <= end - start:
            raise ValueError(f"the loop of sample {name} lies outside it")
        root = of.own.get(_ROOT, -1)
        cutoff = of.cutoff_cents()
        return Zone(
            keys=keys,
            velocities=velocities,
            read=functools.partial(_read, self.samples, start, end),
            sample_rate=int(sample["rate"]),
            root=(root if root >= 0 else int(sample["root"])) - of.cents(int(sample["correction"])) / 100,
            loop=loop if looped else None,
            gain_db=-of.total(_ATTENUATION) / 10,
            cutoff_hz=8.176 * 2 ** (cutoff / 1200) if cutoff < _OPEN_CENTS else None,
            envelope=of.envelope(),
            side="right" if sample["type"] & _RIGHT else "left" if sample["type"] & _LEFT else None,
        )


@dataclass(frozen=True)
class _Generators:
    """What an instrument's zone says, and what its preset adds to that."""

    own: dict[int, Any]
    added: dict[int, Any]

    def total(self, kind: int) -> int:
        return int(self.own.get(kind, _DEFAULTS.get(kind, 0))) + int(self.added.get(kind, 0))

    def address(self, fine: int, coarse: int) -> int:
        return int(self.own.get(fine, 0)) + 32768 * int(self.own.get(coarse, 0))

    def cents(self, correction: int) -> float:
        """How much sharper than its root key a sample is to be played."""
        return correction + 100 * self.total(_COARSE) + self.total(_FINE)

    def cutoff_cents(self) -> float:
        sustained = 1 - min(max(self.total(_OPENING_LOST), 0), 1000) / 1000
        return self.total(_CUTOFF) + max(0.0, self.total(_OPENING) * sustained)

    def envelope(self) -> Envelope:
        attack, hold, decay = (2 ** (self.total(kind) / 1200) for kind in (_ATTACK, _HOLD, _DECAY))
        return Envelope(attack, hold, decay, -min(max(self.total(_SUSTAIN), 0), 1440) / 10)


def _read(samples: Any, start: int, end: int) -> Array:
    return np.asarray(samples[start:end], np.float32) / np.float32(32768)


def _amount(kind: int, amount: int) -> Any:
    if kind in (_KEYS, _VELOCITIES):
        return amount & 0xFF, (amount >> 8) & 0xFF
    return amount & 0xFFFF if kind in (_INSTRUMENT_NUMBER, _SAMPLE_NUMBER) else amount


def _common(outer: dict[int, Any], inner: dict[int, Any], kind: int) -> tuple[int, int] | None:
    low, high = (pick(each.get(kind, _FULL)[n] for each in (outer, inner)) for n, pick in ((0, max), (1, min)))
    return (low, high) if low <= high else None


def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("latin-1").strip()


def _chunks(path: Path, size: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every chunk with where its data begin and how long they are, through the lists. Raises DataError."""
    with path.open("rb") as file:
        kind, length, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if kind != b"RIFF" or form != b"sfbk":
            raise DataError(f"{path} is no sound font", wanted="SoundFont 2 (.sf2), or a folder of patches (.pat)")
        if 8 + length > size:
            raise cut_off(path, f"its header promises {8 + length} bytes, {size} are there")
        position = 12
        while position + 8 <= size:
            file.seek(position)
            kind, length = struct.unpack("<4sI", file.read(8))
            if kind == b"LIST":
                position += 12
                continue
            if position + 8 + length > size:
                raise cut_off(path, f"its chunk {_text(kind)} goes beyond the end")
            yield _text(kind), (position + 8, length)
            position += 8 + length + length % 2


def _table(path: Path, place: tuple[int, int], kind: Any) -> Any:
    start, length = place
    count = length // kind.itemsize
    if count < 1 or length % kind.itemsize:
        raise DataError(f"{path} is damaged: a table of it has {length} bytes", wanted=f"times {kind.itemsize}")
    return np.fromfile(path, kind, count, offset=start)
