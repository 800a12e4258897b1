"""What the pictures of a clip show, made anew: the sound, all masks beside the ideal ones, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.data.render import render
from soli.evaluation.events_item import Job, sounds_of
from soli.evaluation.events_run import EventsPlan
from soli.evaluation.events_thresholds import Thresholds
from soli.types import Array, Event, StftSettings


@dataclass(frozen=True)
class Shown:
    """One clip: its mixture (T,), masks (K, M, N), ideal masks where truth is strong, frame probabilities (K, N)."""

    id: str
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    mixture: Array
    sample_rate: int
    stft: StftSettings
    masks: Array
    ideal: NDArray[np.bool_] | None
    frames: Array
    true: tuple[Event, ...] | None
    found: tuple[Event, ...]

    @property
    def duration_s(self) -> float:
        return len(self.mixture) / self.sample_rate


def shown(plan: EventsPlan, thresholds: Thresholds, ids: Sequence[str]) -> list[Shown]:
    """The clips with these ids, run through the model once more. Raises SoliError where one cannot be any more."""
    assert plan.info.stft is not None, "checked when the file was read"
    job = Job(plan.path, plan.info, plan.manifest.root, (), plan.threads)
    rows = {row.id: row for row in plan.manifest.rows}
    found = []
    for each in ids:
        sounds = sounds_of(render(rows[each], plan.manifest.root), plan.info.sample_rate)
        judged = job.judged(rows[each], sounds)
        found.append(
            Shown(
                id=each,
                classes=plan.info.estimated,
                labels=judged.line.labels,
                mixture=sounds.mixture,
                sample_rate=plan.info.sample_rate,
                stft=plan.info.stft,
                masks=judged.masks,
                ideal=judged.ideal,
                frames=judged.line.frames.values,
                true=judged.line.events,
                found=tuple(thresholds.events(judged.line, rate_hz=plan.rate_hz)),
            )
        )
    return found
