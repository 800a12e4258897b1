"""The parts of a comparison while it is made: who takes part, on what, and what judging each gave."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from soli.data.manifest import Manifest, read_manifest
from soli.evaluation.claim import check_folder
from soli.evaluation.comparison import Clip, Cost
from soli.evaluation.footprint import SECONDS
from soli.evaluation.line import Line
from soli.evaluation.selection import Selection, select
from soli.evaluation.subject import KMEANS2, MIXTURE, ORACLE, Subject

MARKS = (MIXTURE, ORACLE)
"""Subjects that are no methods: nothing about them is timed, and they are not the best."""

BASELINES = (*MARKS, KMEANS2)
"""Subjects that are no model files."""

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Entry:
    """Who is to be compared: what `evaluate` takes as `model`, under which name, and what is known of its training.

    `note`: what a reader has to know of it.
    """

    name: str
    model: str
    origin: str
    train_minutes: float | None = None
    note: str = ""

    @property
    def is_mark(self) -> bool:
        return self.model in MARKS


@dataclass
class Judged:
    """An entry with its subject, and what judging it gave."""

    entry: Entry
    subject: Subject
    lines: list[Line] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)
    clips: list[Clip] = field(default_factory=list)

    @property
    def done(self) -> set[str]:
        return {line.id for line in self.lines}

    def of(self, source: str) -> list[Line]:
        return [line for line in self.lines if line.source == source]

    def scored(self, source: str) -> list[Line]:
        """The lines of items where the source sounds among others."""
        return [line for line in self.of(source) if line.state == "scored"]


@dataclass(frozen=True)
class Contest:
    """What is the same for all: the data, the folder, the items."""

    data: Path
    selection: Selection
    out: Path
    limit: int | None = None
    workers: int | None = None
    threads: int = 1
    measured_s: float = SECONDS
    watch: Watch = lambda name, done, total: None

    @property
    def manifest(self) -> Manifest:
        """The manifest, with the rows that are scored alone."""
        return self.selection.manifest

    @property
    def ids(self) -> list[str]:
        return [row.id for row in self.manifest.rows[: self.limit]]


def contest_on(
    data: Path | str,
    out: Path | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    threads: int = 1,
    measured_s: float = SECONDS,
    watch: Watch = lambda name, done, total: None,
) -> Contest:
    """A contest on the rows of a manifest that may be held in the folder `out`.

    Args:
        split, limit, workers, threads: as of `evaluate`.
        measured_s: seconds of sound on which time and memory are measured.
        watch: called with an entry's name, the items done and wanted.

    Raises:
        UsageError: no such split, or `out` holds a comparison on another manifest or split.
        DataError: the manifest cannot be read.
        OutputError: `out` holds something that is no comparison.
    """
    selection = select(read_manifest(data), split)
    check_folder(Path(out), selection, Path(data))
    return Contest(Path(data), selection, Path(out), limit, workers, threads, measured_s, watch)
