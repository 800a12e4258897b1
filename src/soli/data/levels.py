"""How loud a sound is while it sounds: 20 ms frames, of which the quiet ones are pauses and do not count."""

import numpy as np
from numpy.typing import NDArray

from soli.types import Array

FRAME_S = 0.02
# Frames this far under the loud ones (95th percentile of the levels in dB) are pauses.
ACTIVE_DB = 30.0
_LEAST = 1e-14


def db(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Power in dB, at least -140."""
    return 10 * np.log10(np.maximum(power, _LEAST))


def frame_powers(samples: Array, *, sample_rate: int) -> NDArray[np.float64]:
    """Mean power (N,) of each whole 20 ms frame of (C, T), over all channels; a shorter sound is one frame."""
    size = max(1, min(round(FRAME_S * sample_rate), samples.shape[1]))
    frames = samples[:, : samples.shape[1] // size * size].reshape(samples.shape[0], -1, size)
    powers: NDArray[np.float64] = np.einsum("cns,cns->n", frames, frames, dtype=np.float64)
    powers /= size * samples.shape[0]
    return powers


def active_power(samples: Array, *, sample_rate: int) -> tuple[float, float]:
    """Mean power of the frames of (C, T) that sound, and their share; silence has power 0 and share 1."""
    powers = frame_powers(samples, sample_rate=sample_rate)
    levels_db = db(powers)
    sounding = levels_db >= np.percentile(levels_db, 95) - ACTIVE_DB
    return float(np.mean(powers[sounding])), float(np.mean(sounding))
