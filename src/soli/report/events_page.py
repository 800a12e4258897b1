"""The report of one evaluation of sound events, or of several folds: tables, pictures and one page."""

import shutil
from pathlib import Path
from typing import NamedTuple

from soli.atomic import cannot_write, write_atomically
from soli.evaluation.events_folds import Folds, spread
from soli.evaluation.events_scores import SEPARATION, TITLES
from soli.evaluation.identity import SUMMARY
from soli.metrics.counts import mean_defined
from soli.report import events_plots
from soli.report.events_files import BARS, PICTURES
from soli.report.events_tables import (
    REPORT,
    as_csv,
    columns,
    explanations,
    figure,
    section_csv,
    section_rows,
    spelled,
    text_table,
)
from soli.report.page import PAGE
from soli.report.templating import page
from soli.version import __version__

FOLDS = "folds.csv"
_ABOUT = {
    "masks": "waveform, spectrogram and masks of all classes, those of its labels in colour",
    "rolls": "when each class sounds, in truth, frame by frame and as events",
    "curves": "output and target of each class",
}


class Table(NamedTuple):
    """A table for people: title, head, and rows whose first cell names them."""

    title: str
    head: list[str]
    rows: list[list[str]]


class Picture(NamedTuple):
    """A picture by its path from the page, and what it shows."""

    path: str
    about: str


def write_events_report(folds: Folds, path: Path, out: Path) -> Path:
    """Writes the page, its tables as CSV files, `report.txt` and pictures into `out`; returns the page's path.

    `path` is the folder that the folds were read from: the pictures of clips are its own. Raises OutputError.
    """
    pictures = _pictures(folds, path, out)
    found = [overview(folds), *(_of_kind(kind, folds) for kind in folds.sections)]
    for kind, section in folds.sections.items():
        write_atomically(out / f"{kind}.csv", section_csv(section))
    write_atomically(out / FOLDS, _folds_csv(folds))
    write_atomically(out / REPORT, _text(folds, found))
    html = page(
        "events.html.j2", tables=found, pictures=pictures, explanations=said(folds), folds=folds, soli=__version__
    )
    write_atomically(out / PAGE, html)
    return out / PAGE


def overview(folds: Folds) -> Table:
    """The averages over the classes: each fold's, their mean and their deviation."""
    names = list(folds.summaries)
    rows = []
    for kind, name in _leading(folds):
        scores = folds.over_folds(kind, name)
        values = [figure(score, name, kind) for score in scores]
        if len(names) > 1:
            values += [figure(mean_defined(scores), name, kind), figure(spread(scores), name, kind)]
        rows.append([f"{TITLES[kind]}: {spelled(name)}", *values])
    more = ["mean", "std"] if len(names) > 1 else []
    return Table("Averages over the classes", ["", *names, *more], rows)


def said(folds: Folds) -> list[str]:
    """What one has to know, fold by fold where folds differ."""
    if len(folds.summaries) == 1:
        return explanations(next(iter(folds.summaries.values())))
    lines = [f"{name}: {text}" for name, summary in folds.summaries.items() for text in explanations(summary)[:2]]
    others = [text for summary in folds.summaries.values() for text in explanations(summary)[2:]]
    return [
        *lines,
        "Figures of folds are averaged; numbers of clips, frames and events are summed.",
        *dict.fromkeys(others),
    ]


def _leading(folds: Folds) -> list[tuple[str, str]]:
    """The figures of the overview: those that the protocol's tables have."""
    wanted = ("f1", "roc_auc", "average_precision", "error_rate", "psds", "psds1", "psds2")
    separation = ("si_sdr", "si_sdr_improvement", "sdr", "sdr_improvement", "sir", "sir_improvement", "sar")
    return [
        (kind, name)
        for kind, section in folds.sections.items()
        for name in (separation if kind == SEPARATION else wanted)
        if name in (section.macro or section.overall)
    ]


def _of_kind(kind: str, folds: Folds) -> Table:
    head, rows = section_rows(kind, folds.sections[kind])
    return Table(TITLES[kind], head, rows)


def _folds_csv(folds: Folds) -> str:
    rows: list[tuple[object, ...]] = [("scores", "figure", *folds.summaries, "mean", "std")]
    for kind, section in folds.sections.items():
        for name in section.macro or section.overall:
            if name in columns(section):
                scores = folds.over_folds(kind, name)
                rows.append((kind, name, *scores, mean_defined(scores), spread(scores)))
    return as_csv(rows)


def _text(folds: Folds, found: list[Table]) -> str:
    lines = [*said(folds), ""]
    for table in found:
        lines += [table.title, *text_table(table.head, table.rows), ""]
    return "\n".join(lines)


def _pictures(folds: Folds, path: Path, out: Path) -> list[Picture]:
    """Draws the bars of the averages, and takes the pictures of clips of the first fold that has any."""
    folder = out / PICTURES
    try:
        folder.mkdir(parents=True, exist_ok=True)
        events_plots.save(events_plots.by_class(folds.sections), folder / BARS)
        found = [Picture(f"{PICTURES}/{BARS}", "F1 of each class, and what separation gains")]
        for picture in _of_clips(folds, path):
            shutil.copyfile(picture, folder / picture.name)
            clip, _, kind = picture.stem.rpartition("-")
            found.append(Picture(f"{PICTURES}/{picture.name}", f"{clip}: {_ABOUT[kind]}"))
    except OSError as error:
        raise cannot_write(folder, error) from error
    return found


def _of_clips(folds: Folds, path: Path) -> list[Path]:
    for name in folds.summaries:
        folder = path if (path / SUMMARY).is_file() else path / name
        found = sorted(each for each in (folder / PICTURES).glob("*-*.png") if each.stem.rpartition("-")[2] in _ABOUT)
        if found:
            return found
    return []
