"""Tiny sound fonts and patches, written byte by byte: loops of sines, whose pitch is known exactly."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from soli.data.corpora.players import CHAIRS
from soli.types import Array

RATE = 44100
# Generators of SoundFont 2.
CUTOFF, PAN, ATTENUATION, INSTRUMENT, KEYS, VELOCITIES, FINE, SAMPLE, MODES, ROOT = (
    8,
    17,
    48,
    41,
    43,
    44,
    52,
    53,
    54,
    58,
)
PROGRAMS = [chair.voice.program for chair in CHAIRS]


def span(low: int, high: int) -> int:
    """A range of keys or velocities, as a generator's amount."""
    return struct.unpack("<h", bytes((low, high)))[0]


def harmonics(hz: float, *, seconds: float = 0.5, partials: Sequence[float] = (1.0,), rate: int = RATE) -> Array:
    times_s = np.arange(round(seconds * rate)) / rate
    return 0.5 * sum(gain * np.sin(2 * np.pi * hz * (n + 1) * times_s) for n, gain in enumerate(partials)).astype(
        np.float32
    )


@dataclass(frozen=True)
class Made:
    """A recorded note: A4, by default 440 Hz for half a second, of which the last fifth is the loop."""

    samples: Array = field(default_factory=lambda: harmonics(440))
    rate: int = RATE
    root: int = 69
    loop: tuple[int, int] = (17640, 22050)
    correction: int = 0
    kind: int = 1


def sf2(
    path: Path,
    instruments: Mapping[int, Sequence[Mapping[int, int]]],
    samples: Sequence[Made] = (Made(),),
    *,
    info: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes a sound font: by program the zones of its instrument, each a dict of generators. `info`: INFO chunks."""
    presets, zones, data, heads = b"", [], b"", b""
    for number, program in enumerate(instruments):
        presets += struct.pack("<20sHHH12x", f"program {program}".encode(), program, 0, number)
        zones.append([{INSTRUMENT: number}])
    inst, ibag, igen = _bags([(f"i{program}", each) for program, each in instruments.items()])
    _, pbag, pgen = _bags([("", each) for each in zones])
    for number, made in enumerate(samples):
        start = len(data) // 2
        data += np.rint(made.samples * 32767).astype("<i2").tobytes() + bytes(92)
        places = (start, start + len(made.samples), start + made.loop[0], start + made.loop[1], made.rate)
        heads += struct.pack(
            "<20s5IBbHH", f"sample {number}".encode(), *places, made.root, made.correction, 0, made.kind
        )
    tables = {
        "phdr": presets + struct.pack("<20sHHH12x", b"EOP", 0, 0, len(zones)),
        "pbag": pbag,
        "pmod": bytes(10),
        "pgen": pgen,
        "inst": inst,
        "ibag": ibag,
        "imod": bytes(10),
        "igen": igen,
        "shdr": heads + struct.pack("<20s5IBbHH", b"EOS", *[0] * 9),
    }
    body = (
        b"sfbk"
        + _list("INFO", {"ifil": bytes((2, 0, 4, 0)), **(info or {})})
        + _list("sdta", {"smpl": data})
        + _list("pdta", tables)
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def _bags(objects: Sequence[tuple[str, Sequence[Mapping[int, int]]]]) -> tuple[bytes, bytes, bytes]:
    heads, bags, generators = b"", b"", b""
    count = 0
    for name, zones in objects:
        heads += struct.pack("<20sH", name.encode(), count)
        for zone in zones:
            bags += struct.pack("<HH", len(generators) // 4, 0)
            generators += b"".join(struct.pack("<Hh", *pair) for pair in zone.items())
            count += 1
    bags += struct.pack("<HH", len(generators) // 4, 0)
    return heads + struct.pack("<20sH", b"EOI", count), bags, generators + bytes(4)


def _list(kind: str, chunks: Mapping[str, bytes]) -> bytes:
    body = kind.encode() + b"".join(
        name.encode() + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks.items()
    )
    return b"LIST" + struct.pack("<I", len(body)) + body


def plain_zone() -> dict[int, int]:
    """A zone over all keys that plays the first sample, looped."""
    return {KEYS: span(0, 127), MODES: 1, SAMPLE: 0}


def quartet_sf2(
    path: Path, *, partials: Sequence[float] = (1.0, 0.5, 0.3, 0.2), info: Mapping[str, bytes] | None = None
) -> Path:
    """A font with all four instruments, alike."""
    made = [Made(harmonics(440, partials=partials))]
    return sf2(path, {program: [plain_zone()] for program in PROGRAMS}, made, info=info)


WIDE, UNSIGNED, LOOPED, BOTH_WAYS = 1, 2, 4, 8


def patch(path: Path, sounds: Sequence[tuple[Made, tuple[int, int]]], *, modes: int = WIDE | LOOPED) -> Path:
    """Writes a Gravis patch: each sound with the keys it is for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = b"GF1PATCH110\0ID#000002\0".ljust(129, b"\0")
    header += bytes(22) + bytes((1,)) + bytes(40)
    header += struct.pack("<BBIB40x", 0, 0, 0, len(sounds))
    body = b""
    for made, keys in sounds:
        data, width = _encoded(made.samples, modes)
        low, high = (round(440_000 * 2 ** ((key - 69) / 12)) for key in keys)
        root = round(440_000 * 2 ** ((made.root - 69) / 12))
        body += struct.pack("<7sBIII", b"sound", 0, len(data), made.loop[0] * width, made.loop[1] * width)
        body += struct.pack("<HIIIhB", made.rate, low, high, root, 0, 7) + bytes(18)
        body += struct.pack("<BhH36x", modes, 60, 1024) + data
    path.write_bytes(header + body)
    return path


def _encoded(samples: Array, modes: int) -> tuple[bytes, int]:
    top, kind = (32767, "<i2") if modes & WIDE else (127, "i1")
    numbers = np.rint(samples * top).astype(np.int64) + ((top + 1) if modes & UNSIGNED else 0)
    return numbers.astype(kind.replace("i", "u") if modes & UNSIGNED else kind).tobytes(), np.dtype(kind).itemsize


def quartet_patches(folder: Path) -> Path:
    for program in PROGRAMS:
        patch(folder / f"{program:03d}_Instrument.pat", [(Made(), (0, 127))])
    return folder
