"""`soli evaluate` of a model of sound events: every table and picture of a weakly labelled set."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from soli.cli.common import print_json, print_note, print_warning, printable
from soli.cli.progress import counting
from soli.cli.stopping import stoppable

if TYPE_CHECKING:
    from soli.evaluation.events_run import EventsPlan, EventsResult
    from soli.evaluation.events_summary import EventsSummary

PICTURED = 3
"""Clips that pictures are drawn of, unless another number is asked for."""

_LEADING = ("tagging", "frame_based", "segment_based", "event_based", "segmentation")
_COLUMNS = ("precision", "recall", "f1", "roc_auc", "average_precision", "error_rate")
_SEPARATION = ("si_sdr", "si_sdr_improvement", "sdr", "sdr_improvement", "sir", "sir_improvement", "sar")


def evaluate_events(plan: "EventsPlan", out: Path, *, pictures: int | None, named_split: bool, json: bool) -> int:
    """Scores a plan into `out`, prints the macro averages, and says where all of it lies; returns the exit code."""
    wanted = PICTURED if pictures is None else pictures
    with stoppable("clips"), counting("clips", quiet=json) as count:
        from soli.evaluation.events_run import evaluate_events as run
        from soli.evaluation.results import as_json
        from soli.evaluation.selection import remark
        from soli.report.events_files import write_tables

        result = run(plan, out, watch=count.watch)
        write_tables(result.summary, result.lines, out)
        drawn = _draw(result, out, wanted)
    summary = result.summary
    if json:
        print_json(as_json(summary))
    else:
        _print(summary, out, drawn)
    for item in summary.failed:
        print_warning(f"{item.id}: {item.error}")
    if wanted and not drawn:
        print_note('no pictures: matplotlib, of the "report" part of soli, is not installed')
    note = None if named_split else remark(summary.splits, summary.items, summary.left_out)
    if note:
        print_note(note)
    return 1 if summary.failed else 0


def _draw(result: "EventsResult", out: Path, wanted: int) -> list[str]:
    """Draws pictures of the first clips where there is something to draw with; their paths from `out`."""
    if not wanted or find_spec("matplotlib") is None:
        return []
    from soli.evaluation.events_shown import shown
    from soli.report.events_files import write_pictures

    ids = [line.id for line in result.lines[:wanted]]
    return write_pictures(result.summary, shown(result.plan, result.summary.thresholds, ids), out)


def _print(summary: "EventsSummary", out: Path, drawn: list[str]) -> None:
    from soli.cli.tables import print_table
    from soli.evaluation.events_scores import TITLES
    from soli.report.events_tables import explanations, figure, spelled

    rows = [
        (TITLES[kind], *(figure(section.macro.get(name), name, kind) for name in _COLUMNS))
        for kind, section in summary.sections.items()
        if kind in _LEADING
    ]
    print_table(("macro average", *map(spelled, _COLUMNS)), rows, right=[spelled(name) for name in _COLUMNS])
    print()
    for kind in ("psds", "separation"):
        if kind in summary.sections:
            section = summary.sections[kind]
            figures = section.overall if kind == "psds" else section.macro
            names = [name for name in figures if kind == "psds" or name in _SEPARATION]
            said = [f"{spelled(each)} {figure(figures[each], each, kind)}" for each in names]
            print(f"{TITLES[kind]}: {', '.join(said)}")
    for text in explanations(summary):
        print(printable(text))
    speed = "" if summary.rtf is None else f"real-time factor {summary.rtf:.4f}; "
    pictures = f", pictures in {printable(str(out / 'pictures'))}" if drawn else ""
    print(f"{speed}all tables: {printable(str(out / 'report.txt'))}{pictures}")
