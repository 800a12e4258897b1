"""Scores of tags: which classes a clip holds, against which it was said to hold.

Conventions: truths and scores are arrays (B, K), one row a clip; a class is said to be there where its score lies above
its threshold. Per class, "macro" (each class weighs the same), "micro" (each decision weighs the same) and "weighted"
(each class weighs as its positives).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.errors import InputError
from soli.metrics.arrays import Score
from soli.metrics.counts import Counts, mean_defined
from soli.metrics.ranking import Probabilities, Ranking, Truth, truth_and_scores

FIGURES = ("precision", "recall", "f1", "roc_auc", "average_precision")


@dataclass(frozen=True)
class ClassScores:
    """The scores of a class, or of all classes taken together."""

    counts: Counts
    roc_auc: Score
    average_precision: Score

    @property
    def precision(self) -> Score:
        return self.counts.precision

    @property
    def recall(self) -> Score:
        return self.counts.recall

    @property
    def f1(self) -> Score:
        return self.counts.f1

    def figures(self) -> dict[str, Score]:
        return {name: getattr(self, name) for name in FIGURES}


@dataclass(frozen=True)
class Table:
    """Scores of each class, and of all decisions together."""

    classes: Mapping[str, ClassScores]
    micro: ClassScores

    def macro(self) -> dict[str, Score]:
        """The mean over the classes that have a figure; that of `average_precision` is known as mAP."""
        return self._averaged(mean_defined)

    def weighted(self) -> dict[str, Score]:
        """The mean over the classes that have a figure, each weighing as many as it has positives."""
        return self._averaged(lambda scores: _weighted(scores, [row.counts.reference for row in self.classes.values()]))

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return {
            "macro": self.macro(),
            "micro": self.micro.figures(),
            "weighted": self.weighted(),
            "classes": {
                name: {**row.figures(), "reference": row.counts.reference, "estimate": row.counts.estimate}
                for name, row in self.classes.items()
            },
        }

    def _averaged(self, average: Callable[[list[Score]], Score]) -> dict[str, Score]:
        return {name: average([getattr(row, name) for row in self.classes.values()]) for name in FIGURES}


def table(names: Sequence[str], counts: Sequence[Counts], rankings: Sequence[Ranking]) -> Table:
    """The scores of classes that were counted and ranked, in this order, on the same scale of scores."""
    scores = [_scores(*pair) for pair in zip(counts, rankings, strict=True)]
    together = Ranking(
        reduce(add, (each.positives for each in rankings)), reduce(add, (each.negatives for each in rankings))
    )
    return Table(dict(zip(names, scores, strict=True)), _scores(reduce(add, counts), together))


def evaluate(
    reference: ArrayLike, estimate: ArrayLike, *, classes: Sequence[str], threshold: float | Sequence[float] = 0.1
) -> Table:
    """All scores of tags (B, K) against truths (B, K); `threshold` is one for all classes or one a class.

    Raises InputError: shapes differ, a score is not finite, or there are not as many classes as columns.
    """
    truth, scores = truth_and_scores(reference, estimate)
    if truth.ndim != 2 or truth.shape[1] != len(classes) or not classes:
        raise InputError(f"tags of shape {truth.shape}", wanted=f"(clips, {len(classes)}): a column a class")
    counts = count(truth.T, scores.T, thresholds_of(threshold, len(classes)))
    rankings = [Ranking.of(*column) for column in zip(truth.T, scores.T, strict=True)]
    by_class = [_scores(*pair) for pair in zip(counts, rankings, strict=True)]
    return Table(dict(zip(classes, by_class, strict=True)), _scores(reduce(add, counts), Ranking.of(truth, scores)))


def count(truth: Truth, scores: NDArray[Any], thresholds: Probabilities) -> list[Counts]:
    """What is there, said to be there, and both, for each class of truths and scores (K, ...)."""
    rows = truth.reshape(len(truth), -1)
    given = scores.reshape(len(truth), -1) > thresholds[:, None]
    numbers = zip(rows.sum(axis=1), given.sum(axis=1), (rows & given).sum(axis=1), strict=True)
    return [Counts(int(wanted), int(said), int(both)) for wanted, said, both in numbers]


def thresholds_of(threshold: float | Sequence[float], classes: int) -> Probabilities:
    """One threshold a class, (K,). Raises InputError where there are others than one or K, or one is not finite."""
    values = np.asarray(threshold, dtype=np.float64)
    if values.shape not in ((), (classes,)):
        raise InputError(f"thresholds of shape {values.shape} for {classes} classes", wanted="one, or one a class")
    if not np.isfinite(values).all():
        raise InputError("a threshold is NaN or infinite", wanted="numbers between 0 and 1")
    return np.broadcast_to(values, (classes,))


def _scores(counts: Counts, ranking: Ranking) -> ClassScores:
    return ClassScores(counts, ranking.roc_auc(), ranking.average_precision())


def _weighted(scores: Sequence[Score], weights: Sequence[int]) -> Score:
    pairs = [(score, weight) for score, weight in zip(scores, weights, strict=True) if score is not None]
    whole = sum(weight for _, weight in pairs)
    return sum(score * weight for score, weight in pairs) / whole if whole else None
