"""Levels in decibels. Full scale (0 dBFS) is a sample of 1; silence has the level -inf, a number and no error."""

import numpy as np

from soli.types import Array


def power_db(power: float) -> float:
    """A power (or energy) ratio in dB, -inf for zero."""
    return 10 * float(np.log10(power)) if power > 0 else -np.inf


def amplitude_db(amplitude: float) -> float:
    """An amplitude ratio in dB, -inf for zero."""
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else -np.inf


def gain(level_db: float) -> float:
    """The factor on amplitudes that a gain in dB stands for."""
    return float(10 ** (level_db / 20))


def rms_db(samples: Array) -> float:
    """Root-mean-square level over all samples, in dB re full scale; -inf for silence and for no samples at all."""
    if samples.size == 0:
        return -np.inf
    return power_db(float(np.mean(np.square(samples, dtype=np.float64))))


def peak_db(samples: Array) -> float:
    """Level of the largest sample, in dB re full scale; -inf for silence and for no samples at all."""
    return amplitude_db(float(np.max(np.abs(samples)))) if samples.size else -np.inf


def difference_db(reference: Array, estimate: Array) -> float:
    """Energy of `estimate` - `reference` relative to the energy of `reference`, in dB: -inf when they are equal.

    A silent reference with an estimate that is not silent gives +inf.
    """
    error = power_db(float(np.sum(np.square(np.subtract(estimate, reference, dtype=np.float64)))))
    if error == -np.inf:
        return error
    energy = power_db(float(np.sum(np.square(reference, dtype=np.float64))))
    return error - energy
