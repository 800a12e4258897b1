"""Logarithmic frequency: a matrix from the bins of an STFT to bands of equal musical width, and one back.

On a logarithmic axis the partials of a tone keep their distances whatever its pitch: transposition is a shift.
"""

import numpy as np

from soli.types import Array, StftSettings


def log_band_centres(*, lowest_hz: float, highest_hz: float, per_octave: int) -> Array:
    """Centres in Hz of bands `per_octave` to the octave, from `lowest_hz` up to the last one within `highest_hz`."""
    count = int(np.floor(per_octave * np.log2(highest_hz / lowest_hz) + 1e-9)) + 1
    return (lowest_hz * 2.0 ** (np.arange(count) / per_octave)).astype(np.float32)


def to_log_bands(settings: StftSettings, *, sample_rate: int, centres_hz: Array) -> Array:
    """Weights (M, F) that give each band a mean of the bins around it; every row sums to one.

    Triangles that reach from the centre of the band below to that of the band above, and over one bin at least on
    either side: where bands are narrower than bins that is linear interpolation.
    """
    bins = np.arange(settings.bins)
    position = np.asarray(centres_hz, dtype=np.float64) * settings.n_fft / sample_rate
    below = np.concatenate([[2 * position[0] - position[1]], position[:-1]])
    above = np.concatenate([position[1:], [2 * position[-1] - position[-2]]])
    low, high = np.maximum(position - below, 1.0), np.maximum(above - position, 1.0)
    offset = bins - position[:, None]
    weights = np.maximum(0.0, 1 - np.where(offset < 0, -offset / low[:, None], offset / high[:, None]))
    means: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


def from_log_bands(settings: StftSettings, *, sample_rate: int, centres_hz: Array) -> Array:
    """Weights (F, M) that give each bin what lies at its frequency between two bands; beyond the ends, the last one's.

    Linear interpolation on the logarithmic axis; every row sums to one.
    """
    frequency = np.maximum(np.arange(settings.bins), 0.5) * sample_rate / settings.n_fft
    octaves = np.log2(np.asarray(centres_hz, dtype=np.float64))
    position = np.interp(np.log2(frequency), octaves, np.arange(len(octaves)))
    weights: Array = np.maximum(0.0, 1 - np.abs(position[:, None] - np.arange(len(octaves)))).astype(np.float32)
    return weights
