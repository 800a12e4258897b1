"""Thresholds that are tuned, one a class, to give the highest F1 on the clips that are kept for such choices.

Nothing is drawn: the same scores always give the same thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.data.folds import VALID
from soli.detection.postprocess import Hysteresis, events_of
from soli.errors import InputError, UsageError
from soli.metrics.arrays import Score
from soli.metrics.counts import Counts
from soli.metrics.ranking import Probabilities, Ranking, Truth, truth_and_scores
from soli.metrics.sed import Collars, event_based
from soli.metrics.streaming import StreamingScores, threshold_below
from soli.types import Event


@dataclass(frozen=True)
class Tuned:
    """The threshold of each class, and the F1 that it gave: None where a class had no positive and kept the default."""

    thresholds: tuple[float, ...]
    f1: tuple[Score, ...]


def tuned(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    classes: Sequence[str],
    split: str,
    default: float = 0.1,
    fewest: int = 1,
) -> Tuned:
    """The thresholds with the highest F1 of scores (B, K) against truths (B, K); rows are clips, or frames.

    A threshold lies half-way between two scores that occur, or between the lowest and 0, so that it tells unseen ones
    apart as well as it can; of equally good ones the highest is taken. A class with less than `fewest` positives,
    or that is there in every clip, keeps `default`: neither says where the two part.

    Raises:
        UsageError: `split` is not the one for such choices.
        InputError: shapes do not fit, or a score is NaN.
    """
    refuse_other_split(split)
    truth, scores = truth_and_scores(reference, estimate)
    if truth.ndim != 2 or truth.shape[1] != len(classes):
        raise InputError(f"scores of shape {truth.shape}", wanted=f"(clips, {len(classes)}): a column a class")
    found = [_best(*column, default=default, fewest=fewest) for column in zip(truth.T, scores.T, strict=True)]
    return Tuned(tuple(threshold for threshold, _ in found), tuple(f1 for _, f1 in found))


def tuned_streaming(scores: StreamingScores, *, split: str, default: float = 0.1, fewest: int = 1) -> Tuned:
    """As `tuned`, of decisions that were too many to keep, to the width of the bins that they were counted in.

    Raises UsageError: `split` is not the one for such choices.
    """
    refuse_other_split(split)
    found = [_best_bin(each, default=default, fewest=fewest) for each in scores.rankings()]
    return Tuned(tuple(threshold for threshold, _ in found), tuple(f1 for _, f1 in found))


def _best_bin(ranking: Ranking, *, default: float, fewest: int) -> tuple[float, Score]:
    """The threshold of one class, and its F1."""
    positives = int(ranking.positives.sum())
    if positives < max(1, fewest) or ranking.one_sided:
        return default, None
    hits = np.cumsum(ranking.positives[::-1])
    given = hits + np.cumsum(ranking.negatives[::-1])
    f1 = 2 * hits / (positives + given)
    best = int(np.argmax(f1))  # of equally good ones the highest
    return threshold_below(len(f1) - 1 - best), float(f1[best])


def refuse_other_split(split: str) -> None:
    """Raises UsageError unless `split` is the one that choices are made on."""
    if split != VALID:
        raise UsageError(
            f"thresholds tuned on the split {split}",
            wanted=f"the split {VALID}: what is trained or tested on would make them look better than they are",
        )


@dataclass(frozen=True)
class Clip:
    """A clip to tune events on: its true events, and its frame probabilities (K, N)."""

    reference: Sequence[Event]
    frames: NDArray[np.floating]


GRID = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, *(round(0.05 * step, 2) for step in range(2, 20)))
"""Close at the low end: a short or narrow sound fills little of a mask, whose mean is then low however sure it is."""

RATIOS = (0.25, 0.5, 0.75, 1.0)


def tuned_hysteresis(
    clips: Sequence[Clip],
    *,
    classes: Sequence[str],
    rate_hz: float,
    split: str,
    start: Hysteresis | None = None,
    collars: Collars | None = None,
    grid: Sequence[float] = GRID,
) -> Hysteresis:
    """The high and low thresholds of each class with the highest event-based F1 over the clips.

    All highs of `grid` are tried with lows that are `RATIOS` of them; gaps and blips stay as in `start`. Of pairs that
    are equally good the one in their middle is taken, which has the most room on all sides. A class without a true
    event, or whose events no pair finds, keeps what `start` has. Raises as `tuned` does, and InputError as `events_of`.
    """
    refuse_other_split(split)
    start = start or Hysteresis()
    pairs = np.array([(high, high * ratio) for high, ratio in product(grid, RATIOS)])
    rules = [replace(start, high=high, low=low) for high, low in pairs.tolist()]
    f1 = np.array([_event_f1(clips, rule, classes, rate_hz, collars) for rule in rules], dtype=np.float64)  # None: NaN
    chosen = np.empty((len(classes), 2))
    chosen[:, 0], chosen[:, 1] = start.high, start.low
    for row, column in enumerate(f1.T):
        best = pairs[column == column.max()]
        if column.max() > 0:
            chosen[row] = best[np.argmin(np.square(best - best.mean(axis=0)).sum(axis=1))]
    highs, lows = chosen.T.tolist()
    return replace(start, high=tuple(highs), low=tuple(lows))


def _event_f1(
    clips: Sequence[Clip], rule: Hysteresis, classes: Sequence[str], rate_hz: float, collars: Collars | None
) -> list[Score]:
    counts = {name: Counts(0, 0, 0) for name in classes}
    for clip in clips:
        given = events_of(clip.frames, classes=classes, rate_hz=rate_hz, hysteresis=rule)
        scores = event_based(clip.reference, given, classes=classes, collars=collars)
        counts = {name: counts[name] + scores.classes[name] for name in classes}
    return [counts[name].f1 for name in classes]


def _best(truth: Truth, scores: Probabilities, *, default: float, fewest: int) -> tuple[float, Score]:
    """The threshold of one class, and its F1."""
    positives = int(truth.sum())
    values, where = np.unique(scores, return_inverse=True)
    if not max(1, fewest) <= positives < len(truth) or not values[-1] > 0:
        return default, _f1_at(default, truth, scores)
    # with the threshold below value v, all clips with scores of v and more are said to hold the class
    hits = np.cumsum(np.bincount(where, weights=truth)[::-1])
    given = np.cumsum(np.bincount(where)[::-1])
    above = values > 0
    f1 = (2 * hits / (positives + given))[above[::-1]]  # highest value first
    best = values[above][::-1][np.argmax(f1)]
    below = max(0.0, float(values[values < best][-1])) if (values < best).any() else 0.0
    middle = (below + float(best)) / 2
    threshold = middle if middle < best else below  # between neighbouring numbers there is none
    return threshold, _f1_at(threshold, truth, scores)


def _f1_at(threshold: float, truth: Truth, scores: Probabilities) -> Score:
    given = scores > threshold
    return Counts(int(truth.sum()), int(given.sum()), int((truth & given).sum())).f1
