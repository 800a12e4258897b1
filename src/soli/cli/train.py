"""`soli train`: a recipe and data in, a run folder out."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.common import JsonFlag, print_json, print_warning
from soli.cli.stopping import Stopped, stoppable, stoppable_between
from soli.errors import UsageError

if TYPE_CHECKING:
    from soli.train.loop import Training
    from soli.train.run import RunSettings
    from soli.train.state import Progress
    from soli.train.validate import Judge


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one such as voice.")],
    data: Annotated[Path, typer.Option("--data", help="A library folder, or a manifest file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: optim.lr=3e-4.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Estimate this source alone, by its name; all others are the rest.")
    ] = None,
    leave_out: Annotated[
        int | None,
        typer.Option(
            "--leave-out",
            help="Of a manifest of songs: keep this one for testing, validate on the next, train on the others.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Take as many steps as fit into so many minutes here.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out where it was stopped.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train a network as a recipe says, on mixtures drawn from a library or on the rows of a manifest.

    The run folder keeps the settings, a log, curves, the best weights and a state to go on from. Ctrl-C saves that
    state at the end of the step it comes in; a second one ends at once. A run that was stopped, even by kill -9, goes
    on with the same call and --resume, from its beginning if it was stopped before its first save, and ends with the
    same weights as one that was not.
    """
    from soli.train.process import ready_process

    ready_process()
    with _stopped("stopped before the first step of this call", do="give the same command again"), stoppable("steps"):
        overrides = [*(set_ or []), *([] if leave_out is None else [f"data.leave_out={leave_out}"])]
        training, budget = _prepare(recipe, overrides, minutes, target=target, data=data, out=out, resume=resume)
    _run(training, budget, resume=resume, json=json)


def _prepare(
    recipe: str,
    overrides: list[str],
    minutes: float | None,
    *,
    target: str | None,
    data: Path,
    out: Path,
    resume: bool,
) -> "tuple[Training, dict[str, float] | None]":
    """The run in memory, and what its time was asked to be; nothing is written."""
    from soli.train.assemble import assemble
    from soli.train.run import find_recipe, read_recipe
    from soli.train.target import for_target

    settings, budget = read_recipe(find_recipe(recipe), overrides), None
    if target is not None:
        settings = for_target(settings, target)
    if minutes is not None:
        _check_minutes(minutes, overrides)
        settings, budget = _in_time(settings, minutes, data=data, out=out, resume=resume)
    training = assemble(settings, data=data, out=out)
    if training.mixtures.channels > 1:
        print_warning(f"the data have {training.mixtures.channels} channels; of each item the first is trained on")
    return training, budget


def _run(training: "Training", budget: dict[str, float] | None, *, resume: bool, json: bool) -> None:
    from soli.train.log import draw_curves
    from soli.train.loop import over
    from soli.train.loop import train as run_training

    folder, settings = training.folder, training.settings

    judge = training.validation
    score = f"{judge.score} ({judge.unit})" if judge.unit else judge.score

    def on_line(line: dict[str, Any]) -> None:
        _say(line, judge, steps=settings.optim.steps)
        if "valid_score" in line:
            draw_curves(folder.log, folder.curves, score=score)

    at_once = _stopped("stopped at once", do="go on from the last save with the same command and --resume")
    with at_once, stoppable_between("steps") as check:
        begin = folder.go_on if resume else folder.create
        begin(settings, training.data_record, budget=budget)
        progress = run_training(training, resume=resume, on_line=on_line, stop=_as_question(check))
        draw_curves(folder.log, folder.curves, score=score)
    stopped = not over(progress, settings)
    if json or not stopped:
        _report(progress, folder.path, judge, stopped=stopped, json=json)
    if stopped:
        raise Stopped(
            f"stopped at step {progress.step} of {settings.optim.steps}",
            do="go on with the same command and --resume",
        )


def _as_question(check: Callable[[], None]) -> Callable[[], bool]:
    def stop() -> bool:
        try:
            check()
        except KeyboardInterrupt:
            return True
        return False

    return stop


@contextmanager
def _stopped(found: str, *, do: str) -> Iterator[None]:
    """Says of a stop what is true of a training: its state is of a whole, not the items that are done."""
    try:
        yield
    except Stopped:
        raise Stopped(found, do=do) from None


def _check_minutes(minutes: float, overrides: list[str]) -> None:
    if not (math.isfinite(minutes) and minutes > 0):
        raise UsageError(f"--minutes {minutes:g}", wanted="a positive number of minutes")
    if any(override.partition("=")[0] == "optim.steps" for override in overrides):
        raise UsageError("--minutes with --set optim.steps", wanted="one of them: the time, or the steps")


def _in_time(
    settings: "RunSettings", minutes: float, *, data: Path, out: Path, resume: bool
) -> "tuple[RunSettings, dict[str, float]]":
    """The settings with the steps that fit into the time, measured now or when the run was begun; what was asked."""
    from soli.train.assemble import assemble
    from soli.train.budget import as_before, asked, in_minutes, within
    from soli.train.run import RunFolder

    budget = asked(settings, minutes=minutes)
    if resume:
        before, _ = RunFolder(out).read()
        print(f"{before.optim.steps} steps, as when the run was begun", file=sys.stderr, flush=True)
        return as_before(settings, before), budget
    fitted = within(assemble(settings, data=data, out=out), minutes=minutes)
    print(f"{fitted.optim.steps} steps fit into {in_minutes(minutes)} here", file=sys.stderr, flush=True)
    return fitted, budget


def _report(progress: "Progress", out: Path, judge: "Judge", *, stopped: bool, json: bool) -> None:
    rows = len(judge.rows)
    if json:
        best_score = progress.best_score if math.isfinite(progress.best_score) else None
        print_json({"run": str(out), **asdict(progress), "best_score": best_score, "stopped": stopped})
    else:
        typer.echo(
            f"best validation: {judge.score} {progress.best_score:.2f}{_in(judge)} at step {progress.best_step} "
            f"over {rows} row{'' if rows == 1 else 's'}; next: soli export {out}"
        )


def _say(line: dict[str, Any], judge: "Judge", *, steps: int) -> None:
    """One line a log entry, on stderr, so that stdout stays free for --json."""
    values = "  ".join(_named(name, value, judge) for name, value in line.items() if name not in ("step", "seconds"))
    print(f"step {line['step']}/{steps}  {line['seconds']:.0f} s  {values}", file=sys.stderr, flush=True)


def _named(name: str, value: float, judge: "Judge") -> str:
    """A value of the log; the score that weights are chosen by says what it is of."""
    return f"valid_score ({judge.score}) {value:g}{_in(judge)}" if name == "valid_score" else f"{name} {value:g}"


def _in(judge: "Judge") -> str:
    """The unit of its score, as it follows a number."""
    return f" {judge.unit}" if judge.unit else ""
