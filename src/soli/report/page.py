"""The report of a comparison in a folder: tables, plots, and one page that needs nothing from the network."""

import base64
from pathlib import Path
from typing import NamedTuple

from soli.atomic import cannot_write, write_atomically
from soli.evaluation.comparison import Comparison
from soli.report import plots
from soli.report.tables import explanations, markdown, of_splits, tables
from soli.report.templating import page
from soli.report.theme import DARK, LIGHT, THEMES

PAGE, DATA, TEXT = "index.html", "compare.json", "compare.md"


class Plot(NamedTuple):
    """A picture in both themes, as data addresses, and what it shows."""

    title: str
    light: str
    dark: str
    caption: str


def write_report(comparison: Comparison, out: Path) -> Path:
    """Writes compare.json, compare.md, the plots and index.html into `out`; returns the page's path.

    Raises OutputError.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        shown = draw(comparison, out)
    except OSError as error:
        raise cannot_write(out, error) from error
    write_atomically(out / DATA, comparison.model_dump_json(indent=1) + "\n")
    write_atomically(out / TEXT, markdown(comparison))
    write_atomically(out / PAGE, html(comparison, shown))
    return out / PAGE


def draw(comparison: Comparison, out: Path) -> list[Plot]:
    """Draws every plot in every theme: quality.png, boxes.png, and the same in the dark."""
    for theme in THEMES:
        plots.quality_against_work(comparison, theme, out / _file("quality", theme.name))
        plots.boxes_by_snr(comparison, theme, out / _file("boxes", theme.name))
    return [
        _plot(
            "Quality against work",
            "quality",
            out,
            "Dots: means, with their 95 % intervals where there are any. Dashed: no known work.",
        ),
        _plot(
            f"By {comparison.grouped_by}",
            "boxes",
            out,
            "Boxes: the middle half of the items, with the median; whiskers reach 1.5 times as far; dots: the others.",
        ),
    ]


def _plot(title: str, name: str, out: Path, caption: str) -> Plot:
    light, dark = (_address(out / _file(name, theme.name)) for theme in (LIGHT, DARK))
    return Plot(title, light, dark, caption)


def _file(name: str, theme: str) -> str:
    return f"{name}.png" if theme == LIGHT.name else f"{name}-{theme}.png"


def _address(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode('ascii')}"


def html(comparison: Comparison, shown: list[Plot]) -> str:
    """The page. Every text in it is escaped; sounds are named by their path from the page."""
    return page(
        "compare.html.j2",
        comparison=comparison,
        tables=tables(comparison),
        plots=shown,
        explanations=explanations(comparison),
        heard=[entrant for entrant in comparison.entrants if entrant.worst],
        title_of=plots.titled,
        of_splits=of_splits(comparison),
    )
