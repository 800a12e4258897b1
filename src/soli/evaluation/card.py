"""The scores that a model file carries: what of a run's summary a user wants to know before using the model."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soli.errors import InputError
from soli.evaluation.aggregate import Group
from soli.evaluation.run import Summary

SHOWN = ("si_sdr", "sdr")


def read_card(summary: Path) -> dict[str, Any]:
    """Scores for a model's card out of `summary.json`. Raises InputError where it is none."""
    try:
        return card(Summary.model_validate_json(summary.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{summary}: {reason}", wanted="summary.json as soli evaluate writes it") from error


def card(summary: Summary) -> dict[str, Any]:
    """By source: SI-SDR and SDR in dB with their improvement, over all items and by the rows' condition."""
    scores: dict[str, Any] = {
        "manifest": Path(summary.run.manifest).name,
        "manifest_sha256": summary.run.manifest_sha256,
        "items": summary.done,
    }
    for name, source in summary.sources.items():
        scores[name] = _figures(source.scored)
        for condition, group in source.conditions.get("condition", {}).items():
            scores[name][condition] = _figures(group)
    return scores


def _figures(group: Group) -> dict[str, float | int | None]:
    figures: dict[str, float | int | None] = {"items": group.count}
    for name in SHOWN:
        if name in group.scores:
            figures[f"{name}_db"] = _rounded(group.scores[name].estimate.mean)
            figures[f"{name}_improvement_db"] = _rounded(group.scores[name].improvement.mean)
    return figures


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
