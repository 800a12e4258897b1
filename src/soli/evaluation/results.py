"""The results of a run: a folder with who was judged on what (`run.json`) and a line an item and source.

Numbers that JSON lacks are written as the strings "Infinity" and "-Infinity", which `float` of Python and `Number` of
JavaScript read back; a score that is not defined is null.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from soli.atomic import cannot_write, write_atomically
from soli.errors import DataError, OutputError, UsageError
from soli.evaluation.identity import LINES, RUN, Identity
from soli.evaluation.line import Line
from soli.separation.outfolder import held


class Results:
    """The folder of a run, to read what is there and to add what is left."""

    def __init__(self, folder: Path, identity: Identity, sources: tuple[str, ...]) -> None:
        self.folder, self.identity, self.sources = folder, identity, sources
        self.lines: list[Line] = []

    @contextmanager
    def opened(self) -> Iterator["Results"]:
        """Holds the folder against other runs, checks that it is this run's, and reads the items that are whole.

        Raises:
            UsageError: the folder holds results of another model, manifest or settings: it says which.
            OutputError: the folder cannot be written, another process writes to it, or it is not a run's.
        """
        with held(self.folder):
            check_identity(self.folder, self.identity, lines=LINES)
            self.lines = self._whole(self._read())
            write_atomically(self.folder / RUN, self.identity.model_dump_json(indent=2) + "\n")
            write_atomically(self.folder / LINES, "".join(line.model_dump_json() + "\n" for line in self.lines))
            yield self

    @property
    def done(self) -> set[str]:
        """The ids of the items that are whole."""
        return {line.id for line in self.lines}

    def append(self, lines: list[Line]) -> None:
        """Adds one item, on the disk when this returns; raises OutputError where that fails."""
        try:
            with (self.folder / LINES).open("a", encoding="utf-8") as file:
                file.write("".join(line.model_dump_json() + "\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.folder / LINES, error, do="give another --out") from error
        self.lines.extend(lines)

    def _read(self) -> list[Line]:
        path = self.folder / LINES
        return list(read_lines(path)) if path.exists() else []

    def _whole(self, lines: list[Line]) -> list[Line]:
        """The lines of items of which every source is there: a killed run may have left a part of one."""
        found: dict[str, dict[str, Line]] = {}
        for line in lines:
            found.setdefault(line.id, {})[line.source] = line
        return [line for item in found.values() if set(item) == set(self.sources) for line in item.values()]


def check_identity(folder: Path, identity: Identity, *, lines: str) -> None:
    """Raises UsageError where a folder holds a run of something else, OutputError where it holds `lines` of no run."""
    run = folder / RUN
    if not run.exists():
        if (folder / lines).exists():
            raise OutputError(f"{folder} holds {lines} but no {RUN}", do="give another --out")
        return
    try:
        before = Identity.model_validate_json(run.read_bytes())
    except ValidationError as error:
        raise OutputError(f"{run} is not the record of a run of soli evaluate", do="give another --out") from error
    changed = before.differences(identity)
    if changed:
        raise UsageError(
            f"{folder} holds the results of another run: changed {', '.join(changed)}",
            do="give another --out, or remove the folder to start anew",
        )


def read_lines(path: Path) -> Iterator[Line]:
    """Reads results; half a line at the end, which a killed run may have left, is passed over. Raises DataError."""
    content = path.read_bytes()
    complete, _, _torn = content.rpartition(b"\n")
    for number, text in enumerate(complete.splitlines(), start=1):
        try:
            yield Line.model_validate_json(text)
        except ValidationError as error:
            raise DataError(
                f"{path} line {number} is not a result: {error.errors()[0]['msg']}",
                do="remove the line, and run soli evaluate again",
            ) from error


def in_order(lines: Iterable[Line], ids: list[str]) -> list[Line]:
    """The lines in the order of the ids, whatever order they were done in; those of other ids are left out."""
    place = {name: index for index, name in enumerate(ids)}
    return sorted((line for line in lines if line.id in place), key=lambda line: place[line.id])


def as_json(value: BaseModel) -> dict[str, Any]:
    """The value as plain JSON data, infinities as strings."""
    found: dict[str, Any] = json.loads(value.model_dump_json())
    return found
