"""What is written down of one source of one item: its scores, and what they count as."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from soli.metrics.arrays import Score
from soli.metrics.silence import State, bounded

FRAMEWISE = "_v4"
"""How the names of medians over windows end."""


class Line(BaseModel):
    """One source of one item. Scores in dB by name: of the estimate, of the mixture as estimate, of the ideal mask.

    Scores are as they were found, infinite or undefined where they are; what they count as is `bounded`'s to say.
    `state`: "scored"; "silent": the reference is silent, and what counts is the level that leaked into the estimate
    (of the mixture: what there was to leak); "alone": it is the only source that sounds, so the mixture is already it.
    `seconds`: time that separating the item took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    id: str
    source: str
    state: State
    scores: dict[str, Score]
    mixture: dict[str, Score]
    improvement: dict[str, Score]
    ceiling: dict[str, Score]
    leakage_dbfs: Score = None
    mixture_leakage_dbfs: Score = None
    duration_s: float
    seconds: float
    meta: dict[str, Any] = {}

    def counted(self, name: str) -> float | None:
        """What the score counts as, silent estimates included; None where it was not asked for, or has no window."""
        return self._counted(self.scores, name)

    def counted_mixture(self, name: str) -> float | None:
        """The same of the mixture as estimate."""
        return self._counted(self.mixture, name)

    def counted_ceiling(self, name: str) -> float | None:
        """The same of the ideal mask."""
        return self._counted(self.ceiling, name)

    def counted_gain(self, name: str) -> float | None:
        """By how much the one is above the other; None where the source is alone, so that there is nothing to gain."""
        score, floor = self.counted(name), self.counted_mixture(name)
        return None if score is None or floor is None or self.state != "scored" else score - floor

    def _counted(self, scores: dict[str, Score], name: str) -> float | None:
        # A median over windows lacks where another source pauses, too: that says nothing of this one's estimate.
        if name not in scores or (name.endswith(FRAMEWISE) and scores[name] is None):
            return None
        return bounded(scores[name])


class FailedItem(BaseModel):
    """An item that could not be judged, and why."""

    id: str
    error: str
