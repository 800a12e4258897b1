"""Writing WAV: float32, pcm24 or pcm16, turning into RF64 (EBU Tech 3306) where 4 GB are not enough.

Written here and not by libsndfile, so that equal samples give equal bytes (no time stamp in a PEAK chunk), that the
header can become RF64 at the end, and that a full disk is an exception of the operating system.
"""

import struct
from typing import BinaryIO

import numpy as np

from soli.media.formats import PCM_BITS
from soli.types import Array

_CODES = {"float32": (3, 32), **{name: (1, bits) for name, bits in PCM_BITS.items()}}
_GUID_TAIL = bytes.fromhex("0000000010008000 00aa00389b71")
_LIMIT = 2**32 - 1


class WavEncoder:
    """Writes frames (T, C) as they come; the header's lengths are filled in by `finish`.

    A JUNK chunk keeps room for RF64's 64-bit lengths, unless `frames` says that it will not be needed.
    """

    def __init__(self, file: BinaryIO, *, sample_rate: int, channels: int, subtype: str, frames: int | None) -> None:
        self._file = file
        self._rate, self._channels, self._subtype = sample_rate, channels, subtype
        self._width = channels * _CODES[subtype][1] // 8
        self._frames = 0
        self._roomy = frames is None or frames * self._width > _LIMIT - 4096
        file.write(self._header())

    def write(self, frames: Array) -> None:
        """Appends frames (T, C); pcm rounds to nearest and limits at full scale."""
        self._file.write(self._encoded(frames))
        self._frames += len(frames)

    def finish(self) -> None:
        """Completes the file: padding to even length, and the lengths in the header."""
        if self._frames * self._width % 2:
            self._file.write(b"\0")
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(0, 2)

    def _encoded(self, frames: Array) -> bytes | memoryview:
        if self._subtype == "float32":
            return np.ascontiguousarray(frames, "<f4").data.cast("B") if frames.size else b""
        if self._subtype == "pcm16":
            return as_integers(frames, 16).astype("<i2").tobytes()
        return (
            np.ascontiguousarray(as_integers(frames, 24).astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        )

    def _header(self) -> bytes:
        data = self._frames * self._width
        fmt = self._fmt()
        fact = struct.pack("<4sII", b"fact", 4, min(self._frames, _LIMIT))
        room = 36 if self._roomy else 0
        whole = 4 + room + len(fmt) + len(fact) + 8 + data + data % 2
        if whole <= _LIMIT:
            junk = struct.pack("<4sI28x", b"JUNK", 28) if room else b""
            return (
                struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + junk + fmt + fact + struct.pack("<4sI", b"data", data)
            )
        if not room:
            raise OSError(f"more samples than announced: {self._frames}")
        wide = struct.pack("<4sIQQQI", b"ds64", 28, whole, data, self._frames, 0)
        return (
            struct.pack("<4sI4s", b"RF64", _LIMIT, b"WAVE") + wide + fmt + fact + struct.pack("<4sI", b"data", _LIMIT)
        )

    def _fmt(self) -> bytes:
        """WAVE_FORMAT_EXTENSIBLE beyond two channels, with no claim about loudspeakers."""
        code, bits = _CODES[self._subtype]
        extended = self._channels > 2
        tag = 0xFFFE if extended else code
        core = (tag, self._channels, self._rate, self._rate * self._width, self._width, bits)
        body = struct.pack("<HHIIHH", *core)
        if extended:
            body += struct.pack("<HHIH", 22, bits, 0, code) + _GUID_TAIL
        elif code == 3:
            body += struct.pack("<H", 0)
        return struct.pack("<4sI", b"fmt ", len(body)) + body


def as_integers(samples: Array, bits: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Samples as integers of `bits` bits, rounded to nearest, limited at full scale: the inverse of reading them."""
    top = 2.0 ** (bits - 1)
    return np.clip(np.rint(samples.astype(np.float64) * top), -top, top - 1).astype(np.int32)
