"""One clip of sound events through a model: what it says of it, beside the truth, and the classes that sound separated.

Everything happens on one channel, the mean of the clip's, at the model's rate. A class that sounds is separated whether
it is tagged or not, as in the protocol of Kong et al.: what tags miss shows in the scores of tags.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soli.data.manifest import Row
from soli.data.render import Rendered, render
from soli.errors import SoliError
from soli.evaluation.events_answer import answered
from soli.evaluation.events_line import ClipLine, Frames
from soli.evaluation.events_truth import events_in, ideal_mask, tags_of
from soli.evaluation.line import FailedItem, Line
from soli.evaluation.oracle import ideal_ratio_estimates
from soli.evaluation.scoring import Separated, scored
from soli.media.resample import resample
from soli.modelfile import ModelInfo
from soli.modelfile.info import REST
from soli.types import Array


@dataclass(frozen=True)
class Judged:
    """A clip that was scored: its line, and masks and ideal masks (K, M, N); no ideal ones where truth is weak."""

    line: ClipLine
    masks: Array
    ideal: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Sounds:
    """A clip in one channel at the model's rate: the mixture (T,), and the stems that are known."""

    mixture: Array
    stems: dict[str, Array]


@dataclass(frozen=True)
class Job:
    """What a worker needs besides the row; `families`: of scores of separation, none to leave it out."""

    model: Path
    info: ModelInfo
    root: Path
    families: tuple[str, ...]
    threads: int = 1

    def __call__(self, row: Row) -> Judged | FailedItem:
        """Renders and scores one clip."""
        try:
            return self.judged(row, sounds_of(render(row, self.root), self.info.sample_rate))
        except SoliError as error:
            return FailedItem(id=row.id, error=str(error))

    def judged(self, row: Row, sounds: Sounds) -> Judged:
        """Scores one clip. Raises SoliError."""
        classes = self.info.estimated
        events = events_in(row, classes)
        wanted = [name for name in classes if name in sounds.stems and any(each.label == name for each in events or ())]
        started = time.perf_counter()
        answer = answered(self.model, sounds.mixture, present=tags_of(wanted, classes), threads=self.threads)
        seconds = time.perf_counter() - started
        line = ClipLine(
            id=row.id,
            duration_s=row.duration_s,
            labels=row.labels,
            events=events,
            tags=tuple(answer.tags.tolist()),
            frames=Frames.of(answer.masks.mean(axis=1)),
            separation=tuple(self._separation(row, sounds, wanted, answer.stems[tags_of(wanted, classes)], seconds)),
            seconds=round(seconds, 4),
        )
        ideal = None
        if events is not None:
            ideal = ideal_mask(sounds.stems, events, self.info, frames=answer.masks.shape[-1])
        return Judged(line, answer.masks, ideal)

    def _separation(self, row: Row, sounds: Sounds, wanted: Sequence[str], stems: Array, seconds: float) -> list[Line]:
        """The scores of the classes that sound, stems (S, T), and of what they leave of the mixture."""
        if not (self.families and wanted):
            return []
        assert self.info.stft is not None, "checked when the file was read"
        references = [sounds.stems[name] for name in wanted]
        others = [stem for name, stem in sounds.stems.items() if name not in wanted]
        left = np.sum(others, axis=0, dtype=np.float32) if others else np.zeros_like(sounds.mixture)
        both = np.stack([*references, left])[:, None]  # (S, C, T)
        item = Separated(
            (*wanted, REST),
            both,
            np.stack([*stems, sounds.mixture - stems.sum(axis=0)])[:, None],
            sounds.mixture[None],
            ideal_ratio_estimates(both, sounds.mixture[None], self.info.stft),
            self.info.sample_rate,
        )
        return scored(row, item, self.families, seconds=seconds)


def sounds_of(rendered: Rendered, sample_rate: int) -> Sounds:
    """The clip in one channel at this rate; its stems sum to the mixture as before."""

    def one(samples: Array) -> Array:
        mono = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        found: Array = resample(mono, rendered.sample_rate, sample_rate)[0]
        return found

    return Sounds(one(rendered.mixture), {name: one(stem) for name, stem in rendered.stems.items()})
