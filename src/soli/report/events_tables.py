"""The scores of sound events as CSV files and as one report in plain text."""

import csv
import io
from collections.abc import Sequence

from soli.evaluation.events_folds import COUNTS
from soli.evaluation.events_line import ClipLine
from soli.evaluation.events_scores import SEPARATION, TITLES, Section
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.events_thresholds import Thresholds
from soli.metrics.arrays import Score
from soli.types import Event

MACRO, OVERALL = "macro average", "all together"
REPORT = "report.txt"

_SPELLED = {
    "f1": "F1", "roc_auc": "AUC", "average_precision": "AP", "error_rate": "error rate", "psds": "PSDS",
    "deletion_rate": "deletions", "insertion_rate": "insertions", "substitution_rate": "substitutions",
    "reference": "true", "estimate": "given", "psds1": "PSDS 1", "psds2": "PSDS 2", "si_sdr": "SI-SDR", "sdr": "SDR",
    "sir": "SIR", "sar": "SAR", "si_sdr_improvement": "SI-SDR gain", "sdr_improvement": "SDR gain",
    "sir_improvement": "SIR gain",
}  # fmt: skip
_SHOWN = {
    SEPARATION: ("items", "si_sdr", "si_sdr_improvement", "sdr", "sdr_improvement", "sir", "sir_improvement", "sar")
}
"""What the text has of a table that has more; the CSV file has all."""


def csv_files(summary: EventsSummary, lines: Sequence[ClipLine]) -> dict[str, str]:
    """A file a kind of scores; the thresholds; and of every clip its tags, what is true, and what was found."""
    thresholds = summary.thresholds
    files = {f"{kind}.csv": section_csv(section) for kind, section in summary.sections.items()}
    files["thresholds.csv"] = _thresholds_csv(thresholds)
    files["tags.csv"] = as_csv([("clip", *summary.classes), *((line.id, *line.tags) for line in lines)])
    found = [(line, thresholds.events(line, rate_hz=summary.frames_hz)) for line in lines]
    files["found.csv"] = _events_csv(found)
    if summary.strong:
        files["truth.csv"] = _events_csv([(line, line.events or ()) for line in lines])
    return files


def section_csv(section: Section) -> str:
    """A line for the macro average, one for all together, and one a class; empty where a figure is not defined."""
    names = columns(section)
    rows = [(name, *(figures.get(each) for each in names)) for name, figures in _rows(section)]
    return as_csv([("class", *names), *rows])


def columns(section: Section) -> list[str]:
    """The figures of a section in order, those of classes first."""
    tables = [*section.classes.values(), section.macro, section.overall]
    return list(dict.fromkeys(name for table in tables for name in table))


def report_text(summary: EventsSummary) -> str:
    """All tables, and by which thresholds; what is not there is said."""
    run = summary.run
    text = [
        f"{run.model} ({run.model_sha256[:8]}) on {run.manifest} ({run.manifest_sha256[:8]}), by soli {run.soli}",
        *explanations(summary),
        "",
    ]
    for kind, section in summary.sections.items():
        text += [TITLES[kind], *section_lines(kind, section), ""]
    text += ["Thresholds", *text_table(*_thresholds_rows(summary.thresholds)), ""]
    return "\n".join(text)


def explanations(summary: EventsSummary) -> list[str]:
    """What one has to know to read the tables, a line each."""
    splits = f"split{'s' if len(summary.splits) > 1 else ''} {', '.join(summary.splits)}"
    said = [
        f"{summary.done} of {summary.items} clips of {splits}, {summary.audio_s:.0f} s.",
        f"Thresholds: {summary.thresholds.said}.",
    ]
    if not summary.strong:
        said.append("Of no clip it is known when a class sounds: tags alone are scored.")
    elif summary.strong < summary.done:
        weak = summary.done - summary.strong
        said.append(f"Of {weak} clips it is not known when a class sounds: these count for tags alone.")
    if SEPARATION in summary.sections:
        said.append("Separated are the classes that sound in a clip, tagged or not; gains are those over the mixture.")
    if summary.strong:
        said.append("Frames and events are those of classes that are tagged present; masks are scored as they are.")
    return said


def section_lines(kind: str, section: Section) -> list[str]:
    """A section as lines of text."""
    return text_table(*section_rows(kind, section))


def section_rows(kind: str, section: Section) -> tuple[list[str], list[list[str]]]:
    """A section for people: the head, and a row for each average and each class."""
    names = [name for name in columns(section) if kind not in _SHOWN or name in _SHOWN[kind]]
    rows = [
        [name, *(figure(figures.get(each), each, kind) if each in figures else "" for each in names)]
        for name, figures in _rows(section)
    ]
    return ["", *map(spelled, names)], rows


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join([first, *others]).rstrip()

    return [line(head), *map(line, rows)]


def spelled(name: str) -> str:
    """A figure's name for people."""
    return _SPELLED.get(name, name.replace("_", " "))


def figure(value: Score, name: str, kind: str) -> str:
    """A figure for people."""
    if value is None:
        return "-"
    if name in COUNTS:
        return str(round(value))
    return f"{value:.2f}" if kind == SEPARATION else f"{value:.3f}"


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """Lines of a CSV file; None is an empty cell, and counts have no decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([round(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in row])
    return text.getvalue()


def _rows(section: Section) -> list[tuple[str, dict[str, Score]]]:
    averages = [(MACRO, section.macro), (OVERALL, section.overall)]
    return [*(each for each in averages if each[1]), *section.classes.items()]


def _thresholds_rows(thresholds: Thresholds) -> tuple[list[str], list[list[str]]]:
    kinds = {"tag": thresholds.tag, "frame": thresholds.frame, "high": thresholds.high, "low": thresholds.low}
    kinds["cell"] = thresholds.cell
    values = zip(thresholds.classes, *kinds.values(), strict=True)
    return ["", *kinds], [[name, *(f"{value:.3f}" for value in row)] for name, *row in values]


def _thresholds_csv(thresholds: Thresholds) -> str:
    values = zip(thresholds.classes, thresholds.tag, thresholds.frame, thresholds.high, thresholds.low, strict=True)
    rows = [(*row, cell) for row, cell in zip(values, thresholds.cell, strict=True)]
    return as_csv([("class", "tag", "frame", "high", "low", "cell"), *rows])


def _events_csv(clips: Sequence[tuple[ClipLine, Sequence[Event]]]) -> str:
    rows = [
        (line.id, f"{event.onset_s:.6f}", f"{event.offset_s:.6f}", event.label, f"{event.confidence:.6f}")
        for line, events in clips
        for event in events
    ]
    return as_csv([("clip", "onset_s", "offset_s", "label", "confidence"), *rows])
