"""Rendered rows on disk: a folder a row with its mixture and one file a stem, a tree that `read_stems` reads back.

`row.json` beside them says what they were rendered from, so that a rerun keeps what is still right and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from soli.atomic import folder_atomically, write_atomically
from soli.data.manifest import Manifest, Row
from soli.data.render import render
from soli.errors import DataError, InputError
from soli.media.audio import write_audio
from soli.media.formats import choose_subtype

MIXTURE = "mixture"
MIXTURE_NAME = f"{MIXTURE}.wav"
RECORD_NAME = "row.json"

Watch = Callable[[int, int], None]


class Record(BaseModel):
    """What a folder was rendered from, and what was written: the sizes in bytes of its files by name.

    `root` stands for the contents of the files that the row names without a hash; None where it names none such.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subtype: str
    row: Row
    root: str | None = None
    files: dict[str, int] = {}

    @property
    def names(self) -> set[str]:
        """The names of all files of the folder."""
        return {RECORD_NAME, MIXTURE_NAME, *(f"{name}.wav" for name in self.row.stems)}


@dataclass(frozen=True)
class Failed:
    """A row that could not be rendered, and why."""

    id: str
    error: str


@dataclass
class Written:
    """How many rows were written now, how many had been there before, and which could not be rendered."""

    rows: int = 0
    kept: int = 0
    failed: list[Failed] = field(default_factory=list)


def render_manifest(
    manifest: Manifest, out: Path, *, subtype: str = "float32", watch: Watch = lambda done, total: None
) -> Written:
    """Renders every row to `out/<split>/<id>/`. A row's folder appears whole or not at all, so a rerun does the rest.

    A row that was rendered before is rendered anew where its row, the subtype, a file written then, or the root of
    files without a hash is no longer the same. A row that cannot be rendered is noted and the others are done. Raises
    UsageError for an unknown subtype, OutputError where the disk does not take the files. `watch` is called with the
    rows done and wanted, after each.
    """
    choose_subtype("wav", subtype)
    written = Written()
    for number, row in enumerate(manifest.rows, start=1):
        try:
            folder = _folder(out, row)
            record = _record(row, manifest.root, subtype)
            before = _before(folder)
            if before is not None and before == record.model_copy(update={"files": before.files}):
                written.kept += 1
            else:
                _write_row(record, manifest.root, folder)
                written.rows += 1
        except InputError as error:
            written.failed.append(Failed(row.id, str(error)))
        watch(number, len(manifest.rows))
    return written


def _folder(out: Path, row: Row) -> Path:
    folder = out / row.split / row.id
    if out.resolve() not in folder.resolve().parents:
        raise DataError(f"row {row.id} of split {row.split} would be written outside {out}", wanted="plain names")
    return folder


def _record(row: Row, root: Path, subtype: str) -> Record:
    """What is to be rendered. Raises DataError where a stem has the name of the mixture."""
    if MIXTURE in row.stems:
        raise DataError(f"row {row.id} has a stem called {MIXTURE}, as the mixture's file is", do="rename the source")
    known = all(sha256 for _, sha256 in row.files)
    return Record(subtype=subtype, row=row, root=None if known else str(root.resolve()))


def _before(folder: Path) -> Record | None:
    """What a folder was rendered from, None where there is nothing, or not what was written then.

    Raises DataError where it is not ours to replace.
    """
    if not folder.exists():
        return None
    try:
        record = Record.model_validate_json((folder / RECORD_NAME).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{folder} holds no {RECORD_NAME} as soli data render writes it", do="move it away, or give another --out"
        ) from error
    foreign = sorted({path.name for path in folder.iterdir()} - record.names)
    if foreign:
        raise DataError(f"{folder} holds {foreign[0]}, which was not rendered", do="move it away")
    return record if _sizes(folder) == record.files else None


def _sizes(folder: Path) -> dict[str, int]:
    """The sizes in bytes of the sound files in a folder."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != RECORD_NAME}


def _write_row(record: Record, root: Path, folder: Path) -> None:
    rendered = render(record.row, root)
    with folder_atomically(folder) as part:
        files = {MIXTURE_NAME: rendered.mixture} | {f"{name}.wav": stem for name, stem in rendered.stems.items()}
        for name, samples in files.items():
            write_audio(part / name, samples, sample_rate=rendered.sample_rate, subtype=record.subtype)
        record = record.model_copy(update={"files": _sizes(part)})
        write_atomically(part / RECORD_NAME, record.model_dump_json(by_alias=True, exclude_defaults=True) + "\n")
