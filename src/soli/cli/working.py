"""What commands that do many files share: which files, how they go on, and what is said of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from soli.cli.common import print_error, print_note, print_warning
from soli.separation.batch import Batch
from soli.separation.plan import SUFFIXES, Failure, Item, plan
from soli.separation.record import Record

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Sound or video files, and folders of them. Files that are named may be called anything; in a folder they"
        f" are known by their suffix: {' '.join(sorted(SUFFIXES))} (or in capitals).",
    ),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into the sub-folders of folders.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do all files anew, and replace what is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no table.")]


def planned(inputs: list[str], *, recursive: bool, command: str) -> list[Item | Failure]:
    """What is to be done, with a word on what is not."""
    left_out: list[Path] = []
    items = plan(inputs, recursive=recursive, left_out=left_out.append)
    if left_out:
        files = "1 file" if len(left_out) == 1 else f"{len(left_out)} files"
        print_note(
            f"{files} without a suffix of sound or video (such as {left_out[0]}) left out; soli {command} --help lists"
            " the suffixes, and files that are named outright may have any"
        )
    return items


def run(
    batch: Batch,
    items: list[Item | Failure],
    results: list[Record | Failure],
    check: Callable[[], None],
    *,
    quiet: bool,
) -> None:
    """Adds to the results, in the order of the items, also where it is stopped; prints errors and warnings.

    `check` is called often, between steps, and raises where the work is to stop.
    """
    from soli.cli.progress import progress

    with progress(len(items), quiet=quiet) as bar:

        def watch(item: Item, done_s: float, total_s: float | None) -> None:
            check()
            bar.watch(item, done_s, total_s)

        for result in batch.run(items, watch):
            bar.finished()
            results.append(result)
            if isinstance(result, Failure):
                print_error(result.error)
            else:
                for warning in result.warnings:
                    print_warning(warning)
            check()
