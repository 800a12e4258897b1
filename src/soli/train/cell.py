"""One cell of a sweep, from wherever it was left to its scores: trained, exported, and judged on the song left out."""

import time

from soli.atomic import write_atomically
from soli.data.folds import TEST, leave_one_out
from soli.data.manifest import Manifest, read_manifest, relocated, write_manifest
from soli.data.render import render
from soli.evaluation.line import Line
from soli.evaluation.scoring import judge
from soli.evaluation.subject import subject_of
from soli.evaluation.sweep_folder import SCORES, TEST_MANIFEST, model_file
from soli.train.assemble import assemble
from soli.train.data_source import open_data
from soli.train.export import export
from soli.train.log import draw_curves
from soli.train.loop import train
from soli.train.run import RunFolder
from soli.train.sweep import Cell


def finish(cell: Cell) -> float:
    """Does what is left of a cell, and gives the seconds that this took.

    The model file is there when the training is over, so where it is, it is only made again and judged. The state of
    the training, several times as large, is removed then: there is nothing to go on with. The scores are written last
    and at once, so a cell has all of them or is not finished. Raises SoliError.
    """
    start = time.monotonic()
    folder = RunFolder(cell.folder)
    if model_file(cell.folder).is_file():
        folder.go_on(cell.settings, open_data(cell.settings, cell.data).record)
    else:
        _train(cell)
    export(cell.folder, model_file(cell.folder))
    for state in (folder.state, folder.previous_state):
        state.unlink(missing_ok=True)
    lines = _judged(cell)
    write_atomically(cell.folder / SCORES, "".join(f"{line.model_dump_json()}\n" for line in lines))
    return time.monotonic() - start


def _train(cell: Cell) -> None:
    training = assemble(cell.settings, data=cell.data, out=cell.folder)
    folder = training.folder
    begin = folder.go_on if folder.record.is_file() else folder.create
    begin(cell.settings, training.data_record)
    train(training, resume=True)
    draw_curves(folder.log, folder.curves)


def _judged(cell: Cell) -> list[Line]:
    """A line for the target and one for the rest, of every row of the song that was left out."""
    manifest = _song(cell)
    subject = subject_of(str(model_file(cell.folder)), manifest, threads=1)
    return [line for row in manifest.rows for line in judge(row, render(row, manifest.root), subject, ("si",))]


def _song(cell: Cell) -> Manifest:
    """The song that was left out, as a manifest in the cell's folder."""
    songs = read_manifest(cell.data)
    rows = [row for row in leave_one_out(songs.rows, cell.song) if row.split == TEST]
    path = cell.folder / TEST_MANIFEST
    write_manifest(path, relocated(rows, songs.root, cell.folder))
    return read_manifest(path)
