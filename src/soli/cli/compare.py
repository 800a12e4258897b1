"""`soli compare`: runs, models and baselines in; one table, two plots and a page to listen to out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, OutFolder, SplitOption, print_json, print_note, print_warning, printable
from soli.cli.stopping import Stopped, stoppable
from soli.errors import MissingExtraError, SoliError

if TYPE_CHECKING:
    from soli.evaluation.comparison import Comparison
    from soli.evaluation.contest import Watch


def compare(
    data: Annotated[Path, typer.Option("--data", "-d", help="The manifest to judge on.")],
    out: OutFolder,
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Run folders, model files, shipped models, or: mixture, oracle, kmeans2."),
    ] = None,
    split: SplitOption = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first rows.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; by default one a core, 8 at most.")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads in each process.")] = 1,
    json: JsonFlag = False,
) -> int:
    """Compare several models on the same items: scores with intervals, work, speed, memory, training time.

    OUT gets index.html (tables, plots, the worst clips of each model to listen to), compare.json, compare.md, the
    plots, the model files that runs were exported to, and a folder with the scores of each. The same call goes on
    where the last one stopped. Each has the name of its run folder or model file, so others can be added to OUT later.
    """
    with _stoppable(json=json):
        from soli.cli.entrants import entrants
        from soli.evaluation.compare import compare as run
        from soli.evaluation.contest import contest_on
        from soli.evaluation.selection import remark

        check_parts()
        # Looks at the folder before runs are exported into it.
        contest = contest_on(data, out, split=split, limit=limit, workers=workers, threads=threads)
        entries, unusable = entrants(runs or [], out)
        if not entries:
            raise SoliError(f"nothing can be compared: {unusable[0].name}: {unusable[0].error}")
        with _progress(quiet=json) as watch:
            found = run(entries, replace(contest, watch=watch))
        found = found.model_copy(update={"failed": [*unusable, *found.failed]})
        page = _written(found, out)
    _report(found, page, json=json)
    note = remark(found.splits, len(found.items), found.left_out) if split is None else None
    if note:
        print_note(note)
    return 1 if found.failed else 0


def check_parts() -> None:
    """Raises MissingExtraError before hours of work, where the page could not be made at their end."""
    for package in ("matplotlib", "jinja2"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "report")


@contextmanager
def _stoppable(*, json: bool) -> Iterator[None]:
    """Ends with a word on how to go on, and says so in the JSON too."""
    try:
        with stoppable("items"):
            yield
    except Stopped:
        if json:
            print_json({"stopped": True})
        raise


def _written(found: "Comparison", out: Path) -> Path:
    from soli.report.page import write_report

    return write_report(found, out)


def _report(found: "Comparison", page: Path, *, json: bool) -> None:
    from soli.evaluation.results import as_json

    if json:
        print_json(as_json(found))
    else:
        _print(found, page)
    for each in found.failed:
        print_warning(f"{each.name}: {each.error}")


def _print(found: "Comparison", page: Path) -> None:
    from soli.cli.tables import print_table
    from soli.report.tables import explanations, tables

    for table in tables(found):
        print_table((table.title, *table.head[1:]), table.texts, right=table.head[1:])
        print()
    for text in explanations(found):
        print(printable(text))
    print(f"plots, and the worst clips to listen to: {printable(str(page))}")


@contextmanager
def _progress(*, quiet: bool) -> Iterator["Watch"]:
    """A bar on stderr for each entrant, for people only."""
    if quiet or not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(printable(name))
            bars.update(tasks[name], completed=done, total=total)

        yield watch
