"""A run's log, its clock, and the picture of its curves."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from soli.atomic import cannot_write, write_atomically
from soli.errors import InputError

OnLine = Callable[[dict[str, Any]], None]

# Two colours that stay apart for colour-blind eyes (Okabe and Ito 2008).
BLUE, ORANGE = "#0072b2", "#d55e00"
# A line through one point is nothing, and through a few it hides how few they are.
_FEW = 30


class Clock:
    """Seconds of training over all the sittings of a run, and when to save next."""

    def __init__(self, before: float) -> None:
        self.before, self.start, self.saved = before, time.monotonic(), time.monotonic()

    @property
    def seconds(self) -> float:
        return round(self.before + time.monotonic() - self.start, 1)

    def due(self, every_s: float) -> bool:
        if time.monotonic() - self.saved < every_s:
            return False
        self.saved = time.monotonic()
        return True


class Log:
    """JSON lines; those beyond the step resumed from are dropped, since they come again.

    Each line is on its way to the disk when `write` returns, and the file is not held open between lines. Raises
    OutputError where it cannot be written.
    """

    def __init__(self, path: Path, *, upto: int, on_line: OnLine | None) -> None:
        kept = [line for line in read_log(path) if line["step"] <= upto] if path.exists() else []
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
        self.path, self.on_line = path, on_line

    def write(self, line: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if self.on_line is not None:
            self.on_line(line)


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; a last line cut short by a kill is left out. Raises InputError that names any other."""
    complete, _, _torn = path.read_bytes().rpartition(b"\n")
    for number, text in enumerate(complete.splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise InputError(f"{path} line {number} is not JSON: {error}", do="remove that line") from error
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            raise InputError(f"{path} line {number} has no step", wanted="a log line", do="remove that line")
        yield line


def steps_taken(path: Path, *, steps: int, patience: int) -> int | None:
    """How many steps a run took that has not come to its end: to `steps`, or to `patience` validations without gain.

    None for a run that has. Raises InputError where the log is damaged.
    """
    lines = list(read_log(path)) if path.exists() else []
    taken = max((line["step"] for line in lines), default=0)
    scores = [line["valid_score"] for line in lines if "valid_score" in line]
    stale = len(scores) - 1 - scores.index(max(scores)) if scores else 0
    return None if taken >= steps or 0 < patience <= stale else taken


def draw_curves(log: Path, picture: Path, *, score: str = "SNR improvement (dB)") -> None:
    """Draws loss and validation score over steps to a PNG; nothing while the log is empty. Raises OutputError.

    `score` is what the validation score is of.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines = list(read_log(log)) if log.exists() else []
    training = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    validation = [(line["step"], line["valid_score"]) for line in lines if "valid_score" in line]
    if not training:
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    few = "o" if len(training) <= _FEW else None
    left.plot(*zip(*training, strict=True), color=BLUE, linewidth=0.8, marker=few, markersize=3)
    left.set(xlabel="step", ylabel="training loss", title="Training")
    right.set(xlabel="step", ylabel=score, title="Validation")
    if validation:
        right.plot(*zip(*validation, strict=True), color=ORANGE, marker="o", markersize=3)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    try:
        figure.savefig(picture, dpi=120)
    except OSError as error:
        raise cannot_write(picture, error) from error
    finally:
        plt.close(figure)
