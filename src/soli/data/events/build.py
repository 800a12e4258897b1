"""Builds a set of planned mixtures in a folder: the plan as `manifest.jsonl`, then, where wanted, a layout of files.

`mixing.json` says what the set is made as, and of which files. A build that was stopped goes on with the same call,
with the plan that is there; nothing is written into a folder that holds anything else.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soli.atomic import write_atomically
from soli.data.building import check_free, check_room
from soli.data.events.layouts import Layout
from soli.data.manifest import Manifest, Row, read_manifest, write_manifest
from soli.errors import DataError, UsageError
from soli.pool import mapped
from soli.version import __version__

RECORD_NAME, MANIFEST_NAME = "mixing.json", "manifest.jsonl"
_NO_ROOM = "leave the files away (--no-audio): training and scores render the plan as they go"
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Built:
    """What a build came to: rows of the plan, mixtures written now and kept from before."""

    out: str
    manifest: str
    rows: int
    splits: dict[str, int]
    written: int
    kept: int


def fingerprint(root: Path, paths: Sequence[str]) -> str:
    """The names and sizes of files, as one hash: another set of files is another one."""
    lines = "".join(f"{path} {(root / path).stat().st_size}\n" for path in sorted(set(paths)))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_place(out: Path, record: Mapping[str, Any]) -> bool:
    """Whether `out` holds this very set, its plan finished; False where it is new or empty.

    Raises OutputError where it holds something else, UsageError where a set of other settings.
    """
    file = out / RECORD_NAME
    if not file.is_file():
        check_free(out)
        return False
    old = _read(file)
    changed = [f"{key}: {old.get(key)} -> {value}" for key, value in _flat(record).items() if old.get(key) != value]
    if changed:
        raise UsageError(
            f"{out} holds a set that was made otherwise ({', '.join(changed)})",
            do="give the same options to go on with it, or another folder",
        )
    return (out / MANIFEST_NAME).is_file()


def record_of(command: str, settings: Mapping[str, Any], sources: str) -> dict[str, Any]:
    return {"command": command, "settings": dict(settings), "sources": sources, "soli": __version__}


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"command": record["command"], **record["settings"], "source files": record["sources"][:12]}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def _read(file: Path) -> dict[str, Any]:
    try:
        return _flat(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged: {error}", do="build in another folder") from error


def begin(out: Path, record: Mapping[str, Any]) -> None:
    """Writes the record, before anything else: what a build that was stopped has left is known by it."""
    write_atomically(out / RECORD_NAME, json.dumps(record, indent=1) + "\n")


def keep_plan(out: Path, rows: Iterable[Row]) -> Manifest:
    """Writes the plan, whose paths start from `out`, and reads it again."""
    write_manifest(out / MANIFEST_NAME, rows)
    return read_manifest(out / MANIFEST_NAME)


def write_files(
    out: Path, manifest: Manifest, layout: Layout | None, *, workers: int = 1, watch: Watch = lambda done, total: None
) -> Built:
    """Writes the files of every row that lacks them, in as many processes; without a layout there are none to write.

    Raises OutputError before the first where the disk has too little room.
    """
    rows = manifest.rows
    left = [row for row in rows if not layout.whole(row, out)] if layout is not None else []
    if layout is not None and left:
        needed = sum(layout.size(row) for row in left)
        check_room(out, needed, what=f"{len(left)} mixtures", do=_NO_ROOM)
        before = len(rows) - len(left)
        watch(before, len(rows))
        with closing(mapped(_Write(layout, manifest.root, out), left, workers=workers, least=4)) as written:
            for done, _ in enumerate(written, start=before + 1):
                watch(done, len(rows))
    splits: dict[str, int] = {}
    for row in rows:
        splits[row.split] = splits.get(row.split, 0) + 1
    kept = len(rows) - len(left) if layout is not None else 0
    return Built(str(out), str(out / MANIFEST_NAME), len(rows), splits, len(left), kept)


@dataclass(frozen=True)
class _Write:
    """Writes the files of a row in a process of the pool."""

    layout: Layout
    root: Path
    out: Path

    def __call__(self, row: Row) -> None:
        self.layout.write(row, self.root, self.out)
