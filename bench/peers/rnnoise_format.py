"""How clips travel to RNNoise and back; both ends use it. Needs numpy alone.

A clip is a little-endian int32 length and as many float32 samples with full scale 1, at 48 kHz. The answer is the CPU
seconds as float64, and the samples of the clip and TAIL more, as late as RNNoise gives them.
"""

from typing import BinaryIO

import numpy as np

RATE = 48000
TAIL = 1920
"""Silence after the clip: RNNoise answers 960 samples late, and its last samples are wanted; twice that, to be sure."""


def pack(clip: np.ndarray) -> bytes:
    """A clip (T,) as bytes."""
    return np.array([len(clip)], "<i4").tobytes() + clip.astype("<f4").tobytes()


def read_clip(pipe: BinaryIO) -> np.ndarray | None:
    """The next clip (T,); None at the end."""
    head = pipe.read(4)
    if not head:
        return None
    return np.frombuffer(pipe.read(4 * int(np.frombuffer(head, "<i4")[0])), "<f4")


def pack_answer(seconds: float, clean: np.ndarray) -> bytes:
    """CPU seconds and samples as bytes."""
    return np.array([seconds], "<f8").tobytes() + clean.astype("<f4").tobytes()


def unpack(pipe: BinaryIO, length: int) -> tuple[float, np.ndarray]:
    """CPU seconds and `length` samples of an answer."""
    seconds = float(np.frombuffer(pipe.read(8), "<f8")[0])
    return seconds, np.frombuffer(pipe.read(4 * length), "<f4")
