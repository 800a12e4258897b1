"""What a sweep found, as plain data: the report reads it and nothing else, so it imports no separator."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.metrics.arrays import Score
from soli.types import StftSettings

SCORES = ("si_sdr", "si_sir", "si_sar", "snr", "sd_sdr", "srr")
"""All in dB, against {target, rest}, mean-centred; see `metrics.si` for what each is."""

Kind = Literal["estimate", "mixture", "improvement", "ceiling"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class CellScores(_Part):
    """A model of one target on the song it has not heard, by score: its estimate, the mixture taken as the estimate,
    the difference of the two, and what the ideal ratio mask reaches."""

    model: str
    target: str
    song: int
    title: str
    estimate: dict[str, Score]
    mixture: dict[str, Score]
    improvement: dict[str, Score]
    ceiling: dict[str, Score]

    def of(self, kind: Kind) -> dict[str, Score]:
        """The scores of one kind by name."""
        scores: dict[str, Score] = getattr(self, kind)
        return scores


class Heard(_Part):
    """One target of the song that can be listened to: paths of its sounds from the report's folder."""

    model: str
    target: str
    song: int
    title: str
    si_sdr: Score
    improvement: Score
    mixture: str
    estimate: str
    reference: str
    stft: StftSettings


class Sweep(_Part):
    """All finished cells of a sweep. `unfinished`: cells that were begun, as MODEL/TARGET/song-NN."""

    cells: list[CellScores]
    unfinished: list[str] = []

    @property
    def models(self) -> list[str]:
        return sorted({cell.model for cell in self.cells})

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(cell.target for cell in self.cells))

    @property
    def songs(self) -> list[int]:
        return sorted({cell.song for cell in self.cells})

    def of(self, *, model: str | None = None, target: str | None = None, song: int | None = None) -> list[CellScores]:
        """The cells of a model, a target, a song."""
        return [
            cell
            for cell in self.cells
            if model in (None, cell.model) and target in (None, cell.target) and song in (None, cell.song)
        ]


class Spread(NamedTuple):
    """Mean, standard deviation and median of `counted` finite scores in dB; None where there are none.

    `left_out`: how many were infinite or undefined, and are in none of the three.
    """

    mean: float | None
    std: float | None
    median: float | None
    counted: int
    left_out: int


def spread(scores: Iterable[Score]) -> Spread:
    """What is said of the scores of several songs."""
    all_of_them = list(scores)
    finite = np.array([score for score in all_of_them if score is not None and math.isfinite(score)], dtype=np.float64)
    left_out = len(all_of_them) - len(finite)
    if not len(finite):
        return Spread(None, None, None, 0, left_out)
    return Spread(float(finite.mean()), float(finite.std()), float(np.median(finite)), len(finite), left_out)


def over_songs(cells: Sequence[CellScores], score: str, kind: Kind = "estimate") -> Spread:
    """One score of one kind over the songs of these cells."""
    return spread(cell.of(kind).get(score) for cell in cells)


def best_model(sweep: Sweep, target: str) -> str:
    """The model with the highest mean SI-SDR of a target; the first by name where none has a finite one."""
    means = {model: over_songs(sweep.of(model=model, target=target), "si_sdr").mean for model in sweep.models}
    return max(means, key=lambda model: -math.inf if (mean := means[model]) is None else mean)
