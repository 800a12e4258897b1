"""The order of channels: soli keeps that of WAV (front left, right, centre, bass, back or side left, right).

Vorbis and Opus order them otherwise from three channels on (Vorbis I specification, 4.3.9), and libsndfile leaves them
so; FFmpeg gives and takes WAV's order.
"""

import numpy as np

from soli.types import Array

_VORBIS = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}


def from_vorbis(frames: Array) -> Array:
    """Frames (T, C) in Vorbis' order as frames (T, C) in WAV's."""
    order = _VORBIS.get(frames.shape[1])
    return frames if order is None else frames[:, order]


def to_vorbis(frames: Array) -> Array:
    """Frames (T, C) in WAV's order as frames (T, C) in Vorbis'."""
    order = _VORBIS.get(frames.shape[1])
    return frames if order is None else frames[:, np.argsort(order)]
