"""What a sweep found, as plain data: the report reads it and nothing else, so it imports no separator."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from soli.evaluation.aggregate import Statistics, statistics
from soli.evaluation.line import Line
from soli.metrics.arrays import Score
from soli.metrics.silence import at_floor
from soli.types import StftSettings

SCORES = ("si_sdr", "si_sir", "si_sar", "snr", "sd_sdr", "srr")
"""All in dB, against {target, rest}, mean-centred; see `metrics.si` for what each is."""

IMPROVED = ("si_sdr", "si_sir", "snr", "sd_sdr")
"""Those with an improvement: the SI-SAR and SRR of the mixture itself measure the rounding of float32."""

Kind = Literal["estimate", "mixture", "improvement", "ceiling"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class CellScores(_Part):
    """A model of one target on the song it has not heard: the target's line of scores, and what each counts as."""

    model: str
    target: str
    song: int
    line: Line

    @property
    def title(self) -> str:
        return str(self.line.meta.get("title", self.line.id))

    def of(self, kind: Kind) -> dict[str, Score]:
        """The scores of one kind by name, as they were found."""
        return {
            "estimate": self.line.scores,
            "mixture": self.line.mixture,
            "improvement": self.line.improvement,
            "ceiling": self.line.ceiling,
        }[kind]

    def counted(self, kind: Kind, score: str) -> float | None:
        """What a score counts as: an estimate that is silent counts as the lowest there is."""
        return {
            "estimate": self.line.counted,
            "mixture": self.line.counted_mixture,
            "improvement": self.line.counted_gain,
            "ceiling": self.line.counted_ceiling,
        }[kind](score)

    def is_silent(self, score: str) -> bool:
        """Whether the estimate counts as the lowest there is: it is silent, or holds nothing of the target."""
        return self.line.counted(score) is not None and at_floor(self.line.scores[score])


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


def over_songs(cells: Sequence[CellScores], score: str, kind: Kind = "estimate") -> Statistics:
    """One score of one kind over the songs of these cells, as `soli evaluate` has it."""
    found = statistics([cell.counted(kind, score) for cell in cells])
    floored = sum(cell.is_silent(score) for cell in cells) if kind == "estimate" else 0
    return found.model_copy(update={"floored": floored})


def shared_songs(sweep: Sweep, target: str, models: Iterable[str] | None = None) -> list[int]:
    """The songs on which models of a target compare: those that all of them have, of all that have any."""
    cells = sweep.of(target=target)
    compared = {cell.model for cell in cells} if models is None else set(models)
    songs = [{cell.song for cell in cells if cell.model == model} for model in compared]
    return sorted(set.intersection(*songs)) if songs else []


def best_model(sweep: Sweep, target: str, *, song: int | None = None) -> str | None:
    """The model with the highest mean SI-SDR of a target over the songs that all have, the first by name of equals.

    `song`: of the models that have this one. None where there is no song that all have.
    """
    models = sorted({cell.model for cell in sweep.of(target=target, song=song)})
    songs = shared_songs(sweep, target, models)
    means = {
        model: over_songs([cell for cell in sweep.of(model=model, target=target) if cell.song in songs], "si_sdr").mean
        for model in models
    }
    compared = {model: mean for model, mean in means.items() if mean is not None}
    return max(compared, key=lambda model: compared[model], default=None)


def unheard(sweep: Sweep, heard: Sequence[Heard]) -> str | None:
    """Of which targets there is nothing to listen to, and why, as a sentence; None where all are heard."""
    lacking = [target for target in sweep.targets if target not in {each.target for each in heard}]
    if not lacking or not heard:
        return None
    return f"Nothing to listen to of {', '.join(lacking)}: song {heard[0].song} is not finished there."
