"""`soli report`: what a sweep came to, as tables, pictures and a page to listen to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, OutFolder, print_json, printable
from soli.cli.compare import check_parts
from soli.errors import UsageError

if TYPE_CHECKING:
    from soli.evaluation.sweep import Heard, Sweep

SOUNDS = "sounds"


def report(
    path: Annotated[
        Path, typer.Argument(help="The folder of a sweep, or of evaluations of sound events, one or several folds.")
    ],
    out: OutFolder,
    song: Annotated[
        int | None,
        typer.Option("--song", help="The song to listen to; if left the first of those with the most targets."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The model to listen to; if left each target's best of that song."),
    ] = None,
    json: JsonFlag = False,
) -> int:
    """Make the tables, pictures and page of a sweep, or of the folds of a set of sound events.

    OUT gets index.html, report_card.txt, SepModel_MODEL_FULL_EVAL_RESULTS.csv (a row a target), TARGET_ALL_MODELS.csv
    (a row a model), scores.csv (all of them), pictures and the sounds of one song; what an earlier report left there is
    replaced. The sweep is only read, so it may still be at work.

    Of sound events PATH is what soli evaluate has written, or a folder of such folders, one a fold: their average goes
    to index.html, report.txt and a CSV file a kind of scores, and all folds side by side to folds.csv.
    """
    from soli.evaluation.events_folds import holds_events

    if holds_events(path):
        return _report_events(path, out, song=song, model=model, json=json)
    from soli.evaluation.sweep_folder import chosen_cells, read_sweep, write_sounds
    from soli.report.sweep_page import earlier_files, write_sweep_report
    from soli.separation.outfolder import writable

    check_parts()
    found = read_sweep(path)
    cells = chosen_cells(found, song=song, model=model)
    if out.resolve().is_relative_to(path.resolve()):
        raise UsageError(f"--out {out} lies in the sweep, which is only read", wanted="another folder")
    with writable(out):
        earlier_files(out)
        heard = write_sounds(cells, path, out=out, name=SOUNDS)
        page = write_sweep_report(found, heard, out)
    if json:
        listened = [each.target for each in heard]
        print_json({"page": str(page), "cells": len(found.cells), "unfinished": found.unfinished, "heard": listened})
    else:
        _print(found, heard, page)
    return 0


def _report_events(path: Path, out: Path, *, song: int | None, model: str | None, json: bool) -> int:
    from soli.evaluation.events_folds import read_folds
    from soli.separation.outfolder import writable

    check_parts()
    from soli.report.events_page import overview, said, write_events_report

    if song is not None or model is not None:
        raise UsageError(f"--song and --model are for sweeps, and {path} is of sound events", do="leave them out")
    folds = read_folds(path)
    _refuse_inside(path, out)
    with writable(out):
        page = write_events_report(folds, path, out)
    if json:
        print_json({"page": str(page), "folds": list(folds.summaries)})
        return 0
    from soli.cli.tables import print_table

    table = overview(folds)
    print_table((table.title, *table.head[1:]), table.rows, right=table.head[1:])
    print()
    for text in said(folds):
        print(printable(text))
    print(f"class by class, with pictures: {printable(str(page))}")
    return 0


def _refuse_inside(path: Path, out: Path) -> None:
    """Raises UsageError where the report would be written into what it reports on."""
    if out.resolve().is_relative_to(path.resolve()):
        raise UsageError(f"--out {out} lies in {path}, which is only read", wanted="another folder")


def _print(found: "Sweep", heard: "list[Heard]", page: Path) -> None:
    from soli.cli.tables import print_table
    from soli.evaluation.sweep import unheard
    from soli.report.published import bach10
    from soli.report.sweep_tables import explanations, tables

    for table in tables(found, bach10()):
        print_table((table.title, *table.head[1:]), table.texts, right=table.head[1:])
        print()
    for text in explanations(found, bach10()):
        print(printable(text))
    lacking = unheard(found, heard)
    if lacking:
        print(printable(lacking))
    print(f"pictures, and one song to listen to: {printable(str(page))}")
