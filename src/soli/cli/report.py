"""`soli report`: what a sweep came to, as tables, pictures and a page to listen to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, OutFolder, print_json, printable
from soli.cli.compare import check_parts

if TYPE_CHECKING:
    from soli.evaluation.sweep import Sweep

SOUNDS = "sounds"


def report(
    path: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    out: OutFolder,
    song: Annotated[
        int | None, typer.Option("--song", help="The song to listen to; the first that is finished if left.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model to listen to; each target's best if left.")
    ] = None,
    json: JsonFlag = False,
) -> int:
    """Make the tables, pictures and page of a sweep.

    OUT gets index.html, report_card.txt, SepModel_MODEL_FULL_EVAL_RESULTS.csv (a row a target), TARGET_ALL_MODELS.csv
    (a row a model), scores.csv (all of them), pictures and the sounds of one song. The sweep is only read, so it may
    still be at work.
    """
    from soli.evaluation.sweep_folder import chosen_cells, read_sweep, write_sounds
    from soli.report.sweep_page import write_sweep_report

    check_parts()
    found = read_sweep(path)
    heard = write_sounds(chosen_cells(found, song=song, model=model), path, out=out, name=SOUNDS)
    page = write_sweep_report(found, heard, out)
    if json:
        print_json({"page": str(page), "cells": len(found.cells), "unfinished": found.unfinished})
    else:
        _print(found, page)
    return 0


def _print(found: "Sweep", page: Path) -> None:
    from soli.cli.tables import print_table
    from soli.report.published import bach10
    from soli.report.sweep_tables import explanations, tables

    for table in tables(found, bach10()):
        print_table((table.title, *table.head[1:]), table.texts, right=table.head[1:])
        print()
    for text in explanations(found, bach10()):
        print(printable(text))
    print(f"pictures, and one song to listen to: {printable(str(page))}")
