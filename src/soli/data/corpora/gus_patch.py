"""Reading Gravis Ultrasound patches (.pat, version 1.10): a file an instrument, as FreePats has them.

Frequencies stand there in thousandths of Hz, loop points in bytes with sixteenths of a sample, of which the whole
samples are taken. The envelope's rates, tremolo and vibrato are left out: the performance decides about those.
"""

import functools
import math
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from soli.data.corpora.zones import Instrument, Zone, cut_off
from soli.errors import DataError, near
from soli.types import Array

_MAGIC = (b"GF1PATCH110\0", b"GF1PATCH100\0")
_HEADER, _LAYERS_AT, _SAMPLES_AT = 239, 151, 198
_SAMPLE = struct.Struct("<7sB3IH3IhB6B6B6BBhH36x")
_WIDE, _UNSIGNED, _LOOPED, _BOTH_WAYS, _BACKWARDS = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class PatchFolder:
    """A folder of patches whose names begin with the number of their program: `040_Violin.pat`."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "PatchFolder":
        """Raises DataError where there are no such patches."""
        folder = cls(path)
        if not folder.files():
            raise DataError(f"{path} has no patches", wanted="files such as 040_Violin.pat in it")
        return folder

    def files(self) -> dict[int, Path]:
        """The patch of each program."""
        named = ((re.match(r"(\d{3})[_-].*\.pat$", file.name, re.IGNORECASE), file) for file in self.path.iterdir())
        return {int(match[1]): file for match, file in sorted(named, key=lambda each: each[1]) if match}

    def programs(self) -> dict[int, str]:
        """The names of the patches, by program."""
        return {program: file.stem for program, file in self.files().items()}

    def instrument(self, program: int) -> Instrument:
        """Raises DataError where the folder lacks the program or its file is damaged."""
        files = self.files()
        if program not in files:
            known = [file.stem for file in files.values()]
            raise DataError(f"{self.path} lacks program {program}", do=near(f"{program:03d}", known))
        return read_patch(files[program])


def read_patch(path: Path) -> Instrument:
    """The instrument of a patch. Raises DataError where the file is none, or ends too early."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise DataError(f"{path} is no patch", wanted="a Gravis Ultrasound patch, which begins with GF1PATCH110")
    if len(data) < _HEADER:
        raise cut_off(path, f"its header takes {_HEADER} bytes, {len(data)} are there")
    layers, samples = data[_LAYERS_AT], data[_SAMPLES_AT]
    if layers != 1 or samples < 1:
        raise DataError(f"{path} has {layers} layers of {samples} samples", wanted="one layer with samples in it")
    zones, position = [], _HEADER
    for number in range(samples):
        size = _data_size(data, position) if position + _SAMPLE.size <= len(data) else len(data)
        if position + _SAMPLE.size + size > len(data):
            raise cut_off(path, f"sample {number + 1} of {samples} goes beyond the end")
        zones.append(_zone(path, data, position))
        position += _SAMPLE.size + size
    return Instrument(path.stem, _edges(zones))


def _data_size(data: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", data, position + 8)[0])


def _zone(path: Path, data: bytes, position: int) -> Zone:
    fields = _SAMPLE.unpack_from(data, position)
    name, size, loop_start, loop_end, rate, low, high, root = fields[0], *fields[2:9]
    modes = fields[29]
    width = 2 if modes & _WIDE else 1
    frames = size // width
    if not (rate and root and frames) or modes & _BACKWARDS:
        raise DataError(f"{path}: its sample {_text(name)} cannot be played", wanted="a rate and a pitch")
    loop = (loop_start // width, loop_end // width) if modes & _LOOPED else None
    if loop and not 0 <= loop[0] < loop[1] <= frames:
        raise DataError(f"{path}: the loop of its sample {_text(name)} lies outside it", do="take another patch")
    both_ways = loop if modes & _BOTH_WAYS else None
    start = position + _SAMPLE.size
    if loop and both_ways:
        loop = (loop[0], 2 * loop[1] - loop[0])
    return Zone(
        keys=(math.ceil(_key(low) - 0.5), math.floor(_key(high) + 0.5)),
        velocities=(0, 127),
        read=functools.partial(_read, path, start, size, modes, both_ways),
        sample_rate=rate,
        root=_key(root),
        loop=loop,
    )


def _read(path: Path, start: int, size: int, modes: int, both_ways: tuple[int, int] | None) -> Array:
    """The samples of a zone; a loop that is played to and fro is written out behind its end."""
    kind, middle = ("<u2" if modes & _UNSIGNED else "<i2", 32768) if modes & _WIDE else ("u1", 128)
    if not modes & _WIDE and not modes & _UNSIGNED:
        kind = "i1"
    raw = np.fromfile(path, kind, size // np.dtype(kind).itemsize, offset=start).astype(np.float32)
    samples = (raw - (middle if modes & _UNSIGNED else 0)) / np.float32(middle)
    if both_ways:
        begin, end = both_ways
        samples = np.concatenate([samples[:end], samples[begin:end][::-1]])
    return samples


def _edges(zones: list[Zone]) -> tuple[Zone, ...]:
    """The zones, of which only the first in order that holds a key is played."""
    taken: list[Zone] = []
    for zone in zones:
        low, high = zone.keys
        for other in taken:
            if other.keys[0] <= low <= other.keys[1]:
                low = other.keys[1] + 1
            if other.keys[0] <= high <= other.keys[1]:
                high = other.keys[0] - 1
        if low <= high:
            taken.append(replace(zone, keys=(low, high)))
    return tuple(taken)


def _key(thousandths_hz: int) -> float:
    """The MIDI pitch of a frequency."""
    return 69 + 12 * math.log2(max(thousandths_hz, 1) / 440_000)


def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("latin-1").strip()
