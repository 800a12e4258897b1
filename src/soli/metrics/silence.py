"""Silence, of a source and of an estimate, and what each counts as.

A source that is absent has no score, only the level of what an estimate leaks into its place. An estimate that is
silent where its source sounds has a score that is 0/0: among others it counts as `LOWEST_DB`, since leaving it out
would make giving up on the hard items the way to the best mean.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from soli.metrics.arrays import Score, Signal, signals

SILENT_DBFS = -120.0
"""A source whose RMS over the whole item lies below this is absent (16-bit dither lies near -96 dBFS)."""

LOWEST_DB, HIGHEST_DB = -60.0, 100.0
"""Between these lies what a score in dB of a source that sounds counts as, wherever scores are averaged or ranked."""

State = Literal["scored", "alone", "silent"]
"""Of a source in an item: it sounds among others, it is the only one that sounds, or it does not sound."""


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


def states_of(references: ArrayLike) -> list[State]:
    """Whether each reference of (S, T) or (S, C, T) is silent (its mean taken off), alone, or sounds among others."""
    sounds = signals(references, "reference")
    silent = silent_sources(sounds - sounds.mean(axis=-1, keepdims=True))
    alone = silent.count(False) == 1
    return ["silent" if quiet else "alone" if alone else "scored" for quiet in silent]


def bounded(score: Score) -> float:
    """What a score in dB of a source that sounds counts as: the score, no less than LOWEST_DB, no more than HIGHEST_DB.

    A score that is not defined, since the estimate is silent, counts as LOWEST_DB.
    """
    return LOWEST_DB if score is None else min(max(score, LOWEST_DB), HIGHEST_DB)


def at_floor(score: Score) -> bool:
    """Whether the score counts as LOWEST_DB: the estimate is silent, or holds nothing of the source."""
    return bounded(score) == LOWEST_DB
