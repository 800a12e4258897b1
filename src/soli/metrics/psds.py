"""The polyphonic sound detection score: one figure for a detector over all of its thresholds.

Bilen, Ferroni, Tuveri, Azcarreta and Krstulovic: A framework for the robust evaluation of sound event detection (2020).
An operating point is what a detector gives for all clips at one setting of its thresholds.

- Detection tolerance (dtc): a detection is valid where true events of its class cover this share of it.
- Ground truth intersection (gtc): an event is found where valid detections cover this share of it.
- Cross-trigger tolerance (cttc): a detection that is not valid is one on another class where the events of that class
  cover this share of it. It is a false alarm in any case.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soli.errors import InputError, UsageError, near
from soli.metrics.arrays import Score
from soli.metrics.eventlists import by_class, checked
from soli.types import Event

Clips = Mapping[str, Sequence[Event]]
Values = NDArray[np.float64]

HOUR_S = 3600.0


@dataclass(frozen=True)
class Criteria:
    """The three shares, each in [0, 1]."""

    dtc: float = 0.5
    gtc: float = 0.5
    cttc: float = 0.3

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in (self.dtc, self.gtc, self.cttc)):
            raise UsageError(f"criteria of {self}", wanted="shares between 0 and 1")


@dataclass(frozen=True)
class Weights:
    """What the score makes of the rates.

    `alpha_ct` in [0, 1] is the cost of cross-triggers beside that of false alarms, `alpha_st` that of classes that
    differ; the curve ends at `max_efpr` false alarms (None: the most that any class gives) in `unit_s` seconds.
    """

    alpha_ct: float = 0.0
    alpha_st: float = 0.0
    max_efpr: float | None = 100.0
    unit_s: float = HOUR_S

    def __post_init__(self) -> None:
        positive = self.unit_s > 0 and (self.max_efpr is None or self.max_efpr > 0)
        if not (0 <= self.alpha_ct <= 1 and 0 <= self.alpha_st < math.inf and positive):
            raise UsageError(f"a score with {self}", wanted="alpha_ct in [0, 1], alpha_st >= 0, the others above 0")


@dataclass(frozen=True)
class Psds:
    """The score, and the curve under which it is the area: a staircase from each point to the next.

    `efpr` (P,) are effective false alarms a unit of time, `etpr` (P,) the effective share of events that are found, and
    `classes` that share for each class alone.
    """

    value: Score
    efpr: Values
    etpr: Values
    classes: dict[str, Values]


@dataclass(frozen=True)
class _Rates:
    """Of an operating point, for the K classes: events found (K,), false alarms (K,), cross-triggers (K, K)."""

    found: Values
    false_alarms: Values
    crossed: Values


def psds(
    reference: Clips,
    points: Sequence[Clips],
    *,
    classes: Sequence[str],
    durations_s: Mapping[str, float],
    criteria: Criteria | None = None,
    weights: Weights | None = None,
) -> Psds:
    """The score of operating points against the reference; clips are named alike in both and in `durations_s`.

    The score is of those `classes` that have a true event of some length: of the others there is no share to find.
    Events of no length count nowhere, and a detection beyond the end of its clip is no false alarm. `value` is None
    where the curve has no width: nobody gave a false alarm, and `max_efpr` is left open.

    Raises:
        InputError: an event as in `eventlists.checked`, two events of one class in one clip that overlap
            (`eventlists.united` makes them one), a clip without a duration, no true event at all, no operating point.
    """
    if not points:
        raise InputError("no operating point", wanted="detections at one setting of the thresholds, or at several")
    durations = _durations(durations_s)
    truth = _prepared(reference, "reference", classes, durations)
    there = sorted({event.label for events in truth.values() for event in events})
    if not there:
        raise InputError("the reference holds no event", wanted="at least one, with some length")
    # One point at a time: a sequence that makes its points as they are asked for never holds them all.
    given = (_prepared(point, "estimate", classes, durations) for point in points)
    rates = [_rates(truth, point, there, durations, criteria or Criteria()) for point in given]
    return _score(rates, truth, there, sum(durations.values()), weights or Weights())


def _rates(
    truth: Clips, point: Clips, classes: Sequence[str], durations: Mapping[str, float], criteria: Criteria
) -> _Rates:
    rates = _Rates(np.zeros(len(classes)), np.zeros(len(classes)), np.zeros((len(classes), len(classes))))
    for clip, events in point.items():
        given = [event for event in events if event.label in classes]
        if given:
            _count(rates, truth.get(clip, ()), given, classes, durations[clip], criteria)
    return rates


def _count(
    rates: _Rates,
    wanted: Sequence[Event],
    given: Sequence[Event],
    classes: Sequence[str],
    duration_s: float,
    criteria: Criteria,
) -> None:
    """Adds what one clip holds."""
    references, estimates = _arrays(wanted, classes), _arrays(given, classes)
    (onset, offset, label), (begin, end, kind) = references, estimates
    shared = np.maximum(0.0, np.minimum(end[:, None], offset) - np.maximum(begin[:, None], onset))  # (E, R)
    alike = (kind[:, None] == label) & (shared > 0)
    own = np.where(alike, shared / (end - begin)[:, None], 0.0).sum(axis=1)
    valid = alike.any(axis=1) & (own >= criteria.dtc)
    heard = alike & valid[:, None]
    covered = np.where(heard, shared / (offset - onset), 0.0).sum(axis=0)
    found = heard.any(axis=0) & (covered >= criteria.gtc)
    np.add.at(rates.found, label[found], 1)
    np.add.at(rates.false_alarms, kind[~valid & (begin < duration_s)], 1)
    share = (shared / (end - begin)[:, None]) @ np.eye(len(classes))[label]  # (E, K)
    crossed = (share > 0) & (share >= criteria.cttc) & ~valid[:, None] & (kind[:, None] != np.arange(len(classes)))
    detection, other = np.nonzero(crossed)
    np.add.at(rates.crossed, (kind[detection], other), 1)


def _score(rates: Sequence[_Rates], truth: Clips, classes: Sequence[str], whole_s: float, weights: Weights) -> Psds:
    events = by_class(event for clip in truth.values() for event in clip)
    number = np.array([len(events[name]) for name in classes])
    length_s = np.array([sum(event.offset_s - event.onset_s for event in events[name]) for name in classes])
    nothing = np.zeros((1, len(classes)))  # a detector that says nothing is an operating point of any
    found = np.concatenate([nothing, [each.found / number for each in rates]])
    alarms = np.concatenate([nothing, [each.false_alarms * (weights.unit_s / whole_s) for each in rates]])
    if len(classes) > 1:
        crossed = [(each.crossed * (weights.unit_s / length_s)).sum(axis=1) / (len(classes) - 1) for each in rates]
        alarms += weights.alpha_ct * np.concatenate([nothing, crossed])
    efpr = np.unique(alarms)
    stairs = np.stack([_staircase(efpr, *column) for column in zip(alarms.T, found.T, strict=True)])
    etpr = np.maximum(0.0, stairs.mean(axis=0) - weights.alpha_st * stairs.std(axis=0))
    widest = float(efpr[-1]) if weights.max_efpr is None else weights.max_efpr
    value = _area(efpr, etpr, widest) / widest if widest > 0 else None
    return Psds(value, efpr, etpr, dict(zip(classes, stairs, strict=True)))


def _staircase(grid: Values, x: Values, y: Values) -> Values:
    """The highest y of all points (x, y) that lie no further right than each place of the grid."""
    order = np.argsort(x, kind="stable")
    highest = np.maximum.accumulate(y[order])
    return np.asarray(highest[np.searchsorted(x[order], grid, side="right") - 1])


def _area(x: Values, y: Values, end: float) -> float:
    """The area under a staircase from x[0] to `end`."""
    edges = np.minimum(np.append(x, math.inf), end)
    return float(y @ np.diff(edges))


def _prepared(
    clips: Clips, name: str, classes: Sequence[str], durations: Mapping[str, float]
) -> dict[str, list[Event]]:
    """The events that have a length, in order of time, clip by clip."""
    prepared = {}
    for clip, events in clips.items():
        if clip not in durations:
            raise InputError(
                f"the {name} holds the clip {clip}, which has no duration", wanted=near(clip, [*durations])
            )
        found = checked(events, f"{name} of {clip}", classes=classes)
        prepared[clip] = [event for event in found if event.offset_s > event.onset_s]
        for same in by_class(prepared[clip]).values():
            _refuse_overlap(same, f"the {name} of {clip}")
    return prepared


def _refuse_overlap(events: Sequence[Event], name: str) -> None:
    for one, two in pairwise(events):
        if two.onset_s < one.offset_s:
            raise InputError(
                f"{name} holds two events {one.label} that overlap at {two.onset_s:g} s",
                wanted="one event of a class at a time",
                do="make them one",
            )


def _durations(durations_s: Mapping[str, float]) -> dict[str, float]:
    for clip, duration_s in durations_s.items():
        if not (math.isfinite(duration_s) and duration_s > 0):
            raise InputError(f"the clip {clip} lasts {duration_s} s", wanted="a length above 0 s")
    return dict(durations_s)


def _arrays(events: Sequence[Event], classes: Sequence[str]) -> tuple[Values, Values, NDArray[np.intp]]:
    """Onsets, offsets and class numbers."""
    numbers = {name: number for number, name in enumerate(classes)}
    onsets = np.array([event.onset_s for event in events], dtype=np.float64)
    offsets = np.array([event.offset_s for event in events], dtype=np.float64)
    return onsets, offsets, np.array([numbers[event.label] for event in events], dtype=np.intp)
