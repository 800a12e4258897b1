"""The journal of an output folder: what was done there, from what, so that a rerun does only what is left.

`.soli-journal.jsonl` holds a JSON object a line, each on the disk before the next step. One file goes through three
states: "begun" (its outputs may lie there under temporary names), "written" (all stems are whole, renaming starts) and
"done". Paths are relative to the output folder, which may therefore be moved.

The lines are plain dataclasses: file names that are not valid UTF-8 are strings that pydantic does not take.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from soli.atomic import cannot_write
from soli.errors import OutputError
from soli.separation.record import Record, read_record

NAME = ".soli-journal.jsonl"
SCHEMA = 2
NO_FILE = -1


@dataclass(frozen=True)
class Output:
    """One file, to be written or written: its path below the output folder, what it depends on (see `key_of`), its
    size in bytes, and the time of writing. One that there was nothing to put into has the size NO_FILE."""

    path: str
    key: str = ""
    size: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True)
class Entry:
    """One line of the journal. `record` is what the run reported about the file; there is none when it has begun."""

    state: Literal["begun", "written", "done"]
    folder: str
    outputs: dict[str, Output] = field(default_factory=dict)
    record: Record | None = None
    schema: int = SCHEMA

    def output(self, path: Path) -> Output:
        """The output of this path. Raises KeyError where there is none."""
        return {each.path: each for each in self.outputs.values()}[path.as_posix()]

    def newest_ns(self) -> int:
        """When the last of its outputs was written."""
        return max((each.mtime_ns for each in self.outputs.values()), default=0)


def file_key(path: Path) -> tuple[object, ...]:
    """What tells whether a file is the same as before: path, size, time. Raises OSError where it is not there."""
    stat = path.stat()
    return (str(path.resolve()), stat.st_size, stat.st_mtime_ns)


def key_of(source: Sequence[object], *, model_sha256: str, options: dict[str, Any]) -> str:
    """What a stem depends on, as one sha256: its source (`file_key`, or a hash of bytes), the model, the options."""
    parts = [*source, model_sha256, options]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("ascii")).hexdigest()


class Journal:
    """Reads the journal of the folder `out`, and appends to it. Raises OutputError where the folder does not let it."""

    def __init__(self, out: Path) -> None:
        self.path = out / NAME
        self._begun: dict[str, set[tuple[str, str]]] = {}  # by folder, the names and paths of outputs
        self._finished: dict[str, Entry] = {}  # by the path of an output, the newest entry that has it
        self._torn = False
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise OutputError(
                f"cannot read {self.path}: {error.strerror}", do="give another output folder (--out)"
            ) from error
        self._torn = bool(data) and not data.endswith(b"\n")
        for line in data.splitlines():
            entry = _parse(line)
            if entry is not None:
                self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        if entry.state == "begun":
            begun = self._begun.setdefault(entry.folder, set())
            begun.update((name, output.path) for name, output in entry.outputs.items())
            return
        self._finished.update({output.path: entry for output in entry.outputs.values()})
        if entry.state == "done":
            self._begun.pop(entry.folder, None)

    def finished(self, path: Path) -> Entry | None:
        """The newest "written" or "done" entry of a file below the output folder, if there is one."""
        return self._finished.get(path.as_posix())

    def stems(self) -> set[Path]:
        """The paths of all files that finished runs wrote, from where the journal's own path starts."""
        return {self.path.parent / path for path in self._finished}

    def unfinished(self) -> dict[Path, list[tuple[str, Path]]]:
        """The folders in which a run was stopped in the middle: the outputs that it had begun, by name and path."""
        return {
            Path(folder): [(name, Path(path)) for name, path in sorted(self._begun[folder])]
            for folder in sorted(self._begun)
        }

    def append(self, entry: Entry) -> None:
        """Writes one line, on the disk when this returns. Raises OutputError where that fails."""
        line = json.dumps(asdict(entry)).encode("ascii") + b"\n"
        try:
            with self.path.open("ab") as file:
                file.write(b"\n" + line if self._torn else line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._torn = True
            raise cannot_write(self.path, error, do="free space, or give another output folder (--out)") from error
        self._torn = False
        self._remember(entry)


def _parse(line: bytes) -> Entry | None:
    """The entry of one line; None where a killed run left half a line, or another version wrote it: it is not known."""
    try:
        fields = json.loads(line)
        if fields["schema"] != SCHEMA:
            return None
        outputs = {name: Output(**each) for name, each in fields.pop("outputs").items()}
        record = fields.pop("record")
        entry = Entry(**fields, outputs=outputs, record=None if record is None else read_record(record))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return entry if _is_sound(entry) else None


def _is_sound(entry: Entry) -> bool:
    """Whether all that will be relied on is of its type, and a finished entry has its record."""
    words = [entry.folder, *(word for each in entry.outputs.values() for word in (each.path, each.key))]
    numbers = [number for each in entry.outputs.values() for number in (each.size, each.mtime_ns)]
    return (
        entry.state in (("begun",) if entry.record is None else ("written", "done"))
        and all(isinstance(word, str) for word in words)
        and all(isinstance(number, int) for number in numbers)
    )
