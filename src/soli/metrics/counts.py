"""What detection is scored by: how many are wanted, given and right, and the figures that follow from these numbers.

A figure that its definition leaves open (0/0) is None. A class that no reference holds has none, however much an
estimate gives of it: what it gives shows in the sum over all classes. A class that an estimate gives nothing of, though
there are references, has precision 0, since leaving it out would make giving up the way to the best mean.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from soli.metrics.arrays import Score

Figure = Literal["precision", "recall", "f1", "error_rate", "deletion_rate", "insertion_rate", "substitution_rate"]


@dataclass(frozen=True)
class Counts:
    """Items of the reference, of the estimate, those that agree, and those that agree but for their class."""

    reference: int
    estimate: int
    hits: int
    substitutions: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.reference + other.reference,
            self.estimate + other.estimate,
            self.hits + other.hits,
            self.substitutions + other.substitutions,
        )

    @property
    def deletions(self) -> int:
        return self.reference - self.hits - self.substitutions

    @property
    def insertions(self) -> int:
        return self.estimate - self.hits - self.substitutions

    @property
    def precision(self) -> Score:
        if self.estimate == 0:
            return 0.0 if self.reference else None
        return self.hits / self.estimate

    @property
    def recall(self) -> Score:
        return self._of_reference(self.hits)

    @property
    def f1(self) -> Score:
        """2 hits / (reference + estimate), the harmonic mean of precision and recall."""
        return 2 * self.hits / (self.reference + self.estimate) if self.reference else None

    @property
    def deletion_rate(self) -> Score:
        return self._of_reference(self.deletions)

    @property
    def insertion_rate(self) -> Score:
        return self._of_reference(self.insertions)

    @property
    def substitution_rate(self) -> Score:
        return self._of_reference(self.substitutions)

    @property
    def error_rate(self) -> Score:
        """Deletions, insertions and substitutions over references: above 1 where more is wrong than there is."""
        return self._of_reference(self.deletions + self.insertions + self.substitutions)

    def _of_reference(self, number: int) -> Score:
        return number / self.reference if self.reference else None


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of the counts: the figures of it are the micro averages."""
    return sum(counts, Counts(0, 0, 0))


def mean_defined(scores: Iterable[Score]) -> Score:
    """The plain mean of the scores that are defined: the macro average; None where none is."""
    defined = [score for score in scores if score is not None]
    return sum(defined) / len(defined) if defined else None


def macro(classes: Mapping[str, Counts], figure: Figure) -> Score:
    """The mean of a figure over the classes that have it, each class weighing the same."""
    return mean_defined(getattr(counts, figure) for counts in classes.values())
