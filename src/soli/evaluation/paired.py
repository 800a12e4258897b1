"""Figures of a comparison from lines: means with intervals, differences over the same items, groups of one SNR."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np

from soli.evaluation.aggregate import bootstrap_interval, statistics
from soli.evaluation.comparison import IMPROVED, SCORES, Figure, Group, Quality
from soli.evaluation.results import Line
from soli.metrics.arrays import Score

MOST_GROUPS = 9
_WIDTHS = (1, 2, 3, 5, 10, 20, 50, 100)


def quality(lines: Sequence[Line]) -> Quality:
    """The scores of one source over the items where it sounds among others."""
    scored = [line for line in lines if line.state == "scored"]
    return Quality(
        scores={name: figure([line.scores.get(name) for line in scored]) for name in SCORES},
        improvements={name: figure([line.improvement.get(name) for line in scored]) for name in IMPROVED},
    )


def figure(scores: Sequence[Score]) -> Figure:
    """Mean and bootstrap interval of the finite scores."""
    found = statistics(scores)
    return Figure(
        mean=found.mean,
        low=found.low,
        high=found.high,
        count=found.count - found.infinite,
        left_out=found.infinite + found.undefined,
    )


def difference(best: Mapping[str, Score], other: Mapping[str, Score]) -> Figure:
    """By how much `best` is ahead of `other`, scores by item: mean and bootstrap interval of the items' differences.

    The items are drawn in pairs: what makes an item hard for both does not widen the interval. Items where a score is
    not finite count as left out.
    """
    both = [item for item in best if item in other]
    finite = [one - two for item in both if _finite(one := best[item]) and _finite(two := other[item])]
    if not finite:
        return Figure(mean=None, low=None, high=None, count=0, left_out=len(both))
    values = np.array(finite, dtype=np.float64)
    low, high = bootstrap_interval(values)
    return Figure(mean=float(values.mean()), low=low, high=high, count=len(finite), left_out=len(both) - len(finite))


def _finite(score: Score) -> TypeGuard[float]:
    return score is not None and math.isfinite(score)


def snr_groups(lines: Sequence[Line]) -> tuple[list[Group], str]:
    """The scored items of one source by SNR, and what that is: the rows' `snr_db`, or the mixture's SI-SDR."""
    scored = [line for line in lines if line.state == "scored"]
    named = {line.id: line.meta.get("snr_db") for line in scored}
    if named and all(isinstance(value, int | float) for value in named.values()):
        return _groups({item: float(value) for item, value in named.items() if value is not None}), "SNR"
    measured = {line.id: line.mixture.get("si_sdr") for line in scored}
    return _groups(
        {item: float(round(value)) for item, value in measured.items() if _finite(value)}
    ), "SI-SDR of the mixture"


def _groups(values: Mapping[str, float]) -> list[Group]:
    """One group a value where these are few, else bins of a round width; by size."""
    distinct = sorted(set(values.values()))
    if len(distinct) <= MOST_GROUPS:
        return [
            Group(label=_spelled(value), ids=[item for item, each in values.items() if each == value])
            for value in distinct
        ]
    spread = distinct[-1] - distinct[0]
    width = next((each for each in _WIDTHS if spread / each <= MOST_GROUPS - 1), _WIDTHS[-1])
    bins: dict[int, list[str]] = {}
    for item, value in values.items():
        bins.setdefault(math.floor(value / width), []).append(item)
    return [
        Group(label=f"{_spelled(place * width)} to {_spelled((place + 1) * width)}", ids=bins[place])
        for place in sorted(bins)
    ]


def _spelled(value: float) -> str:
    """With a true minus sign, as the axes of plots have it."""
    return f"{value:g}".replace("-", "−")
