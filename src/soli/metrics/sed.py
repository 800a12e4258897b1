"""Scores of detected sound events: frame by frame, segment by segment, and event by event.

Segments and events are counted as Mesaros, Heittola and Virtanen define them (Metrics for polyphonic sound event
detection, 2016) and as their toolbox does. Counts of clips are added up, and figures are taken of the sums.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.dsp.frames import FrameGrid
from soli.errors import UsageError
from soli.metrics.arrays import Score
from soli.metrics.counts import Counts, Figure, macro, total
from soli.metrics.eventlists import checked
from soli.metrics.matching import largest_matching
from soli.metrics.streaming import StreamingScores
from soli.metrics.tagging import Table
from soli.types import Event

_NOTHING = Counts(0, 0, 0)


@dataclass(frozen=True)
class SedScores:
    """Counts over all classes together, in which one class may stand in for another, and counts of each class alone."""

    overall: Counts
    classes: dict[str, Counts]

    def __add__(self, other: "SedScores") -> "SedScores":
        names = {**self.classes, **other.classes}
        summed = {name: self.classes.get(name, _NOTHING) + other.classes.get(name, _NOTHING) for name in names}
        return SedScores(self.overall + other.overall, summed)

    def macro(self, figure: Figure) -> Score:
        """The mean of a figure over the classes that have it."""
        return macro(self.classes, figure)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return {
            "macro": {name: self.macro(name) for name in get_args(Figure) if name != "substitution_rate"},
            "overall": _figures(self.overall),
            "classes": {name: _figures(counts) for name, counts in self.classes.items()},
        }


def summed(scores: Iterable[SedScores]) -> SedScores:
    """The scores of many clips as one."""
    return sum(scores, SedScores(_NOTHING, {}))


@dataclass(frozen=True)
class Collars:
    """How far an event may be off: its onset, and its offset by `offset_s` or a share of the true length if longer.

    `offset_s` None: only onsets count. The defaults are those of Kong et al. (2018) and of the DCASE challenges.
    """

    onset_s: float = 0.2
    offset_s: float | None = 0.2
    offset_share: float = 0.5

    def __post_init__(self) -> None:
        given = (self.onset_s, self.offset_s or 0.0, self.offset_share)
        if not all(math.isfinite(each) and each >= 0 for each in given):
            raise UsageError(f"collars of {self}", wanted="0 or more")

    def fits(self, reference: Sequence[Event], estimate: Sequence[Event]) -> NDArray[np.bool_]:
        """Which estimates lie within the collars of which references, whatever their classes: (R, E)."""
        wanted, given = _times(reference)[:, None], _times(estimate)[None]
        found: NDArray[np.bool_] = np.abs(wanted[..., 0] - given[..., 0]) <= self.onset_s
        if self.offset_s is not None:
            collar = np.maximum(self.offset_s, self.offset_share * (wanted[..., 1] - wanted[..., 0]))
            found &= np.abs(wanted[..., 1] - given[..., 1]) <= collar
        return found


def event_based(
    reference: Iterable[Event], estimate: Iterable[Event], *, classes: Sequence[str], collars: Collars | None = None
) -> SedScores:
    """Counts of the events of a clip that are found: of the right class, and within the collars.

    As many pairs are formed as can be. Over all classes together, what then is left of references and estimates is
    paired in order of time by the collars alone: these are substitutions. Raises InputError as `eventlists.checked`.
    """
    collars = collars or Collars()
    wanted, given = checked(reference, "reference", classes=classes), checked(estimate, "estimate", classes=classes)
    wanted_of, given_of = (Counter(event.label for event in events) for events in (wanted, given))
    near_by = collars.fits(wanted, given)
    pairs = largest_matching(near_by & (_labels(wanted)[:, None] == _labels(given)[None]))
    hits_of = Counter(wanted[number].label for number in pairs)
    near_by[list(pairs), :] = False
    near_by[:, list(pairs.values())] = False
    overall = Counts(len(wanted), len(given), len(pairs), _in_order(near_by))
    return SedScores(overall, {name: Counts(wanted_of[name], given_of[name], hits_of[name]) for name in classes})


def segment_based(
    reference: Iterable[Event],
    estimate: Iterable[Event],
    *,
    classes: Sequence[str],
    duration_s: float,
    segment_s: float = 1.0,
) -> SedScores:
    """Counts of the segments of a clip in which each class is active, and found to be.

    A class is active in every segment that an event of it reaches into, however little; what lies beyond `duration_s`
    does not count. Over all classes together, a class too few and one too many in a segment are one substitution.
    Raises InputError as `eventlists.checked`, and UsageError where a length is not above zero.
    """
    if not all(math.isfinite(each) and each > 0 for each in (duration_s, segment_s)):
        raise UsageError(f"segments of {segment_s} s in a clip of {duration_s} s", wanted="lengths above 0 s")
    count = math.ceil(duration_s / segment_s)
    wanted = _roll(checked(reference, "reference", classes=classes), classes, count, segment_s)
    given = _roll(checked(estimate, "estimate", classes=classes), classes, count, segment_s)
    hits = wanted & given
    numbers = zip(wanted.sum(axis=1), given.sum(axis=1), hits.sum(axis=1), strict=True)
    counts = {name: Counts(int(r), int(e), int(h)) for name, (r, e, h) in zip(classes, numbers, strict=True)}
    fewer = np.minimum(wanted.sum(axis=0), given.sum(axis=0))
    together = total(counts.values())
    swapped = int((fewer - hits.sum(axis=0)).sum())
    return SedScores(Counts(together.reference, together.estimate, together.hits, swapped), counts)


class FrameScores:
    """Scores of the frame probabilities (K, N) of many clips against their events, clip by clip in fixed memory."""

    def __init__(self, classes: Sequence[str], *, rate_hz: float, threshold: float | Sequence[float] = 0.1) -> None:
        self._rate_hz = rate_hz
        self._scores = StreamingScores(classes, threshold=threshold)

    def add(self, reference: Iterable[Event], estimate: ArrayLike) -> None:
        """Counts a clip; raises InputError as `eventlists.checked` and `StreamingScores.add` do."""
        frames = np.asarray(estimate)
        grid = FrameGrid(self._rate_hz, frames.shape[-1])
        self._scores.add(frame_truth(reference, classes=self._scores.classes, grid=grid), frames)

    def result(self) -> Table:
        """The scores of all clips so far."""
        return self._scores.result()


def frame_truth(reference: Iterable[Event], *, classes: Sequence[str], grid: FrameGrid) -> NDArray[np.bool_]:
    """In which frames each class is active: (K, N). Raises InputError as `eventlists.checked`."""
    truth = np.zeros((len(classes), grid.count), dtype=np.bool_)
    rows = {name: row for row, name in enumerate(classes)}
    for event in checked(reference, "reference", classes=classes):
        truth[rows[event.label], grid.span(event.onset_s, event.offset_s)] = True
    return truth


def _times(events: Sequence[Event]) -> NDArray[np.float64]:
    return np.array([(event.onset_s, event.offset_s) for event in events], dtype=np.float64).reshape(-1, 2)


def _labels(events: Sequence[Event]) -> NDArray[np.str_]:
    return np.array([event.label for event in events], dtype=np.str_)


def _in_order(fits: NDArray[np.bool_]) -> int:
    """How many references get an estimate when each in turn takes the first that fits and is still free."""
    free = np.ones(fits.shape[1], dtype=np.bool_)
    taken = 0
    for row in fits:
        first = np.flatnonzero(row & free)[:1]
        free[first] = False
        taken += len(first)
    return taken


def _roll(events: Iterable[Event], classes: Sequence[str], count: int, segment_s: float) -> NDArray[np.bool_]:
    """In which segments each class is active: (K, segments)."""
    roll = np.zeros((len(classes), count), dtype=np.bool_)
    rows = {name: row for row, name in enumerate(classes)}
    for event in events:
        first, stop = math.floor(event.onset_s / segment_s), math.ceil(event.offset_s / segment_s)
        roll[rows[event.label], first:stop] = True
    return roll


def _figures(counts: Counts) -> dict[str, Score]:
    figures: dict[str, Score] = {name: getattr(counts, name) for name in get_args(Figure)}
    return {**figures, "reference": counts.reference, "estimate": counts.estimate, "hits": counts.hits}
