"""The scores that a model file carries: what of a run's summary a user wants to know before using the model."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soli.errors import InputError
from soli.evaluation.aggregate import Group
from soli.evaluation.events_folds import is_of_events
from soli.evaluation.events_scores import CELLS, EVENTS, FRAMES, PSDS, SEPARATION, TAGGING
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.run import Summary

SHOWN = ("si_sdr", "sdr")
SHOWN_OF_EVENTS = {
    TAGGING: ("f1", "average_precision", "roc_auc"),
    FRAMES: ("f1",),
    EVENTS: ("f1", "error_rate"),
    CELLS: ("f1",),
    PSDS: ("psds",),
    SEPARATION: ("si_sdr", "si_sdr_improvement"),
}


def read_card(summary: Path) -> dict[str, Any]:
    """Scores for a model's card out of `summary.json`. Raises InputError where it is none."""
    try:
        text = summary.read_text(encoding="utf-8")
        if is_of_events(text):
            return events_card(EventsSummary.model_validate_json(text))
        return card(Summary.model_validate_json(text))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{summary}: {reason}", wanted="summary.json as soli evaluate writes it") from error


def card(summary: Summary) -> dict[str, Any]:
    """By source: SI-SDR and SDR in dB with their improvement over all items, and the first's by the rows' condition."""
    scores: dict[str, Any] = {
        "manifest": Path(summary.run.manifest).name,
        "manifest_sha256": summary.run.manifest_sha256,
        "items": summary.done,
    }
    if summary.splits:
        scores["split"] = ", ".join(summary.splits)
    for name, source in summary.sources.items():
        scores[name] = _figures(source.scored)
        conditions = source.conditions.get("condition", {})
        if conditions:
            scores[name]["improvement_db"] = {
                condition: _figures(group)["si_sdr_improvement_db"] for condition, group in conditions.items()
            }
    return scores


def events_card(summary: EventsSummary) -> dict[str, Any]:
    """By kind of scores: the macro averages of what tells most, and by which thresholds they were reached."""
    found: dict[str, Any] = {
        "manifest": Path(summary.run.manifest).name,
        "manifest_sha256": summary.run.manifest_sha256,
        "items": summary.done,
        "split": ", ".join(summary.splits),
        "thresholds": summary.thresholds.origin,
    }
    for kind, names in SHOWN_OF_EVENTS.items():
        if kind in summary.sections:
            section = summary.sections[kind]
            figures = section.macro or section.overall
            found[kind] = {name: _rounded(figures.get(name), 3) for name in names}
    return found


def _figures(group: Group) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in SHOWN:
        if name in group.scores:
            figures[f"{name}_db"] = _rounded(group.scores[name].estimate.mean)
            figures[f"{name}_improvement_db"] = _rounded(group.scores[name].improvement.mean)
    return figures


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
