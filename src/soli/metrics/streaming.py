"""Scores of a stream of decisions that is too long to keep: of every frame, or of every cell of every mask.

Thresholds are counted exactly. For the ranks, scores in [0, 1] are sorted into bins as wide as 1/1024 to 1/2048 of the
distance to the nearer end, 0 or 1: detection networks give scores close to the ends, where even bins would tie what
they tell apart. Memory is 1.4 MB a class, whatever the length of the stream.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.errors import InputError
from soli.metrics.arrays import Score
from soli.metrics.counts import Counts
from soli.metrics.ranking import Ranking, truth_and_scores
from soli.metrics.tagging import Table, count, table, thresholds_of

_DROPPED = 13
"""Bits of a float32 that bins leave out: 10 of 23 bits are kept of the distance to the nearer end."""

_FROM_0, _FROM_1 = np.float32(2.0**-64), np.float32(2.0**-24)
"""Distances below these are one: what no sigmoid of a logit above -44 gives, and half a step of float32 below 1."""


def _code(distance: NDArray[np.float32]) -> NDArray[np.int32]:
    """Numbers in the order of the distances: positive floats are ordered as their bits are."""
    return distance.view(np.int32) >> _DROPPED


_FIRST, _LAST, _MIDDLE = (int(each) for each in _code(np.array([_FROM_0, _FROM_1, 0.5], dtype=np.float32)))
BINS = (_MIDDLE - _FIRST + 1) + (_MIDDLE - _LAST)


def bin_of(scores: NDArray[np.floating]) -> NDArray[np.int32]:
    """The bin, 0 to BINS - 1, of scores in [0, 1]; a higher score never has a lower bin."""
    scores = scores.astype(np.float32)
    upper = scores > 0.5
    code = _code(np.where(upper, np.maximum(1 - scores, _FROM_1), np.maximum(scores, _FROM_0)))
    return np.where(upper, BINS - 1 - (code - _LAST), code - _FIRST)


def threshold_below(bin: int) -> float:
    """The threshold that all scores of a bin are above, and none of a lower bin; 0 below the first, which holds 0."""
    if bin == 0:
        return 0.0
    if bin <= _MIDDLE - _FIRST:
        return float(np.nextafter(_nearest(bin + _FIRST), np.float32(0)))
    return 1.0 - float(_nearest(BINS + _LAST - bin))


def _nearest(code: int) -> np.float32:
    """The smallest distance of a code."""
    return np.float32(np.array(code << _DROPPED, dtype=np.int32).view(np.float32))


class StreamingScores:
    """Scores of decisions that arrive clip by clip, as `tagging.evaluate` would give them for all at once."""

    def __init__(self, classes: Sequence[str], *, threshold: float | Sequence[float] = 0.1) -> None:
        self.classes = tuple(classes)
        self._thresholds = thresholds_of(threshold, len(self.classes))
        self._counts = [Counts(0, 0, 0) for _ in self.classes]
        self._histogram = np.zeros((len(self.classes), BINS, 2), dtype=np.int64)  # negatives, positives

    def add(self, reference: ArrayLike, estimate: ArrayLike) -> None:
        """Counts a clip: truths and scores in [0, 1], both (K, ...). Raises InputError, and then counts nothing."""
        truth, scores = truth_and_scores(reference, estimate)
        if truth.ndim < 2 or len(truth) != len(self.classes):
            raise InputError(f"scores of shape {truth.shape}", wanted=f"({len(self.classes)}, ...): a row a class")
        if scores.size and not 0 <= scores.min() <= scores.max() <= 1:
            raise InputError(f"scores from {scores.min():g} to {scores.max():g}", wanted="scores between 0 and 1")
        self._counts = [a + b for a, b in zip(self._counts, count(truth, scores, self._thresholds), strict=True)]
        places = 2 * bin_of(scores).reshape(len(truth), -1) + truth.reshape(len(truth), -1)
        for histogram, row in zip(self._histogram, places, strict=True):
            histogram += np.bincount(row, minlength=2 * BINS).reshape(BINS, 2)

    def result(self) -> Table:
        """The scores of all clips so far."""
        return table(self.classes, self._counts, self.rankings())

    def uncertainty(self) -> list[Score]:
        """How far each class's `roc_auc` may be from that of the scores as they were, before they were binned."""
        return [None if each.one_sided else each.tied() for each in self.rankings()]

    def rankings(self) -> list[Ranking]:
        """Of each class, how many positives and negatives fell into each bin."""
        return [Ranking(each[:, 1], each[:, 0]) for each in self._histogram]

    def state(self) -> dict[str, NDArray[np.int64]]:
        """All that was counted so far, as arrays to keep: a class's counts (K, 3) and its bins (K, BINS, 2)."""
        counts = np.array([(each.reference, each.estimate, each.hits) for each in self._counts], dtype=np.int64)
        return {"counts": counts, "histogram": self._histogram}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Goes on from what `state` gave. Raises InputError where it is of other classes or bins."""
        counts, histogram = state["counts"], state["histogram"]
        if counts.shape != (len(self.classes), 3) or histogram.shape != self._histogram.shape:
            raise InputError(
                f"counts of shape {counts.shape} and {histogram.shape}", wanted=f"those of {len(self.classes)} classes"
            )
        self._counts = [Counts(*row) for row in counts.tolist()]
        self._histogram = histogram.astype(np.int64)
