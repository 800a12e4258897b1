"""`soli sweep`: recipes, targets and songs in; a trained and judged model for each combination out."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, OutFolder, comma_list, print_error, print_json, printable
from soli.cli.stopping import stoppable
from soli.errors import SoliError, UsageError

if TYPE_CHECKING:
    from soli.train.sweep import Cell, FailedCell


def sweep(
    recipes: Annotated[list[str], typer.Argument(help="Recipe files, or names of shipped ones: bach10/model-a.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="The manifest of whole songs.")],
    out: OutFolder,
    targets: Annotated[
        str | None, typer.Option("--targets", help="Sources with commas between; all of the manifest if left.")
    ] = None,
    songs: Annotated[
        str | None, typer.Option("--songs", help="Numbers of the songs to leave out, such as 1,2,5-7; all if left.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Cells at work at a time; one a core if left.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting of every recipe: optim.lr=3e-4.")
    ] = None,
    json: JsonFlag = False,
) -> int:
    """Train every recipe for every target with every song left out, and score each model on that song.

    Each cell is a run of its own, in a process of its own on one thread, with fresh weights: OUT/MODEL/TARGET/song-NN
    gets the run, the model file and its scores. A sweep that was stopped, even by kill -9, goes on with the same call,
    and one that asks for more cells adds them. Cells that fail are named, and tried again by the next call.
    """
    with stoppable("cells"):
        from soli.separation.runtime import available_threads
        from soli.train.sweep import plan
        from soli.train.sweep import sweep as run

        numbers = _numbers(comma_list(songs, "--songs"))
        wanted = comma_list(targets, "--targets")
        cells = plan(recipes, data, out, targets=wanted, songs=numbers, overrides=set_ or [])
        kept = sum(cell.finished for cell in cells)
        at_a_time = jobs or available_threads()
        watch = _Progress([cell for cell in cells if not cell.finished], jobs=at_a_time)
        failed = run(cells, _finish, out, jobs=at_a_time, watch=watch.tell)
    _report(cells, kept, failed, out, json=json)
    return 1 if failed else 0


def _numbers(words: tuple[str, ...] | None) -> Iterable[int] | None:
    """The songs of `--songs`: numbers and ranges. Raises UsageError."""
    ranges = []
    for word in words or ():
        first, _, last = word.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise UsageError(f"--songs {word}", wanted="numbers with commas between, such as 1,2,5-7")
        ranges.append(range(int(first), int(last or first) + 1))
    if words and not any(ranges):
        raise UsageError(f"--songs {','.join(words)} names none", wanted="ranges from the lower to the higher")
    return chain.from_iterable(ranges) if words else None


def _finish(cell: "Cell") -> float:
    """Does a cell in the fresh process that it has for itself."""
    from soli.train.process import ready_process

    ready_process()
    from soli.train.cell import finish

    return finish(cell)


class _Progress:
    """A line on stderr after each cell: how many are done, and for how long the others will take."""

    def __init__(self, left: "list[Cell]", *, jobs: int) -> None:
        self.left = {cell.folder: cell.model for cell in left}
        self.total, self.jobs = len(left), jobs
        self.took_s: dict[str, list[float]] = defaultdict(list)

    def tell(self, cell: "Cell", outcome: float | SoliError) -> None:
        del self.left[cell.folder]
        if isinstance(outcome, SoliError):
            what = f"failed: {outcome}"
        else:
            self.took_s[cell.model].append(outcome)
            what = f"{outcome:.0f} s"
        done = self.total - len(self.left)
        print(printable(f"{done}/{self.total}  {cell.name}: {what}{self._to_go()}"), file=sys.stderr, flush=True)

    def _to_go(self) -> str:
        left_s = seconds_left(list(self.left.values()), self.took_s, jobs=self.jobs)
        if left_s is None:
            return ""
        from soli.cli.tables import clock

        return f"; {len(self.left)} left, about {clock(left_s)}"


def seconds_left(left: list[str], took_s: dict[str, list[float]], *, jobs: int) -> float | None:
    """For how long the cells of the models `left` will take, from what cells of the same model took, or of any."""
    known = [each for some in took_s.values() for each in some]
    if not left or not known:
        return None
    usual = sum(known) / len(known)
    means = (sum(some) / len(some) if (some := took_s.get(model)) else usual for model in left)
    return sum(means) / min(jobs, len(left))


def _report(cells: "list[Cell]", kept: int, failed: "list[FailedCell]", out: Path, *, json: bool) -> None:
    done = len(cells) - kept - len(failed)
    if json:
        print_json(
            {
                "out": str(out),
                "cells": len(cells),
                "done": done,
                "kept": kept,
                "failed": [
                    {"model": each.cell.model, "target": each.cell.target, "song": each.cell.song, "error": each.error}
                    for each in failed
                ],
            }
        )
    else:
        before = f", {kept} of them before" if kept else ""
        then = f"; next: soli report {out} --out REPORT" if done + kept else ""
        typer.echo(printable(f"{done + kept} of {len(cells)} cells are finished{before}{then}"))
    for each in failed:
        print_error(f"{each.cell.name}: {each.error}")
