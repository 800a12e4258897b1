"""Progress for people: on a terminal only, on stderr only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from soli.cli.common import printable
from soli.separation.plan import Item

if TYPE_CHECKING:
    from rich.progress import Progress


class Count:
    """So many things are done, of so many where that is known."""

    def __init__(self, bars: "Progress | None", label: str) -> None:
        self._bars = bars
        self._task = bars.add_task(label, total=None) if bars is not None else None

    def watch(self, done: int, total: int | None) -> None:
        """`done` of `total` are done, where that is known."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=total)


class Bar(Protocol):
    """What a batch tells as it goes on."""

    def watch(self, item: Item, done_s: float, total_s: float | None) -> None: ...
    def finished(self) -> None: ...


class _Silent:
    def watch(self, item: Item, done_s: float, total_s: float | None) -> None:
        """Says nothing."""

    def finished(self) -> None:
        """Says nothing."""


class _Files:
    """A bar for the file at work, and one for all files where there are several."""

    def __init__(self, bars: "Progress", count: int) -> None:
        self._bars = bars
        self._files = bars.add_task(f"{count} files", total=count, visible=count > 1)
        self._current = bars.add_task("", total=None, visible=False)
        self._item: Item | None = None

    def watch(self, item: Item, done_s: float, total_s: float | None) -> None:
        from rich.markup import escape

        if item is not self._item:
            self._item = item
            self._bars.reset(self._current, description=escape(printable(item.given)), visible=True)
        self._bars.update(self._current, completed=done_s, total=total_s)

    def finished(self) -> None:
        self._bars.advance(self._files)


@contextmanager
def counting(label: str, *, quiet: bool) -> Iterator[Count]:
    """A count of things, of which nobody need know beforehand how many there are."""
    with _bars(counted=True, quiet=quiet) as bars:
        yield Count(bars, label)


@contextmanager
def progress(count: int, *, quiet: bool) -> Iterator[Bar]:
    """A bar for the file at work, with the time that is left, and one for all `count` files where there are several."""
    with _bars(counted=False, quiet=quiet) as bars:
        yield _Silent() if bars is None else _Files(bars, count)


@contextmanager
def _bars(*, counted: bool, quiet: bool) -> Iterator["Progress | None"]:
    """rich's bars, None where nobody looks; things that are counted have a number, others a share."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    numbers = (MofNCompleteColumn(), Elapsed()) if counted else (TaskProgressColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *numbers, Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield bars
