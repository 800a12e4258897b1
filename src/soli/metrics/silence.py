"""Silence: a source that is absent has no score, only the level of what an estimate leaks into its place."""

import math

import numpy as np
from numpy.typing import ArrayLike

from soli.metrics.arrays import Signal, signals

SILENT_DBFS = -120.0
"""A source whose RMS over the whole item lies below this is absent (16-bit dither lies near -96 dBFS)."""


def rms_dbfs(signal: Signal) -> float:
    """The RMS level over all axes in dB, where a constant of 1 has 0 dB; minus infinity for digital silence."""
    mean_square = float(np.mean(np.square(signal)))
    return 10.0 * math.log10(mean_square) if mean_square > 0.0 else -math.inf


def is_silent(signal: Signal) -> bool:
    """Whether the RMS level lies below SILENT_DBFS."""
    return rms_dbfs(signal) < SILENT_DBFS


def silent_sources(values: ArrayLike) -> tuple[bool, ...]:
    """For each source of (S, T) or (S, C, T), whether it is silent; raises InputError."""
    return tuple(is_silent(source) for source in signals(values, "signal"))


def leakage_dbfs(estimate: ArrayLike) -> tuple[float, ...]:
    """The RMS level in dBFS of each source of (S, T) or (S, C, T): what an estimate holds where nothing should be.

    The lower the better; minus infinity where the estimate is digitally silent. Raises InputError.
    """
    return tuple(rms_dbfs(source) for source in signals(estimate, "estimate"))
