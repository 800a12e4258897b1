"""Sounds for the command line tests, in order and broken in every way that the issue names."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

LOW_HZ, HIGH_HZ = 500, 5000


def two_tones(rate: int = 44100, channels: int = 2, frames: int = 44100) -> NDArray[np.float32]:
    """A low and a high tone, (T, C): the low-pass model of the tests puts one into each stem."""
    time_s = np.arange(frames) / rate
    tones = 0.3 * np.sin(2 * np.pi * LOW_HZ * time_s) + 0.2 * np.sin(2 * np.pi * HIGH_HZ * time_s)
    return (tones[:, None] * np.linspace(1, 0.5, channels)).astype(np.float32)


def write_good(path: Path, rate: int = 44100, channels: int = 2, frames: int = 44100) -> Path:
    soundfile.write(path, two_tones(rate, channels, frames), rate, format="WAV", subtype="FLOAT")
    return path


def _float_wav(path: Path, samples: NDArray[np.float32], rate: int = 16000) -> None:
    soundfile.write(path, samples, rate, format="WAV", subtype="FLOAT")


def _wav_header(rate: int, channels: int, data: bytes) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVE" + fmt + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _truncated(path: Path) -> None:
    _float_wav(path, two_tones()[:, 0])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _with(value: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        samples = two_tones()[:, 0].copy()
        samples[30000] = value
        _float_wav(path, samples)

    return write


def _too_large(path: Path) -> None:
    _float_wav(path, two_tones()[:, 0] * np.float32(1e38))


BAD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": _truncated,
    "text": lambda path: path.write_text("this is no sound\n" * 100, encoding="ascii"),
    "zero samples": lambda path: path.write_bytes(_wav_header(16000, 1, b"")),
    "nan": _with(float("nan")),
    "inf": _with(float("inf")),
    "1 Hz": lambda path: path.write_bytes(_wav_header(1, 1, b"\0\1" * 1000)),
    "32 channels": lambda path: path.write_bytes(_wav_header(16000, 32, b"\0\1" * 32 * 100)),
    "header only": lambda path: path.write_bytes(_wav_header(16000, 1, b"\0\1" * 100)[:30]),
    "dangling link": lambda path: path.symlink_to("nowhere.wav"),
    "too large": _too_large,
    "random bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
}

ODD: dict[str, NDArray[np.float32]] = {
    "one sample": np.full(1, 0.5, np.float32),
    "two samples": np.full(2, 0.5, np.float32),
    "all zeros": np.zeros(20000, np.float32),
    "DC only": np.full(20000, 0.7, np.float32),
    "full-scale square": np.sign(np.sin(np.arange(20000) * 0.05) + 1e-6).astype(np.float32),
}


def write_odd(path: Path, name: str) -> Path:
    _float_wav(path, ODD[name])
    return path
