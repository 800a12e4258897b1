"""Figures of a comparison from lines: means with intervals, differences over the same items, groups of one SNR."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from soli.evaluation.comparison import IMPROVED, SCORES, Figure, Group, Quality
from soli.evaluation.groups import groups_of
from soli.evaluation.interval import interval
from soli.evaluation.line import Line
from soli.metrics.silence import at_floor

MOST_GROUPS = 9
_WIDTHS = (1, 2, 3, 5, 10, 20, 50, 100)


def quality(lines: Sequence[Line]) -> Quality:
    """The scores of one source over the items where it sounds among others."""
    scored = [line for line in lines if line.state == "scored"]
    groups = groups_of(scored)
    scores = {name: figure([line.counted(name) for line in scored], groups) for name in SCORES}
    floored = sum(at_floor(line.scores["si_sdr"]) for line in scored if "si_sdr" in line.scores)
    return Quality(
        scores=scores,
        improvements={name: figure([line.counted_gain(name) for line in scored], groups) for name in IMPROVED},
        floored=floored,
    )


def figure(values: Sequence[float | None], groups: Sequence[str] | None = None, *, claims: int = 1) -> Figure:
    """Mean and interval of a value of each item; nothing where a score was not asked for.

    `groups` and `claims` are as of `interval`.
    """
    found = [value for value in values if value is not None]
    if not found or len(found) < len(values):
        return Figure(mean=None, low=None, high=None, count=0)
    low, high = interval(found, groups, claims=claims)
    return Figure(mean=float(np.mean(found)), low=low, high=high, count=len(found))


def difference(
    best: Mapping[str, float], other: Mapping[str, float], groups: Mapping[str, str] | None = None, *, claims: int = 1
) -> Figure:
    """By how much `best` is ahead of `other`, values by item: mean and interval of the items' differences.

    The items are taken in pairs: what makes an item hard for both does not widen the interval.
    """
    both = [item for item in best if item in other]
    names = None if groups is None else [groups[item] for item in both]
    return figure([best[item] - other[item] for item in both], names, claims=claims)


def snr_groups(lines: Sequence[Line]) -> tuple[list[Group], str]:
    """The scored items of one source by SNR, and what that is: the rows' `snr_db`, or the mixture's SI-SDR."""
    scored = [line for line in lines if line.state == "scored"]
    named = {line.id: line.meta.get("snr_db") for line in scored}
    if named and all(isinstance(value, int | float) for value in named.values()):
        return _groups({item: float(value) for item, value in named.items() if value is not None}), "SNR"
    measured = {line.id: line.mixture.get("si_sdr") for line in scored}
    return _groups(
        {item: float(round(value)) for item, value in measured.items() if value is not None and math.isfinite(value)}
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
