"""Who takes part in `soli compare`: what was named on the command line, run folders exported to model files first."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from soli.errors import MissingExtraError, SoliError, UsageError
from soli.evaluation.comparison import Failed
from soli.evaluation.contest import BASELINES, Entry
from soli.evaluation.kept import kept
from soli.media.hashing import sha256_file
from soli.modelfile import SUFFIX, read_model
from soli.separation import zoo
from soli.version import __version__

MODELS = "models"
TAKEN = (MODELS, "worst")
"""Folders of the comparison itself, which no entrant can be called."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class _Exported(BaseModel):
    """The model file that was made of a run."""

    sha256: str


def entrants(runs: Sequence[str], out: Path) -> tuple[list[Entry], list[Failed]]:
    """An entry for each of `runs`; runs that cannot be exported come back as failed.

    A run folder's best weights become `out/models/NAME.soli.onnx`, unless they already have.

    Raises:
        UsageError: nothing is named, two entrants have one name, or there is no such model.
        InputError: a folder holds no run.
        MissingExtraError: a run folder is named, and torch is not installed.
        ModelFileError: a model file cannot be used.
    """
    if not runs:
        raise UsageError("nothing to compare", wanted="run folders, model files, shipped models or baselines")
    names = names_of(runs)
    for run in runs:
        _check(run)
    entries, failed = [], []
    for run, name in zip(runs, names, strict=True):
        try:
            entries.append(_entry(run, name, out))
        except MissingExtraError:
            raise
        except SoliError as error:
            failed.append(Failed(name=name, error=str(error)))
    return entries, failed


def names_of(runs: Sequence[str]) -> list[str]:
    """A name for each, which no other changes, so that one can be added later: of the run's folder or the model's file.

    Raises UsageError where two have one name, or a name is none for a folder.
    """
    names = [_name(run) for run in runs]
    for run, name in zip(runs, names, strict=True):
        if names.count(name) > 1:
            again = [each for each, other in zip(runs, names, strict=True) if other == name]
            raise UsageError(f"{' and '.join(again)} would both be called {name}", do="rename one, or name it once")
        if name in TAKEN or not _NAME.fullmatch(name):
            raise UsageError(
                f"{run} would be called {name!r}",
                wanted=f"a name of letters, digits, ., _ and -, but not {' or '.join(TAKEN)}",
                do="rename it",
            )
    return names


def is_run(run: str) -> bool:
    """Whether a run folder is named, rather than a model or a baseline."""
    return run not in BASELINES and Path(run).is_dir()


def _name(run: str) -> str:
    if run in BASELINES:
        return run
    # A link keeps the name that its maker gave it; only dots stand for another.
    path = Path(run).resolve() if Path(run).name in ("", "..") else Path(run)
    return path.name.removesuffix(SUFFIX).removesuffix(".onnx")


def _check(run: str) -> None:
    """Raises where there is no such run or model, before any other is exported."""
    if run in BASELINES:
        return
    if is_run(run):
        from soli.train.run import RunFolder

        RunFolder(Path(run)).read()
    else:
        read_model(zoo.path(run))


def _entry(run: str, name: str, out: Path) -> Entry:
    if run in BASELINES:
        return Entry(name=name, model=run, origin="baseline")
    if is_run(run):
        model = out / MODELS / f"{name}{SUFFIX}"
        _export(Path(run), model)
        folder = Path(run)
        return Entry(name, str(model), folder.name, train_minutes=train_minutes(folder), note=unfinished(folder, name))
    # A path, even where a shipped model was named: a file of that name may lie in the folder one works in.
    return Entry(name=name, model=str(zoo.path(run)), origin=Path(run).name)


def _export(run: Path, model: Path) -> None:
    """Exports the run's best weights, unless the model file is still what they were exported to."""
    from soli.train.run import RunFolder

    folder = RunFolder(run)
    source = {"soli": __version__, "run": sha256_file(folder.record)}
    if folder.weights.is_file():
        source["weights"] = sha256_file(folder.weights)

    def make() -> _Exported:
        try:
            from soli.train.export import export
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "torch", "train") from error
        export(run, model)
        return _Exported(sha256=sha256_file(model))

    record = model.with_suffix(".json")
    if not model.is_file():
        record.unlink(missing_ok=True)
    kept(record, _Exported, source, make)


def unfinished(run: Path, name: str) -> str:
    """A line about a run that was stopped before its end; empty for one that came to it."""
    from soli.train.log import steps_taken
    from soli.train.run import RunFolder

    folder = RunFolder(run)
    settings, _ = folder.read()
    taken = steps_taken(folder.log, steps=settings.optim.steps, patience=settings.watch.patience)
    return "" if taken is None else f"{name} is not trained to its end: {taken} of {settings.optim.steps} steps"


def train_minutes(run: Path) -> float | None:
    """Minutes of training over all sittings, as the run's log has them; None where nothing is logged."""
    from soli.train.log import read_log
    from soli.train.run import RunFolder

    log = RunFolder(run).log
    seconds = [line["seconds"] for line in read_log(log)] if log.is_file() else []
    return max(seconds) / 60 if seconds else None
