"""Evaluations of sound events fold by fold, and their average: each fold is one folder of `soli evaluate`."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from soli.errors import DataError
from soli.evaluation.events_scores import Figures, Section
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.identity import SUMMARY
from soli.metrics.arrays import Score
from soli.metrics.counts import mean_defined

COUNTS = ("reference", "estimate", "hits", "items")
"""Figures that are numbers of things: of folds together they are summed."""


@dataclass(frozen=True)
class Folds:
    """Summaries by the names of their folders, and the mean of each figure over the folds that have it."""

    summaries: Mapping[str, EventsSummary]
    sections: Mapping[str, Section]

    @property
    def classes(self) -> tuple[str, ...]:
        return next(iter(self.summaries.values())).classes

    def over_folds(self, kind: str, figure: str) -> list[Score]:
        """A figure of each fold: its macro average, or that of all together where a kind has no average."""
        found = []
        for summary in self.summaries.values():
            section = summary.sections.get(kind)
            found.append(None if section is None else (section.macro or section.overall).get(figure))
        return found


def holds_events(path: Path) -> bool:
    """Whether a folder is that of an evaluation of sound events, or holds some."""
    return bool(_summaries(path))


def read_folds(path: Path) -> Folds:
    """The evaluations that lie in a folder, or the one that it is.

    Raises DataError: there is none, one cannot be read, two are of the same clips, or they differ in their classes or
    in how they were scored.
    """
    files = _summaries(path)
    if not files:
        raise DataError(f"{path} holds no evaluation of sound events", wanted="folders that soli evaluate has made")
    summaries = {file.resolve().parent.name: _read(file) for file in files}
    _check(summaries)
    kinds = dict.fromkeys(kind for summary in summaries.values() for kind in summary.sections)
    sections = {
        kind: _mean([each.sections[kind] for each in summaries.values() if kind in each.sections]) for kind in kinds
    }
    return Folds(summaries, sections)


def spread(scores: Sequence[Score]) -> Score:
    """The standard deviation of the folds' figures, a sample; None of fewer than two."""
    defined = [score for score in scores if score is not None]
    return statistics.stdev(defined) if len(defined) > 1 else None


def _summaries(path: Path) -> list[Path]:
    own = path / SUMMARY
    files = [own] if own.is_file() else sorted(path.glob(f"*/{SUMMARY}"))
    return [file for file in files if is_of_events(file.read_bytes())]


def is_of_events(summary: str | bytes) -> bool:
    """Whether the content of a summary is that of sound events."""
    try:
        content = json.loads(summary)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("kind") == "events"


def _read(file: Path) -> EventsSummary:
    try:
        return EventsSummary.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise DataError(
            f"{file} is of another soli: {error.errors()[0]['msg']}", do="evaluate again, into another folder"
        ) from error


def _check(summaries: Mapping[str, EventsSummary]) -> None:
    (first, one), *others = summaries.items()
    seen = {(one.run.manifest_sha256, tuple(one.splits)): first}
    for name, other in others:
        if other.classes != one.classes:
            raise DataError(
                f"{first} is of the classes {', '.join(one.classes)}, {name} of {', '.join(other.classes)}",
                wanted="folds of one set",
            )
        if other.run.settings != one.run.settings:
            changed = [key for key, value in other.run.settings.items() if one.run.settings.get(key) != value]
            raise DataError(
                f"{first} and {name} were scored in other ways: {', '.join(changed) or 'their settings'}",
                wanted="one way for all folds",
            )
        same = seen.setdefault((other.run.manifest_sha256, tuple(other.splits)), name)
        if same != name:
            raise DataError(f"{same} and {name} are of the same clips", wanted="each fold once")


def _mean(sections: Sequence[Section]) -> Section:
    classes = dict.fromkeys(name for section in sections for name in section.classes)
    return Section(
        macro=_averaged([section.macro for section in sections]),
        overall=_averaged([section.overall for section in sections]),
        classes={name: _averaged([section.classes.get(name, {}) for section in sections]) for name in classes},
    )


def _averaged(tables: Sequence[Figures]) -> Figures:
    names = dict.fromkeys(name for table in tables for name in table)
    return {
        name: sum(table.get(name) or 0 for table in tables)
        if name in COUNTS
        else mean_defined(table.get(name) for table in tables)
        for name in names
    }
