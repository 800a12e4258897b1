"""`soli evaluate`: a model and a manifest in, scores and a summary out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, OutFolder, SplitOption, print_json, print_note, print_warning, printable
from soli.cli.evaluate_events import evaluate_events
from soli.cli.progress import counting
from soli.cli.stopping import stoppable
from soli.errors import UsageError

if TYPE_CHECKING:
    from soli.evaluation.aggregate import Group, Statistics
    from soli.evaluation.run import Summary

LEADING = ("si_sdr", "sdr", "sdr_v4")
"""The score that tables show: the first of these that was asked for."""

COLUMNS = ("items", "mixture", "estimate", "95 %", "median", "std", "improvement", "ideal mask")


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model, a .soli.onnx file, mixture, kmeans2, or oracle.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="The manifest to judge on.")],
    out: OutFolder,
    split: SplitOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first rows.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; by default one a core, 8 at most.")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads in each process.")] = 1,
    scores: Annotated[
        str, typer.Option("--scores", help="si (SI-SDR ...), bss (BSS eval 3), bss4 (BSS eval 4), or several.")
    ] = "si,bss",
    thresholds: Annotated[
        str | None,
        typer.Option(
            "--thresholds",
            help="Of sound events: tuned on split valid, those of the model, or published; by default valid, if there.",
        ),
    ] = None,
    pictures: Annotated[
        int | None, typer.Option("--pictures", min=0, help="Of sound events: clips to draw, the first so many.")
    ] = None,
    json: JsonFlag = False,
) -> int:
    """Score a model on every item of a manifest, with the mixture as floor and an ideal mask as ceiling.

    OUT gets results.jsonl, a line an item and source, and summary.json. The same call goes on where the last one
    stopped; a folder with results of another model, manifest or settings is refused. A model of sound events is scored
    on tags, frames, segments, events, masks and separated classes: a CSV file each, report.txt, and pictures.
    """
    if _finds_events(model):
        from soli.evaluation.events_run import plan_events

        plan = plan_events(
            model,
            data,
            split=split,
            limit=limit,
            workers=workers,
            threads=threads,
            families=_families(scores),
            thresholds=thresholds,
        )
        return evaluate_events(plan, out, pictures=pictures, named_split=split is not None, json=json)
    _refuse_events_options(model, thresholds=thresholds, pictures=pictures)
    with stoppable("items"), counting("items", quiet=json) as count:
        from soli.evaluation.run import evaluate as run

        summary = run(
            model,
            data,
            out,
            split=split,
            limit=limit,
            workers=workers,
            threads=threads,
            families=_families(scores),
            watch=count.watch,
        )
    return _told(summary, out, named_split=split is not None, json=json)


def _families(scores: str) -> tuple[str, ...]:
    from soli.evaluation.scoring import families_of

    return families_of(scores)


def _told(summary: "Summary", out: Path, *, named_split: bool, json: bool) -> int:
    """Says what a run came to; returns the exit code."""
    from soli.evaluation.results import as_json
    from soli.evaluation.selection import remark

    if json:
        print_json(as_json(summary))
    else:
        _print(summary, out)
    for item in summary.failed:
        print_warning(f"{item.id}: {item.error}")
    note = None if named_split else remark(summary.splits, summary.items, summary.left_out)
    if note:
        print_note(note)
    return 1 if summary.failed else 0


def _finds_events(model: str) -> bool:
    from soli.evaluation.contest import BASELINES
    from soli.evaluation.events_run import is_events_model

    return model not in BASELINES and is_events_model(model)


def _refuse_events_options(model: str, **options: object) -> None:
    """Raises UsageError where an option was given that would have no effect."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name} is for models of sound events, and {model} is none", do="leave it out")


def _print(summary: "Summary", out: Path) -> None:
    from soli.cli.tables import print_table

    for source, found in summary.sources.items():
        name = next((each for each in LEADING if each in found.scored.scores), None)
        if name is not None:
            groups = {
                f"{key} {value}": group for key, some in found.conditions.items() for value, group in some.items()
            }
            rows = [_row(label, group, name) for label, group in {"all": found.scored, **groups}.items()]
            print_table((f"{source}: {_spelled(name)} in dB", *COLUMNS), rows, right=COLUMNS)
            print()
        if found.alone.count:
            print(f"{source} alone, nothing to separate it from: {found.alone.count} items, not in the table")
        if found.silent.count:
            leaked, offered = found.silent.leakage_dbfs.median, found.silent.mixture_dbfs.median
            print(
                f"{source} silent: {found.silent.count} items, not in the table; "
                f"leakage {_figure(leaked)} dBFS (median), mixture {_figure(offered)} dBFS"
            )
    if "order" in summary.run.settings:
        print(f"Sources in no order of their own: scored in {summary.run.settings['order']}.")
    speed = "" if summary.rtf is None else f", real-time factor {summary.rtf:.3f}"
    items = f"{summary.done} of {summary.items} items of {printable(_splits(summary))}"
    print(f"{items}{speed}; all scores: {printable(str(out / 'summary.json'))}")


def _splits(summary: "Summary") -> str:
    return f"split{'s' if len(summary.splits) > 1 else ''} {', '.join(summary.splits)}"


def _row(label: str, group: "Group", name: str) -> tuple[str, ...]:
    compared = group.scores[name]
    estimate = compared.estimate
    return (
        label,
        str(group.count),
        _figure(compared.mixture.mean),
        _figure(estimate.mean) + _remarks(estimate),
        "-" if estimate.low is None else f"{_figure(estimate.low)} to {_figure(estimate.high)}",
        _figure(estimate.median),
        _figure(estimate.std),
        _figure(compared.improvement.mean),
        _figure(compared.ceiling.mean),
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _remarks(statistics: "Statistics") -> str:
    """What a mean leaves out, and which estimates it counts as the lowest score, is said beside it."""
    words = []
    if statistics.floored:
        words.append(f"{statistics.floored} silent")
    if statistics.undefined:
        words.append(f"{statistics.undefined} undefined")
    return f" ({', '.join(words)})" if words else ""


def _spelled(name: str) -> str:
    return "SDR (BSS eval 4)" if name == "sdr_v4" else name.replace("_", "-").upper()
