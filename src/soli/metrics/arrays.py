"""What every score needs first: two arrays of one shape, in float64, and a ratio in dB that is never NaN."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.errors import InputError

Signal = NDArray[np.float64]
Score = float | None
"""A figure in dB, plus or minus infinity, or None where the definition gives 0/0."""

EXACT_DB = 250.0
"""A ratio beyond this is rounding of float64 sums, not sound: it is reported as infinite."""


def signals(values: ArrayLike, name: str) -> Signal:
    """Checks sound of shape (S, T) or (S, C, T) and gives it as float64 (S, C, T); raises InputError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 2:
        array = array[:, None, :]
    if array.ndim != 3:
        raise InputError(f"the {name} has {array.ndim} axes", wanted="(S, T) or (S, C, T)")
    if array.size == 0:
        raise InputError(f"the {name} is empty: shape {array.shape}", wanted="at least one source and one sample")
    if not np.isfinite(array).all():
        raise InputError(f"the {name} holds NaN or infinite samples", wanted="finite samples")
    return array


def pair(reference: ArrayLike, estimate: ArrayLike) -> tuple[Signal, Signal]:
    """Checks reference and estimate, and gives both as float64 (S, C, T); raises InputError where shapes differ."""
    references, estimates = signals(reference, "reference"), signals(estimate, "estimate")
    if references.shape != estimates.shape:
        raise InputError(
            f"the estimate has shape {np.shape(estimate)}, the reference {np.shape(reference)}",
            wanted="the same sources, channels and samples",
        )
    return references, estimates


def energy(signal: Signal) -> float:
    """The sum of squares over all axes."""
    flat = signal.reshape(-1)
    return float(flat @ flat)


def ratio_db(part: float, rest: float) -> Score:
    """10 log10(part / rest); plus or minus infinity beyond EXACT_DB; None for 0/0."""
    if part == 0.0 and rest == 0.0:
        return None
    if rest == 0.0:
        return math.inf
    if part == 0.0:
        return -math.inf
    level = 10.0 * (math.log10(part) - math.log10(rest))
    return math.copysign(math.inf, level) if abs(level) > EXACT_DB else level


def difference(score: Score, baseline: Score) -> Score:
    """score - baseline in dB; None where either is undefined or both are infinite the same way."""
    if score is None or baseline is None or (math.isinf(score) and score == baseline):
        return None
    return score - baseline
