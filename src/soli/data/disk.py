"""Rendered rows on disk: a folder a row with its mixture and one file a stem, a tree that `read_stems` reads back."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soli.data.manifest import Manifest, Row
from soli.data.render import render
from soli.errors import DataError, OutputError
from soli.media.audio import write_audio

MIXTURE_NAME = "mixture.wav"


@dataclass
class Written:
    """How many rows were written now, and how many had been there before."""

    rows: int = 0
    kept: int = 0


def render_manifest(
    manifest: Manifest, out: Path, *, subtype: str = "float32", progress: Callable[[], None] = lambda: None
) -> Written:
    """Renders every row to `out/<split>/<id>/`. A row's folder appears whole or not at all, so a rerun does the rest.

    Raises DataError where a row names its folder outside `out`, InputError for a source file, OutputError for the disk.
    """
    written = Written()
    for row in manifest.rows:
        folder = _folder(out, row)
        if folder.is_dir():
            written.kept += 1
        else:
            _write_row(row, manifest.root, folder, subtype)
            written.rows += 1
        progress()
    return written


def _folder(out: Path, row: Row) -> Path:
    folder = out / row.split / row.id
    if out.resolve() not in folder.resolve().parents:
        raise DataError(f"row {row.id} of split {row.split} would be written outside {out}", wanted="plain names")
    return folder


def _write_row(row: Row, root: Path, folder: Path, subtype: str) -> None:
    rendered = render(row, root)
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        files = {MIXTURE_NAME: rendered.mixture} | {f"{name}.wav": stem for name, stem in rendered.stems.items()}
        for name, samples in files.items():
            write_audio(part / name, samples, sample_rate=rendered.sample_rate, subtype=subtype)
        part.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}", do="check the folder and the disk") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
