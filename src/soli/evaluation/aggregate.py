"""From lines to a summary: for every source, over all items and by condition, what a score is on average.

A score where the source sounds counts as `soli.metrics.silence.bounded` has it, so that an estimate that is silent is
no item less; how many were is said beside the mean. The interval is that of `soli.evaluation.interval`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.evaluation.groups import group_key, groups_of
from soli.evaluation.interval import interval
from soli.evaluation.line import Line
from soli.metrics.arrays import Score
from soli.metrics.bss import median
from soli.metrics.silence import at_floor

MOST_VALUES = 24
LEAST_ITEMS = 3
"""A meta key with more values, or fewer items a value, is no condition: it names items, or is a number drawn afresh."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")


class Statistics(_Part):
    """Of `count` scores in dB; `low` and `high` bound the mean with 95 %. None where there are none, or too few.

    Mean and `std`, that of a sample, are of the finite scores; the median counts infinite ones too. `floored`: how many
    count as the lowest score, for the estimate is silent or holds nothing of the source.
    """

    mean: float | None
    median: Score
    std: float | None
    count: int
    low: float | None
    high: float | None
    infinite: int = 0
    undefined: int = 0
    floored: int = 0


class Compared(_Part):
    """One score: of the estimate, of the mixture as floor, of their difference, of the ideal mask as ceiling."""

    estimate: Statistics
    mixture: Statistics
    improvement: Statistics
    ceiling: Statistics


class Group(_Part):
    """Items of one source that share a condition: how many, and every score."""

    count: int
    scores: dict[str, Compared]


class Silent(_Part):
    """Items where the source is silent: the level of what leaked into the estimate, and of the mixture, in dBFS."""

    count: int
    leakage_dbfs: Statistics
    mixture_dbfs: Statistics
    loudest_dbfs: Score


class SourceSummary(_Part):
    """One source. `alone`: items where nothing else sounds; `conditions`: meta key -> value -> group."""

    scored: Group
    alone: Group
    silent: Silent
    conditions: dict[str, dict[str, Group]]


def summarise(lines: Sequence[Line]) -> dict[str, SourceSummary]:
    """The summary of every source, in order of appearance."""
    return {source: _source([line for line in lines if line.source == source]) for source in _unique(lines)}


def statistics(scores: Sequence[Score], groups: Sequence[str] | None = None) -> Statistics:
    """Mean, median, deviation and interval of scores, some of which may be infinite or undefined.

    `groups` names the group of each, where items hang together.
    """
    defined = [score for score in scores if score is not None]
    places = [place for place, score in enumerate(scores) if score is not None and math.isfinite(score)]
    finite = np.array([scores[place] for place in places], dtype=np.float64)
    low, high = interval(finite, None if groups is None else [groups[place] for place in places])
    return Statistics(
        mean=float(finite.mean()) if len(finite) else None,
        median=median(scores),
        std=float(finite.std(ddof=1)) if len(finite) > 1 else None,
        count=len(defined),
        low=low,
        high=high,
        infinite=len(defined) - len(finite),
        undefined=len(scores) - len(defined),
    )


def conditions(lines: Sequence[Line]) -> dict[str, dict[str, list[Line]]]:
    """Meta keys that are conditions, each value with its lines; an item with a list belongs to each entry.

    The key by which items hang together is none: it says whom there was to judge on.
    """
    found: dict[str, dict[Any, list[Line]]] = {}
    group = group_key(lines)
    for line in lines:
        for key, value in line.meta.items():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str | int | float):
                    found.setdefault(key, {}).setdefault(each, []).append(line)
    return {
        key: {str(value): groups[value] for value in sorted(groups, key=_order)}
        for key, groups in found.items()
        if key != group and 2 <= len(groups) <= min(MOST_VALUES, len(lines) / LEAST_ITEMS)
    }


def _order(value: str | float) -> tuple[bool, float, str]:
    """Numbers by size, then words by letter."""
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def _source(lines: list[Line]) -> SourceSummary:
    scored = [line for line in lines if line.state == "scored"]
    silent = [line for line in lines if line.state == "silent"]
    leaks = [line.leakage_dbfs for line in silent]
    return SourceSummary(
        scored=_group(scored),
        alone=_group([line for line in lines if line.state == "alone"]),
        silent=Silent(
            count=len(silent),
            leakage_dbfs=statistics(leaks),
            mixture_dbfs=statistics([line.mixture_leakage_dbfs for line in silent]),
            loudest_dbfs=max((leak for leak in leaks if leak is not None), default=None),
        ),
        conditions={
            key: {value: _group(some) for value, some in groups.items()} for key, groups in conditions(scored).items()
        },
    )


def _group(lines: Sequence[Line]) -> Group:
    names = dict.fromkeys(name for line in lines for name in line.scores)
    return Group(count=len(lines), scores={name: _compared(lines, name) for name in names})


def _compared(lines: Sequence[Line], name: str) -> Compared:
    groups = groups_of(lines)
    floored = sum(line.counted(name) is not None and at_floor(line.scores[name]) for line in lines)
    return Compared(
        estimate=statistics([line.counted(name) for line in lines], groups).model_copy(update={"floored": floored}),
        mixture=statistics([line.counted_mixture(name) for line in lines], groups),
        improvement=statistics([line.counted_gain(name) for line in lines], groups),
        ceiling=statistics([line.counted_ceiling(name) for line in lines], groups),
    )


def _unique(lines: Iterable[Line]) -> list[str]:
    return list(dict.fromkeys(line.source for line in lines))
