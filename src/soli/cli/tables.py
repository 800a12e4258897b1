"""The tables for people, on stdout. rich is slow to import, and this module is imported only when one is printed."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from soli.cli.common import printable, stdout_console
from soli.separation.plan import Failure
from soli.separation.record import Record


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout; the columns named in `right` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left", overflow="fold")
    for row in rows:
        # Text, not str: square brackets in a file name are no markup.
        table.add_row(*(Text(printable(cell)) for cell in row))
    stdout_console().print(table)


def print_results(results: Sequence[Record | Failure]) -> None:
    """The closing table of `soli separate`."""
    titles = ("file", "stems in", "duration", "time", "real-time factor", "memory", "null test", "")
    print_table(titles, [_row(each) for each in results], right=titles[2:7])


def _row(result: Record | Failure) -> tuple[str, ...]:
    if isinstance(result, Failure):
        return (result.input, "", "", "", "", "", "", "failed")
    notes = ["kept from an earlier run"] if result.kept else []
    notes += [f"absent: {', '.join(result.absent)}"] if result.absent else []
    return (
        result.input,
        str(Path(next(iter(result.outputs.values()))).parent),
        clock(result.duration_s),
        f"{result.time_s:.1f} s",
        f"{result.rtf:.3f}",
        f"{result.peak_rss_mb:.0f} MB",
        "silent" if result.null_db is None else f"{result.null_db:.0f} dB",
        "; ".join(notes),
    )


def clock(seconds: float) -> str:
    """Seconds as people write them: 7.2 s, 3:05 min, 2:59:59 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"
