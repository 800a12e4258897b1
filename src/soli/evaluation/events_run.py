"""`soli evaluate` of a model of sound events: clip by clip, in memory that their number hardly changes.

First the rows to validate on, where thresholds are tuned on them (`OUT/valid`), then those that are scored. Each clip
is written down as it is done; scores are taken of what was written, once all are.
"""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from soli.atomic import write_atomically
from soli.data.folds import VALID
from soli.data.manifest import Manifest, Row, read_manifest
from soli.errors import DataError, SoliError, UsageError
from soli.evaluation.events_item import Job
from soli.evaluation.events_line import ClipLine
from soli.evaluation.events_scores import sections, separated
from soli.evaluation.events_store import CLIPS, ClipStore
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.events_thresholds import ORIGINS, Origin, Thresholds, of_model, published, tuned_on
from soli.evaluation.events_truth import check_labels
from soli.evaluation.identity import SUMMARY, Identity
from soli.evaluation.line import FailedItem
from soli.evaluation.results import check_identity
from soli.evaluation.run import workers_of
from soli.evaluation.selection import ALL, Selection, select
from soli.metrics.bss import TAPS
from soli.modelfile import ModelInfo, read_model
from soli.pool import mapped
from soli.separation import zoo
from soli.version import __version__

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class EventsPlan:
    """Who is judged on what, all of it read; `tuning`: the rows to tune thresholds on, where that is asked for."""

    path: Path
    info: ModelInfo
    sha256: str
    data: Path
    selection: Selection
    origin: Origin
    tuning: tuple[Row, ...] = ()
    workers: int | None = None
    threads: int = 1
    families: tuple[str, ...] = ("si", "bss")

    @property
    def manifest(self) -> Manifest:
        return self.selection.manifest

    @cached_property
    def rate_hz(self) -> float:
        """Frames a second."""
        assert self.info.stft is not None, "checked when the file was read"
        return self.info.sample_rate / self.info.stft.hop

    def identity(self, families: tuple[str, ...], **settings: object) -> Identity:
        """All that figures of clips depend on."""
        return Identity(
            model=self.info.name,
            model_sha256=self.sha256,
            manifest=str(self.data),
            manifest_sha256=self.manifest.sha256,
            settings={**settings, "scores": list(families), "centre": True, "taps": TAPS},
            soli=__version__,
        )


@dataclass(frozen=True)
class EventsResult:
    """What was found, and the clips that it was found on."""

    plan: EventsPlan
    summary: EventsSummary
    lines: list[ClipLine]


def is_events_model(model: str) -> bool:
    """Whether a name or a path is that of a model of sound events. Raises as reading it does."""
    return read_model(zoo.path(model))[0].kind == "events"


def plan_events(
    model: str,
    data: Path | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    threads: int = 1,
    families: tuple[str, ...] = ("si", "bss"),
    thresholds: str | None = None,
) -> EventsPlan:
    """Reads and checks what a run needs.

    Args:
        thresholds: of ORIGINS; by default "valid" where the manifest has such rows and they are not scored, else
            "model".
        limit: only the first of the rows, of those to tune on as well.

    Raises:
        UsageError: no such model or split, labels that are no classes, or thresholds to be tuned on rows that the
            manifest has not, or that are scored.
        DataError: the manifest cannot be read.
    """
    path = zoo.path(model)
    info, content = read_model(path)
    manifest = read_manifest(data)
    selection = select(manifest, split)
    origin = _origin(thresholds, selection, manifest)
    tuning = tuple(manifest.split(VALID)[:limit]) if origin == "valid" else ()
    rows = selection.manifest.rows[:limit]
    check_labels([*rows, *tuning], info.estimated, model=info.name)
    if len({row.id for row in rows}) < len(rows):
        raise DataError("two rows of the manifest share an id", wanted="one id a row")
    selection = replace(selection, manifest=replace(selection.manifest, rows=rows))
    sha256 = hashlib.sha256(content).hexdigest()
    return EventsPlan(path, info, sha256, Path(data), selection, origin, tuning, workers, threads, families)


def _origin(asked: str | None, selection: Selection, manifest: Manifest) -> Origin:
    """Where thresholds come from. Raises UsageError."""
    origin = next((each for each in ORIGINS if each == asked), None)
    if asked is not None and origin is None:
        raise UsageError(f"thresholds {asked!r}", wanted=f"one of {', '.join(ORIGINS)}")
    there, judged = bool(manifest.split(VALID)), VALID in selection.splits
    if origin is None:
        return "valid" if there and not judged else "model"
    if origin == "valid" and not there:
        raise UsageError(
            f"thresholds are to be tuned, and the manifest has no rows of split {VALID}",
            wanted=f"a manifest with a split {VALID}",
            do="take those of the model file: --thresholds model",
        )
    if origin == "valid" and judged:
        scored = "all rows" if selection.name == ALL else f"split {VALID}"
        raise UsageError(
            f"thresholds are to be tuned on split {VALID}, and {scored} is scored",
            wanted="other rows to score: tuned on the same ones they would look better than they are",
            do="score another --split, or give --thresholds model",
        )
    return origin


def evaluate_events(plan: EventsPlan, out: Path, *, watch: Watch = lambda done, total: None) -> EventsResult:
    """Scores a plan into `out`: clips.jsonl, cells.npz, summary.json; goes on where an earlier call was stopped.

    `watch` is called with the clips done and wanted, those to tune on included.

    Raises:
        UsageError: `out` holds a run of something else.
        OutputError: `out` cannot be written.
        SoliError: none of the clips could be scored.
    """
    rows = list(plan.manifest.rows)
    total = len(rows) + len(plan.tuning)
    identity = plan.identity(plan.families, **plan.selection.settings, thresholds=plan.origin)
    check_identity(out, identity, lines=CLIPS)  # before the first clip is heard: tuning takes as long as scoring
    thresholds, failed = _thresholds(plan, out, lambda done: watch(done, total))
    with _store(plan, out, identity, rows, thresholds).opened() as store:
        failed += _judged(plan, rows, store, plan.families, lambda done: watch(len(plan.tuning) + done, total))
        lines = store.lines
        if not lines:
            raise SoliError(f"none of the {len(rows)} clips could be scored: {failed[0].id}: {failed[0].error}")
        summary = _summary(plan, identity, lines, store, thresholds, failed)
        write_atomically(out / SUMMARY, summary.model_dump_json(indent=1) + "\n")
    return EventsResult(plan, summary, lines)


def _thresholds(plan: EventsPlan, out: Path, watch: Callable[[int], None]) -> tuple[Thresholds, list[FailedItem]]:
    """The thresholds to score with, and rows to tune on that could not be judged."""
    if plan.origin == "published":
        return published(plan.info.estimated), []
    start = of_model(plan.info)
    if plan.origin == "model":
        return start, []
    rows = list(plan.tuning)
    with _store(plan, out / VALID, plan.identity((), splits=[VALID]), rows, start).opened() as store:
        failed = _judged(plan, rows, store, (), watch)
        if not store.lines:
            raise SoliError(f"none of the {len(rows)} clips to tune on could be judged: {failed[0].error}")
        return tuned_on(store.lines, store.cells, plan.info), failed


def _store(plan: EventsPlan, folder: Path, identity: Identity, rows: list[Row], thresholds: Thresholds) -> ClipStore:
    ids = [row.id for row in rows]
    return ClipStore(folder, identity, ids, classes=plan.info.estimated, thresholds=thresholds.cell)


def _judged(
    plan: EventsPlan, rows: list[Row], store: ClipStore, families: tuple[str, ...], watch: Callable[[int], None]
) -> list[FailedItem]:
    """Judges the rows that are left, into the store; returns what failed."""
    job = Job(plan.path, plan.info, plan.manifest.root, families, plan.threads)
    left = [row for row in rows if row.id not in store.done]
    failed = []
    watch(len(rows) - len(left))
    workers = workers_of(plan.workers, plan.threads)
    # Closed where a clip cannot be written, too: the processes would go on with the others.
    with closing(mapped(job, left, workers=workers, threads=plan.threads)) as items:
        for count, item in enumerate(items, start=len(rows) - len(left) + 1):
            if isinstance(item, FailedItem):
                failed.append(item)
            else:
                store.add(item)
            watch(count)
    return failed


def _summary(
    plan: EventsPlan,
    identity: Identity,
    lines: list[ClipLine],
    store: ClipStore,
    thresholds: Thresholds,
    failed: list[FailedItem],
) -> EventsSummary:
    audio_s, model_s = sum(line.duration_s for line in lines), sum(line.seconds for line in lines)
    return EventsSummary(
        run=identity,
        splits=plan.selection.splits,
        left_out=plan.selection.left_out,
        items=len(plan.manifest.rows),
        done=len(lines),
        failed=failed,
        strong=sum(line.events is not None for line in lines),
        frames_hz=plan.rate_hz,
        audio_s=round(audio_s, 3),
        model_s=round(model_s, 3),
        rtf=model_s / audio_s,
        classes=plan.info.estimated,
        thresholds=thresholds,
        sections=sections(lines, store.cells, thresholds, rate_hz=plan.rate_hz),
        separation=separated(lines),
    )
