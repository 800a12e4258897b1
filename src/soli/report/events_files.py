"""What an evaluation of sound events leaves beside its scores: CSV files, the report, and pictures."""

import re
from collections.abc import Sequence
from pathlib import Path

from soli.atomic import cannot_write, write_atomically
from soli.evaluation.events_line import ClipLine
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.events_view import Shown
from soli.report.events_tables import REPORT, csv_files, report_text

PICTURES, BARS = "pictures", "by-class.png"


def write_tables(summary: EventsSummary, lines: Sequence[ClipLine], out: Path) -> None:
    """Writes a CSV file a kind of scores, and `report.txt`. Raises OutputError."""
    for name, text in {**csv_files(summary, lines), REPORT: report_text(summary)}.items():
        write_atomically(out / name, text)


def write_pictures(summary: EventsSummary, clips: Sequence[Shown], out: Path) -> list[str]:
    """Draws scores by class, and masks, rolls and curves of some clips; returns their paths from `out`.

    Raises OutputError.
    """
    from soli.report import events_plots as plots

    folder = out / PICTURES
    kinds = {"masks": plots.masks, "rolls": plots.rolls, "curves": plots.curves}
    names = [BARS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plots.save(plots.by_class(summary.sections), folder / BARS)
        for clip in clips:
            for kind, draw in kinds.items():
                names.append(f"{file_of(clip.id)}-{kind}.png")
                plots.save(draw(clip), folder / names[-1])
    except OSError as error:
        raise cannot_write(folder, error) from error
    return [f"{PICTURES}/{name}" for name in names]


def file_of(clip: str) -> str:
    """A clip's id as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", clip).lstrip(".")[:80] or "clip"
