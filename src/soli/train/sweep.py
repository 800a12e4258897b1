"""A sweep: every recipe for every target with every song left out, each a run of its own with fresh weights.

OUT/MODEL/TARGET/song-NN/     a run folder as `soli train` makes it, and beside its files
    MODEL-TARGET.soli.onnx    the model
    test.jsonl                the song it has not heard, as a manifest
    scores.jsonl              how it did on that; there when the cell is finished, and not before

Cells share nothing but the data, so they can be done in any order, by any number of processes, and again. The seed of
each is drawn from the recipe's, its target and its song, and is in its run.json: `soli train` makes the same run of it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from soli.data.folds import WHOLE, leave_one_out, song_number
from soli.data.manifest import Manifest, read_manifest
from soli.errors import DataError, SoliError, UsageError, near
from soli.evaluation.sweep_folder import SCORES, folder_of
from soli.nested import flatten
from soli.pool import apart
from soli.separation.outfolder import held
from soli.train.assemble import assemble
from soli.train.data_source import open_data
from soli.train.fit import check_fit
from soli.train.run import RunFolder, RunSettings, find_recipe, read_recipe
from soli.train.target import for_target


@dataclass(frozen=True)
class Cell:
    """One network to be trained and judged: a recipe's settings for one target, with one song left out."""

    model: str
    target: str
    song: int
    settings: RunSettings
    data: Path
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.model}, {self.target}, song {self.song}"

    @property
    def finished(self) -> bool:
        return (self.folder / SCORES).is_file()


@dataclass(frozen=True)
class FailedCell:
    """A cell that could not be finished, and why."""

    cell: Cell
    error: str


def plan(
    recipes: Sequence[str],
    data: Path,
    out: Path,
    *,
    targets: Sequence[str] | None = None,
    songs: Iterable[int] | None = None,
    overrides: Sequence[str] = (),
) -> list[Cell]:
    """The cells, song by song, so that what is finished at any time compares all models on the same songs.

    Args:
        recipes: files, or names of shipped recipes; `overrides` are settings of all of them.
        targets, songs: those of the manifest where left.

    Raises:
        UsageError: a recipe, target or song that does not exist, or two recipes of one name.
        DataError: the manifest cannot be read, or holds no numbered songs.
    """
    manifest = read_manifest(data)
    names = _models(recipes, overrides)
    wanted = _targets(manifest, targets)
    return [
        Cell(name, target, song, _settings(recipe, overrides, target, song), data, folder)
        for song in _songs(manifest, songs)
        for name, recipe in names.items()
        for target in wanted
        for folder in [folder_of(out, name, target, song)]
    ]


def _models(recipes: Sequence[str], overrides: Sequence[str]) -> dict[str, Path]:
    """The recipes' files by the names that they give their models."""
    found: dict[str, Path] = {}
    for recipe in recipes:
        path = find_recipe(recipe)
        name = read_recipe(path, overrides).name
        if name in found:
            raise UsageError(f"{path} and {found[name]} are both called {name}", wanted="one name a recipe")
        found[name] = path
    return found


def _settings(recipe: Path, overrides: Sequence[str], target: str, song: int) -> RunSettings:
    settings = for_target(read_recipe(recipe, [*overrides, f"data.leave_out={song}"]), target)
    check_fit(settings)
    return settings.model_copy(update={"seed": seed_of(settings.seed, target, song)})


def seed_of(seed: int, target: str, song: int) -> int:
    """The seed of a cell: weights and draws of no two cells of a model are the same, and those of two models are."""
    return int.from_bytes(hashlib.sha256(f"{seed} {target} {song}".encode()).digest()[:4], "big")


def _targets(manifest: Manifest, wanted: Sequence[str] | None) -> list[str]:
    known = list(dict.fromkeys(stem for row in manifest.rows for stem in row.stems))
    if not known:
        raise DataError("the manifest names no sources", wanted="rows with parts")
    for target in wanted or []:
        if target not in known:
            raise UsageError(f"no song holds the target {target}", do=near(target, known))
    return list(dict.fromkeys(wanted or known))


def _songs(manifest: Manifest, wanted: Iterable[int] | None) -> list[int]:
    divided = sorted({row.split for row in manifest.rows} - {WHOLE})
    if divided:
        raise DataError(
            f"the songs are divided into {', '.join(divided)} already, and a sweep leaves out each in turn",
            wanted="a manifest of one set of songs",
            do="make one of a single folder of them: soli data bach10 FOLDER/test --out songs.jsonl",
        )
    numbers = (song_number(row) for row in manifest.rows)
    known = sorted({number for number in numbers if number is not None})
    songs: dict[int, None] = {}
    # Of songs without numbers there is none to leave out, which is said of any number; a range may be without end.
    for song in wanted if wanted is not None else known or [0]:
        leave_one_out(manifest.rows, song)  # checks more than the number: songs, undivided, that share nothing
        songs[song] = None
    return list(songs)


def check(cells: Sequence[Cell]) -> None:
    """Opens the data of every fold, compares cells that were begun with what is asked for now, and tries what is left.

    Tried is one cell of every model and of every fold: what stops it before its first step would stop all the others.
    Raises UsageError that lists the settings that differ, UsageError and DataError where a cell cannot be trained.
    """
    records = {}
    for cell in cells:
        fold = (cell.model, cell.song)
        if fold not in records:
            records[fold] = open_data(cell.settings, cell.data).record
        folder = RunFolder(cell.folder)
        if folder.record.is_file():
            folder.check_unchanged(cell.settings, records[fold])
            if cell.finished:
                _check_export(cell, folder.read()[0])
    models, songs = set[str](), set[int]()
    for cell in cells:
        if not cell.finished and not (cell.model in models and cell.song in songs):
            assemble(cell.settings, data=cell.data, out=cell.folder)
            models.add(cell.model)
            songs.add(cell.song)


def _check_export(cell: Cell, before: RunSettings) -> None:
    """A run may go on with other settings of the export, but scores are of a model that had them."""
    old, new = (flatten(each.export.model_dump(mode="json")) for each in (before, cell.settings))
    changed = [f"export.{key}: {old[key]} -> {new[key]}" for key in sorted(old) if old[key] != new.get(key)]
    if changed:
        raise UsageError(
            f"{cell.folder} was finished with other settings: {', '.join(changed)}",
            do="use the same settings, or name another --out",
        )


def sweep(
    cells: Sequence[Cell],
    work: Callable[[Cell], float],
    out: Path,
    *,
    jobs: int,
    watch: Callable[[Cell, float | SoliError], None] = lambda cell, outcome: None,
) -> list[FailedCell]:
    """Does the cells that are not finished, `jobs` at a time, each in a fresh process; gives those that failed.

    Args:
        work: finishes one cell and gives the seconds that this took; see `cell.finish`.
        watch: called after each cell, with its seconds or its error.

    Raises:
        OutputError: `out` cannot be written, or another sweep works there.
        UsageError, DataError: as of `check`; nothing has been begun then.
    """
    with held(out):
        check(cells)
        left = [cell for cell in cells if not cell.finished]
        return list(_failures(left, work, jobs, watch))


def _failures(
    left: Sequence[Cell],
    work: Callable[[Cell], float],
    jobs: int,
    watch: Callable[[Cell, float | SoliError], None],
) -> Iterator[FailedCell]:
    with closing(apart(work, left, processes=jobs, threads=1)) as outcomes:
        for cell, outcome in outcomes:
            watch(cell, outcome)
            if isinstance(outcome, SoliError):
                yield FailedCell(cell, str(outcome))
