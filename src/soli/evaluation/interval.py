"""The 95 % interval of a mean over items, or over groups of items that do not tell anything apart from each other.

The clips of one speaker are alike: 300 clips of 15 speakers say less of other speakers than 300 speakers would. Where
rows name a group, deviations from the mean are summed by group before they are squared (the cluster-robust standard
error of Liang and Zeger 1986), and groups of unlike size count as the smaller number of equal ones that says as much,
n^2 / sum n_g^2 (Kish 1965). Each item a group of its own, this is Student's interval. A bootstrap of few items is too
narrow: of ten, its "95 %" holds the true mean in 90 of 100 cases.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

LEAST_ITEMS, LEAST_GROUPS = 10, 5
"""Of fewer there is no interval: what so few have in common may be chance, and how far they spread is not known."""

MISSED = 0.05


def interval(
    values: ArrayLike, groups: Sequence[str] | None = None, *, claims: int = 1
) -> tuple[float, float] | tuple[None, None]:
    """Bounds of the mean of (N,) finite values, or (None, None) where there are too few.

    `groups` names the group of each value. With `claims` the bounds are so wide that that many intervals hold at once
    with 95 % (Bonferroni).
    """
    found = np.asarray(values, dtype=np.float64)
    if len(found) < LEAST_ITEMS:
        return None, None
    names = np.arange(len(found)) if groups is None else np.asarray(groups)
    _, places, sizes = np.unique(names, return_inverse=True, return_counts=True)
    if len(sizes) < LEAST_GROUPS:
        return None, None
    mean = float(found.mean())
    sums = np.bincount(places, weights=found - mean)
    error = math.sqrt(len(sizes) / (len(sizes) - 1) * float(sums @ sums)) / len(found)
    equal = len(found) ** 2 / float(sizes @ sizes)
    reach = error * float(stdtrit(max(1.0, equal - 1), 1 - MISSED / (2 * claims)))
    return mean - reach, mean + reach
