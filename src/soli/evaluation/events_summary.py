"""The summary of a model of sound events on a set of clips: what `summary.json` holds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from soli.evaluation.aggregate import SourceSummary
from soli.evaluation.events_scores import Section
from soli.evaluation.events_thresholds import Thresholds
from soli.evaluation.identity import Identity
from soli.evaluation.line import FailedItem


class EventsSummary(BaseModel):
    """What a run came to: who, on which clips, by which thresholds, and every kind of scores as a table.

    `strong`: clips of which it is known when each class sounds; the others count for tags alone. `separation`: all
    figures of separated classes, and of the rest. `rtf`: time of the model over duration of sound, in one worker;
    `frames_hz`: frames a second.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

    kind: Literal["events"] = "events"
    run: Identity
    splits: list[str]
    left_out: int
    items: int
    done: int
    failed: list[FailedItem]
    strong: int
    frames_hz: float
    audio_s: float
    model_s: float
    rtf: float | None
    classes: tuple[str, ...]
    thresholds: Thresholds
    sections: dict[str, Section]
    separation: dict[str, SourceSummary]
