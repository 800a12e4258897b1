"""The thresholds that sound events are scored with: tuned on rows kept for that, of the model file, or as published."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from soli.data.folds import VALID
from soli.detection.postprocess import Hysteresis, events_of, gated
from soli.detection.thresholds import Clip, tuned, tuned_hysteresis, tuned_streaming
from soli.dsp.frames import FrameGrid
from soli.evaluation.events_line import ClipLine
from soli.evaluation.events_truth import tags_of
from soli.metrics.sed import frame_truth
from soli.metrics.streaming import StreamingScores
from soli.modelfile import ModelInfo
from soli.types import Array, Event

Origin = Literal["valid", "model", "published"]
ORIGINS: tuple[Origin, ...] = ("valid", "model", "published")

_FEW = 5
"""Below so many clips of a class, the threshold that fits them best says little of others."""

_PUBLISHED = {"tag": 0.1, "frame": 0.1, "high": 0.2, "low": 0.1, "cell": 0.1, "gap_s": 0.32, "shortest_s": 0.32}
"""Those of Kong et al. (2018, arXiv 1804.04715), for all classes alike."""

PerClass = tuple[float, ...]


class Thresholds(BaseModel):
    """A value a class: of tags, frames, the beginning and end of events, and cells of masks; and lengths of events.

    `origin`: tuned on `tuned_on` rows to validate on, of the model file, or the published ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    tuned_on: int = 0
    classes: tuple[str, ...]
    tag: PerClass
    frame: PerClass
    high: PerClass
    low: PerClass
    cell: PerClass
    gap_s: float
    shortest_s: float

    def hysteresis(self, rate_hz: float) -> Hysteresis:
        """When events begin and end, in frames."""
        lengths = {"gap_s": self.gap_s, "shortest_s": self.shortest_s}
        return Hysteresis.in_seconds(rate_hz=rate_hz, high=self.high, low=self.low, **lengths)

    def gated(self, line: ClipLine) -> Array:
        """Frame probabilities (K, N) of a clip, 0 for classes that are not tagged present."""
        found: Array = gated(line.frames.values, line.tags, threshold=self.tag)
        return found

    def events(self, line: ClipLine, *, rate_hz: float) -> list[Event]:
        """The events that the model finds in a clip."""
        rule = self.hysteresis(rate_hz)
        return events_of(
            self.gated(line), classes=self.classes, rate_hz=rate_hz, hysteresis=rule, duration_s=line.duration_s
        )

    @property
    def said(self) -> str:
        """Where they come from, in a few words."""
        if self.origin == "valid":
            return f"tuned for each class on {self.tuned_on} rows of split {VALID}, none of which is scored"
        return "those of the model file" if self.origin == "model" else "the published ones (Kong et al. 2018)"


def of_model(info: ModelInfo) -> Thresholds:
    """Those that a model file names; of cells of masks, which it does not name, that of frames."""
    assert info.detection is not None, "checked when the file was read"
    detection, count = info.detection, len(info.estimated)
    same = {"frame": detection.frame, "high": detection.high, "low": detection.low, "cell": detection.frame}
    return Thresholds(
        origin="model",
        classes=info.estimated,
        tag=detection.tag,
        **{name: _each(value, count) for name, value in same.items()},
        gap_s=detection.gap_s,
        shortest_s=detection.shortest_s,
    )


def published(classes: Sequence[str]) -> Thresholds:
    """Those of Kong et al. for any classes."""
    values: dict[str, Any] = {
        name: value if name.endswith("_s") else _each(value, len(classes)) for name, value in _PUBLISHED.items()
    }
    return Thresholds(origin="published", classes=tuple(classes), **values)


def tuned_on(lines: Sequence[ClipLine], cells: StreamingScores, info: ModelInfo) -> Thresholds:
    """Those with the highest F1 of each class on clips to validate on, each kind for itself, tags first.

    A class with fewer than five such clips keeps the model's thresholds; without strong truth, all but those of tags
    are the model's. `cells` has counted the masks of the same clips.
    """
    start = of_model(info)
    truth = np.stack([tags_of(line.labels, info.estimated) for line in lines])
    tags = np.array([line.tags for line in lines])
    found = tuned(truth, tags, classes=info.estimated, split=VALID, fewest=_FEW)
    few = truth.sum(axis=0) < _FEW
    one_sided = truth.all(axis=0)
    tag = _chosen(found.thresholds, start.tag, kept=few | one_sided)
    before = start.model_copy(update={"origin": "valid", "tuned_on": len(lines), "tag": tag})
    strong = [line for line in lines if line.events is not None]
    return _with_strong(before, strong, cells, info, few) if strong else before


def _with_strong(
    before: Thresholds, lines: Sequence[ClipLine], cells: StreamingScores, info: ModelInfo, few: NDArray[np.bool_]
) -> Thresholds:
    assert info.stft is not None, "checked when the file was read"
    rate_hz = info.sample_rate / info.stft.hop
    clips = [Clip(line.events or (), before.gated(line)) for line in lines]
    frame = _tuned_frames(clips, before, rate_hz)
    rule = tuned_hysteresis(
        clips, classes=before.classes, rate_hz=rate_hz, split=VALID, start=before.hysteresis(rate_hz)
    )
    cell = tuned_streaming(cells, split=VALID).thresholds
    assert isinstance(rule.high, tuple), "one a class"
    assert isinstance(rule.low, tuple), "one a class"
    return before.model_copy(
        update={
            "frame": _chosen(frame, before.frame, kept=few),
            "high": _chosen(rule.high, before.high, kept=few),
            "low": _chosen(rule.low, before.low, kept=few),
            "cell": _chosen(cell, before.cell, kept=few),
        }
    )


def _tuned_frames(clips: Sequence[Clip], before: Thresholds, rate_hz: float) -> PerClass:
    truths = [
        frame_truth(clip.reference, classes=before.classes, grid=FrameGrid(rate_hz, clip.frames.shape[1]))
        for clip in clips
    ]
    truth = np.concatenate(truths, axis=1).T
    given = np.concatenate([clip.frames for clip in clips], axis=1).T
    return tuned(truth, given, classes=before.classes, split=VALID).thresholds


def _each(value: float, count: int) -> PerClass:
    return (value,) * count


def _chosen(found: Sequence[float], start: Sequence[float], *, kept: NDArray[np.bool_]) -> PerClass:
    """What was found, but for the classes that keep what they have."""
    return tuple(float(each) for each in np.where(kept, start, found))
