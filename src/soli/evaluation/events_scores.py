"""The scores of many clips of sound events, each kind as one table: macro average, all together, and each class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.detection.postprocess import Hysteresis, events_of
from soli.detection.thresholds import GRID
from soli.evaluation.aggregate import SourceSummary, summarise
from soli.evaluation.events_line import ClipLine
from soli.evaluation.events_thresholds import Thresholds
from soli.evaluation.events_truth import tags_of
from soli.evaluation.line import Line
from soli.metrics.arrays import Score
from soli.metrics.counts import mean_defined
from soli.metrics.psds import Clips, Criteria, Weights, psds
from soli.metrics.sed import FrameScores, SedScores, event_based, segment_based, summed
from soli.metrics.streaming import StreamingScores
from soli.metrics.tagging import Table, evaluate
from soli.types import Array, Event

TAGGING, FRAMES, SEGMENTS, EVENTS, PSDS, CELLS, SEPARATION = KINDS = (
    "tagging", "frame_based", "segment_based", "event_based", "psds", "segmentation", "separation",
)  # fmt: skip
TITLES = {
    TAGGING: "Audio tagging",
    FRAMES: "Frame-wise detection",
    SEGMENTS: "Segment-based detection",
    EVENTS: "Event-based detection",
    PSDS: "Polyphonic sound detection score",
    CELLS: "Time-frequency segmentation",
    SEPARATION: "Separation of the classes that sound (dB)",
}

Figures = dict[str, Score]

SCENARIOS = {
    "psds": (Criteria(), Weights()),
    "psds1": (Criteria(dtc=0.7, gtc=0.7), Weights(alpha_st=1.0)),
    "psds2": (Criteria(dtc=0.1, gtc=0.1, cttc=0.3), Weights(alpha_ct=0.5, alpha_st=1.0)),
}
"""The score as its authors define it, and the two scenarios of the DCASE challenges from 2021 on."""

IMPROVED = ("si_sdr", "sdr", "sir")
"""What the mixture has a score of to improve on; artefacts it has none, so that its SAR is infinite."""


class Section(BaseModel):
    """One kind of scores: the mean over the classes, that of all together, and each class's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    macro: Figures
    overall: Figures
    classes: dict[str, Figures]


def sections(
    lines: Sequence[ClipLine], cells: StreamingScores, thresholds: Thresholds, *, rate_hz: float
) -> dict[str, Section]:
    """All tables of the clips; without strong truth, that of tags alone. `cells` has counted the masks."""
    found = {TAGGING: _tagging(lines, thresholds)}
    strong = [line for line in lines if line.events is not None]
    if strong:
        found[FRAMES] = _frames(strong, thresholds, rate_hz)
        found |= _of_events(strong, thresholds, rate_hz)
        if any(line.events for line in strong):
            found[PSDS] = _psds(strong, thresholds, rate_hz)
        found[CELLS] = _table(cells.result())
    separation = separation_lines(lines, thresholds.classes)
    if separation:
        found[SEPARATION] = _separation(separation, thresholds.classes)
    return found


def separation_lines(lines: Sequence[ClipLine], classes: Sequence[str]) -> list[Line]:
    """The scores of separated classes that sound, of all clips."""
    return [each for line in lines for each in line.separation if each.source in classes and each.state != "silent"]


def separated(lines: Sequence[ClipLine]) -> dict[str, SourceSummary]:
    """Of each class, and of the rest: mean, median, deviation and interval of every score."""
    return summarise([each for line in lines for each in line.separation])


def _tagging(lines: Sequence[ClipLine], thresholds: Thresholds) -> Section:
    truth = np.stack([tags_of(line.labels, thresholds.classes) for line in lines])
    tags = np.array([line.tags for line in lines])
    return _table(evaluate(truth, tags, classes=thresholds.classes, threshold=thresholds.tag))


def _frames(lines: Sequence[ClipLine], thresholds: Thresholds, rate_hz: float) -> Section:
    scores = FrameScores(thresholds.classes, rate_hz=rate_hz, threshold=thresholds.frame)
    for line in lines:
        scores.add(line.events or (), thresholds.gated(line))
    return _table(scores.result())


def _of_events(lines: Sequence[ClipLine], thresholds: Thresholds, rate_hz: float) -> dict[str, Section]:
    events, segments = [], []
    for line in lines:
        wanted, given = line.events or (), thresholds.events(line, rate_hz=rate_hz)
        events.append(event_based(wanted, given, classes=thresholds.classes))
        segments.append(segment_based(wanted, given, classes=thresholds.classes, duration_s=line.duration_s))
    return {SEGMENTS: _counted(summed(segments)), EVENTS: _counted(summed(events))}


@dataclass(frozen=True)
class _Points(Sequence[Clips]):
    """The detections of all clips at one threshold after the other, made as they are asked for."""

    lines: Sequence[ClipLine]
    frames: Sequence[Array]
    thresholds: Thresholds
    rate_hz: float
    grid: tuple[float, ...] = GRID

    def __len__(self) -> int:
        return len(self.grid)

    @overload
    def __getitem__(self, index: int) -> Clips: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Clips]: ...

    def __getitem__(self, index: int | slice) -> Clips | Sequence[Clips]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return dict(zip((line.id for line in self.lines), self._events(self.grid[index]), strict=True))

    def _events(self, threshold: float) -> Iterator[list[Event]]:
        lengths = {"gap_s": self.thresholds.gap_s, "shortest_s": self.thresholds.shortest_s}
        rule = Hysteresis.in_seconds(rate_hz=self.rate_hz, high=threshold, low=threshold, **lengths)
        for line, frames in zip(self.lines, self.frames, strict=True):
            yield events_of(
                frames,
                classes=self.thresholds.classes,
                rate_hz=self.rate_hz,
                hysteresis=rule,
                duration_s=line.duration_s,
            )


def _psds(lines: Sequence[ClipLine], thresholds: Thresholds, rate_hz: float) -> Section:
    """The three scenarios, over thresholds that begin and end events alike, of classes that are tagged present."""
    points = _Points(lines, [thresholds.gated(line) for line in lines], thresholds, rate_hz)
    truth: Mapping[str, Sequence[Event]] = {line.id: line.events or () for line in lines}
    durations = {line.id: line.duration_s for line in lines}
    overall = {
        name: psds(
            truth, points, classes=thresholds.classes, durations_s=durations, criteria=criteria, weights=weights
        ).value
        for name, (criteria, weights) in SCENARIOS.items()
    }
    return Section(macro={}, overall=overall, classes={})


def _table(table: Table) -> Section:
    found = table.as_dict()
    return Section(macro=found["macro"], overall=found["micro"], classes=found["classes"])


def _counted(scores: SedScores) -> Section:
    return Section.model_validate(scores.as_dict())


def _separation(lines: Sequence[Line], classes: Sequence[str]) -> Section:
    of_classes = {name: [line for line in lines if line.source == name] for name in classes}
    table = {name: _figures(some) for name, some in of_classes.items()}
    overall = _figures([line.model_copy(update={"source": "all"}) for line in lines])
    macro = {name: mean_defined(row.get(name) for row in table.values()) for name in overall if name != "items"}
    return Section(macro=macro, overall=overall, classes=table)


def _figures(lines: Sequence[Line]) -> Figures:
    """Mean scores of a class where it sounds among others, and their improvement over the mixture."""
    if not lines:
        return {"items": 0}
    (summary,) = summarise(lines).values()
    figures: Figures = {"items": summary.scored.count}
    for name, compared in summary.scored.scores.items():
        figures[name] = compared.estimate.mean
        if name in IMPROVED:
            figures[f"{name}_improvement"] = compared.improvement.mean
    return figures
