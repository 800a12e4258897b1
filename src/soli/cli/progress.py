"""The progress bar of a batch: on a terminal only, on stderr only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from soli.cli.common import printable
from soli.separation.plan import Item


class Bar(Protocol):
    """What a batch tells as it goes on."""

    def watch(self, item: Item, done_s: float, total_s: float | None) -> None: ...
    def finished(self) -> None: ...


class _Silent:
    def watch(self, item: Item, done_s: float, total_s: float | None) -> None:
        """Says nothing."""

    def finished(self) -> None:
        """Says nothing."""


@contextmanager
def progress(count: int, *, quiet: bool) -> Iterator[Bar]:
    """A bar for the file at work, with the time that is left, and one for all `count` files where there are several."""
    if quiet or not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        files = bars.add_task(f"{count} files", total=count, visible=count > 1)
        current = bars.add_task("", total=None, visible=False)

        class _Bars:
            item: Item | None = None

            def watch(self, item: Item, done_s: float, total_s: float | None) -> None:
                if item is not self.item:
                    self.item = item
                    bars.reset(current, description=escape(printable(item.given)), visible=True)
                bars.update(current, completed=done_s, total=total_s)

            def finished(self) -> None:
                bars.advance(files)

        yield _Bars()
