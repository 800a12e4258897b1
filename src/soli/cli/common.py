"""What every command shares: the options that mean the same everywhere, and the way of saying things.

Results go to stdout; errors, warnings and progress go to stderr, a line each.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.streams import abandon
from soli.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name, or a .soli.onnx file.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads of the network; all cores if left.")
]
SplitOption = Annotated[
    str | None,
    typer.Option("--split", help="Score the rows of this split; by default test where there is one, else all of them."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="auto, cpu or cuda: what is asked for is used, or refused.")
]


def _folder(text: str | Path) -> Path:
    if not str(text):
        raise UsageError("--out is empty", wanted="a folder", do="is a variable of the shell empty?")
    return Path(text)


OutFolder = Annotated[
    Path,
    typer.Option(
        "--out", "-o", parser=_folder, metavar="PATH", help="The folder to write to; made if it is not there."
    ),
]

WIDE = 240  # columns where a table goes to a file or a pipe: wide enough that no path is folded


def printable(text: str) -> str:
    """`text` on one line, with control characters and broken UTF-8 as escapes: a file name cannot steer a terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def say(text: str) -> None:
    """One line of what came out, on stdout, for people."""
    print(printable(text), flush=True)


def print_error(message: str) -> None:
    """One line on stderr that says what went wrong."""
    _message("error", message)


def print_warning(message: str) -> None:
    """One line on stderr about something that was done, yet not quite as asked."""
    _message("warning", message)


def print_note(message: str) -> None:
    """One line on stderr about something that is in order, and may yet surprise."""
    _message("note", message)


def _message(kind: str, message: str) -> None:
    try:
        print(f"soli: {kind}: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)  # closed or full: there is nowhere to say so, and the work goes on


def print_json(value: Any) -> None:
    """One JSON object on stdout; raises ValueError for NaN and infinities, which JSON does not have."""
    print(json.dumps(value, indent=2, allow_nan=False), flush=True)


def comma_list(text: str | None, option: str) -> tuple[str, ...] | None:
    """The words of an option like `--stems a,b`; None where it was not given. Raises UsageError where it is empty."""
    if text is None:
        return None
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise UsageError(f"{option} is empty", wanted="names with commas between")
    return words


def stdout_console() -> "Console":
    """rich's console for tables; imported here, for it is slow and only needed when something is printed."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
