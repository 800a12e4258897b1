"""A sweep's folder: what lies where, its scores read back, and the sounds of one song made again to listen to."""

import re
from collections.abc import Sequence
from pathlib import Path

from soli.atomic import cannot_write
from soli.data.manifest import read_manifest
from soli.data.render import render
from soli.errors import DataError, UsageError, near
from soli.evaluation.clips import written
from soli.evaluation.results import read_lines
from soli.evaluation.subject import subject_of
from soli.evaluation.sweep import CellScores, Heard, Sweep, best_model

SCORES, TEST_MANIFEST, RUN = "scores.jsonl", "test.jsonl", "run.json"
_SONG = re.compile(r"song-(?P<number>\d+)")


def folder_of(out: Path, model: str, target: str, song: int) -> Path:
    """The folder of a cell."""
    return out / model / target / f"song-{song:02d}"


def model_file(folder: Path) -> Path:
    """The model file of a cell's folder."""
    return folder / f"{folder.parent.parent.name}-{folder.parent.name}.soli.onnx"


def is_sweep(path: Path) -> bool:
    """Whether a folder holds cells, finished or begun."""
    return any(_cells(path))


def _cells(path: Path) -> list[Path]:
    """The folders of cells that hold a run, by model and target in order of name, then by song."""
    found = [each.parent for each in path.glob(f"*/*/*/{RUN}") if _SONG.fullmatch(each.parent.name)]
    return sorted(found, key=lambda folder: (folder.parts[-3:-1], _number(folder)))


def _number(folder: Path) -> int:
    match = _SONG.fullmatch(folder.name)
    assert match is not None
    return int(match["number"])


def read_sweep(path: Path) -> Sweep:
    """All scores of a sweep. Raises DataError where the folder is no sweep's, or no cell of it is finished yet."""
    folders = _cells(path)
    if not folders:
        raise DataError(f"{path} holds no sweep", wanted="a folder that soli sweep has made", do="soli sweep --help")
    finished = [folder for folder in folders if (folder / SCORES).is_file()]
    if not finished:
        raise DataError(f"no cell of {path} is finished yet", do="give the same soli sweep again, to do what is left")
    unfinished = ["/".join(folder.parts[-3:]) for folder in folders if folder not in finished]
    cells = [cell for folder in _by_target(finished) for cell in _scores(folder)]
    return Sweep(cells=cells, unfinished=unfinished)


def _by_target(folders: list[Path]) -> list[Path]:
    """In the order in which the data set names its sources."""
    row = read_manifest(folders[0] / TEST_MANIFEST).rows[0]
    place = {source: at for at, source in enumerate(row.stems)}
    return sorted(folders, key=lambda folder: place.get(folder.parts[-2], len(place)))


def _scores(folder: Path) -> list[CellScores]:
    model, target = folder.parts[-3:-1]
    lines = [line for line in read_lines(folder / SCORES) if line.source == target]
    if not lines:
        raise DataError(f"{folder / SCORES} holds no scores of {target}", do="remove the folder, and sweep again")
    return [CellScores(model=model, target=target, song=_number(folder), line=line) for line in lines]


def chosen_cells(sweep: Sweep, *, song: int | None = None, model: str | None = None) -> list[CellScores]:
    """The cells to listen to: of each target one, all of one song, by one model or else by the best that has the song.

    Without a `song` it is the first of those with the most targets. A target that nobody has finished is left out.
    Raises UsageError where the sweep has no such song or model, or the model has not finished the song.
    """
    if model is not None and model not in sweep.models:
        raise UsageError(f"the sweep has no model {model}", do=near(model, sweep.models))
    if song is not None and song not in sweep.songs:
        raise UsageError(f"the sweep has no song {song}", wanted=f"one of {', '.join(map(str, sweep.songs))}")
    finished = sorted({cell.song for cell in sweep.of(model=model)})
    if song is not None and song not in finished:
        raise UsageError(f"{model} has not finished song {song}", wanted=f"one of {', '.join(map(str, finished))}")
    number = max(finished, key=lambda each: len(_heard_of(sweep, each, model))) if song is None else song
    return _heard_of(sweep, number, model)


def _heard_of(sweep: Sweep, song: int, model: str | None) -> list[CellScores]:
    models = ((target, model or best_model(sweep, target, song=song)) for target in sweep.targets)
    return [cell for target, each in models if each for cell in sweep.of(model=each, target=target, song=song)[:1]]


def write_sounds(cells: Sequence[CellScores], path: Path, *, out: Path, name: str) -> list[Heard]:
    """Separates the songs of some cells again, and writes their sounds into `out/name`, at their levels.

    Raises OutputError, and SoliError where a model or a song is no longer there.
    """
    try:
        (out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out / name, error) from error
    return [_heard(cell, folder_of(path, cell.model, cell.target, cell.song), out, name) for cell in cells]


def _heard(cell: CellScores, folder: Path, out: Path, name: str) -> Heard:
    manifest = read_manifest(folder / TEST_MANIFEST)
    subject = subject_of(str(model_file(folder)), manifest, threads=1)
    rendered = render(manifest.rows[0], manifest.root)
    references = subject.references(rendered)
    place = subject.sources.index(cell.target)
    sounds = {
        "mixture": rendered.mixture,
        f"{cell.target}-estimate": subject.estimates(rendered, references)[place],
        f"{cell.target}-reference": references[place],
    }
    paths = [written(each, out, f"{name}/{what}", sample_rate=rendered.sample_rate) for what, each in sounds.items()]
    return Heard(
        model=cell.model,
        target=cell.target,
        song=cell.song,
        title=cell.title,
        si_sdr=cell.line.scores.get("si_sdr"),
        improvement=cell.line.improvement.get("si_sdr"),
        mixture=paths[0],
        estimate=paths[1],
        reference=paths[2],
        stft=subject.stft,
    )
