"""How well scores rank what is there above what is not: area under the ROC curve, and average precision.

Both need only how many positives and how many negatives have each score, which is also all that a running count over
many clips keeps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.errors import InputError
from soli.metrics.arrays import Score

Numbers = NDArray[np.int64]
Truth = NDArray[np.bool_]
Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Numbers of positives and of negatives at each score, lowest score first, both (values,)."""

    positives: Numbers
    negatives: Numbers

    @classmethod
    def of(cls, reference: Truth, estimate: Probabilities) -> "Ranking":
        """Of truths and scores of any one shape."""
        values, where = np.unique(estimate.ravel(), return_inverse=True)
        truth = reference.ravel()
        positives = np.bincount(where[truth], minlength=len(values))
        return cls(positives, np.bincount(where[~truth], minlength=len(values)))

    @property
    def one_sided(self) -> bool:
        """Whether there is no positive or no negative, so that there is nothing to rank."""
        return not (self.positives.any() and self.negatives.any())

    def roc_auc(self) -> Score:
        """The share of pairs of a positive and a negative in which the positive has the higher score; ties count half.

        The area under the ROC curve (Hanley and McNeil 1982). None where there is no positive or no negative.
        """
        if self.one_sided:
            return None
        below = np.cumsum(self.negatives) - self.negatives
        pairs = self.positives @ (below + self.negatives / 2)
        return float(pairs / self.positives.sum() / self.negatives.sum())

    def average_precision(self) -> Score:
        """The mean over all positives of the precision at the score of each; nothing is interpolated.

        None where there is no positive, and where there is no negative, since it is 1 then whatever the scores.
        """
        if self.one_sided:
            return None
        hits = np.cumsum(self.positives[::-1])
        given = hits + np.cumsum(self.negatives[::-1])
        precision = hits / np.maximum(given, 1)
        return float(self.positives[::-1] @ precision / hits[-1])

    def tied(self) -> float:
        """Half the share of pairs with one score: how far from `roc_auc` a finer measure of the scores could be."""
        if self.one_sided:
            return 0.0
        return float(self.positives @ (self.negatives / 2) / self.positives.sum() / self.negatives.sum())


def roc_auc(reference: ArrayLike, estimate: ArrayLike) -> Score:
    """Area under the ROC curve of scores against truths of the same shape; see `Ranking`. Raises InputError."""
    return Ranking.of(*truth_and_scores(reference, estimate)).roc_auc()


def average_precision(reference: ArrayLike, estimate: ArrayLike) -> Score:
    """Average precision of scores against truths of the same shape; see `Ranking`. Raises InputError."""
    return Ranking.of(*truth_and_scores(reference, estimate)).average_precision()


def truth_and_scores(reference: ArrayLike, estimate: ArrayLike) -> tuple[Truth, Probabilities]:
    """Checks truths (0 or 1) and finite scores of one shape; raises InputError that names what is wrong."""
    truth, scores = np.asarray(reference), np.asarray(estimate, dtype=np.float64)
    if truth.shape != scores.shape:
        raise InputError(
            f"the estimate has shape {scores.shape}, the reference {truth.shape}", wanted="the same shape of both"
        )
    if not np.isfinite(scores).all():
        bad = int(np.size(scores) - np.isfinite(scores).sum())
        raise InputError(f"the estimate holds NaN or infinity at {bad} of {scores.size} places", wanted="finite scores")
    if truth.dtype != np.bool_:
        if not np.isin(truth, (0, 1)).all():
            raise InputError("the reference holds other values than 0 and 1", wanted="1 where a class is there, else 0")
        truth = truth.astype(np.bool_)
    return truth, scores
