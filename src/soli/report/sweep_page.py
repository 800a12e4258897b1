"""The report of a sweep in a folder: CSV files, the report card, pictures, and one page that needs no network."""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from soli.atomic import cannot_write, write_atomically
from soli.errors import OutputError
from soli.evaluation.sweep import Heard, Sweep, unheard
from soli.report import sweep_plots
from soli.report.page import PAGE
from soli.report.published import Published, bach10
from soli.report.sweep_tables import csv_files, explanations, report_card, tables
from soli.report.templating import page
from soli.report.theme import LIGHT, THEMES, Theme
from soli.version import __version__

CARD, DATA, PICTURES = "report_card.txt", "sweep.json", "pictures"


class Report(BaseModel):
    """What is in a report's folder: the sweep's scores, and the files that were made of them, as paths from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    sweep: Sweep
    files: list[str]


class Picture(NamedTuple):
    """A picture in both themes, as paths from the page, and what it shows."""

    light: str
    dark: str
    about: str


def write_sweep_report(sweep: Sweep, heard: list[Heard], out: Path) -> Path:
    """Writes everything into `out`, in which the sounds of `heard` are already; returns the page's path.

    Files of an earlier report that this one has not are removed. Raises OutputError.
    """
    before = earlier_files(out)
    published = bach10()
    try:
        (out / PICTURES).mkdir(parents=True, exist_ok=True)
        boxes = {target: _boxes(sweep, target, published, out) for target in sweep.targets}
        looked_at = {each.target: _looked_at(each, out) for each in heard}
    except OSError as error:
        raise cannot_write(out / PICTURES, error) from error
    texts = {**csv_files(sweep), CARD: report_card(sweep, published)}
    texts[PAGE] = html(sweep, heard, published, boxes=boxes, looked_at=looked_at)
    pictures = [*boxes.values(), *(each for some in looked_at.values() for each in some)]
    sounds = {path for each in heard for path in (each.mixture, each.estimate, each.reference)}
    files = sorted({*texts, *sounds, *(path for each in pictures for path in (each.light, each.dark))})
    # Both are listed until the old ones are gone, so that a stop in between leaves none that nobody knows.
    _write_record(out, sweep, sorted({*files, *before}))
    for name, text in texts.items():
        write_atomically(out / name, text)
    _remove(out, set(before) - set(files))
    _write_record(out, sweep, files)
    return out / PAGE


def earlier_files(out: Path) -> list[str]:
    """The files of the report that `out` holds; none where there is none. Raises OutputError where that is unclear."""
    record = out / DATA
    if not record.is_file():
        return []
    try:
        files = Report.model_validate_json(record.read_bytes()).files
    except OSError as error:
        raise cannot_write(record, error) from error
    except ValidationError as error:
        raise OutputError(f"{record} is of no report of this soli", do="move it away, or name another --out") from error
    return [name for name in files if (out / name).resolve().is_relative_to(out.resolve())]


def _remove(out: Path, names: set[str]) -> None:
    for name in names:
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(out / name, error) from error


def _write_record(out: Path, sweep: Sweep, files: list[str]) -> None:
    write_atomically(out / DATA, Report(sweep=sweep, files=files).model_dump_json(indent=1) + "\n")


def _boxes(sweep: Sweep, target: str, published: Published, out: Path) -> Picture:
    for theme in THEMES:
        sweep_plots.boxes_by_model(sweep, target, published, theme, out / _file(f"boxes-{target}", theme))
    return _picture(f"boxes-{target}", f"SI-SDR of {target} over the songs, a box a model; the bar is the median")


def _looked_at(heard: Heard, out: Path) -> list[Picture]:
    waves, masks = f"waves-{heard.target}", f"mask-{heard.target}"
    for theme in THEMES:
        sweep_plots.waves(heard, out, theme, out / _file(waves, theme))
        sweep_plots.masks(heard, out, theme, out / _file(masks, theme))
    return [
        _picture(waves, "The estimate over the reference: the song, and its loudest moment"),
        _picture(masks, "The share of the mixture that is taken to be the target's: estimated, and ideal"),
    ]


def _file(name: str, theme: Theme) -> str:
    return f"{PICTURES}/{name}.png" if theme is LIGHT else f"{PICTURES}/{name}-{theme.name}.png"


def _picture(name: str, about: str) -> Picture:
    light, dark = (_file(name, theme) for theme in THEMES)
    return Picture(light, dark, about)


def html(
    sweep: Sweep,
    heard: list[Heard],
    published: Published,
    *,
    boxes: dict[str, Picture],
    looked_at: dict[str, list[Picture]],
) -> str:
    """The page. Every text in it is escaped; pictures and sounds are named by their paths from the page."""
    overview, *others = tables(sweep, published)
    return page(
        "sweep.html.j2",
        sweep=sweep,
        overview=overview,
        by_target={target: others[2 * at : 2 * at + 2] for at, target in enumerate(sweep.targets)},
        files=sorted(csv_files(sweep)),
        card=CARD,
        explanations=explanations(sweep, published),
        heard=heard,
        unheard=unheard(sweep, heard),
        boxes=boxes,
        looked_at=looked_at,
        soli=__version__,
    )
