"""`soli evaluate`: a model on a manifest, item by item, in one process or several; a rerun does what is left."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from soli.atomic import write_atomically
from soli.data.manifest import Row, read_manifest
from soli.data.render import render
from soli.errors import DataError, SoliError, UsageError
from soli.evaluation.aggregate import SourceSummary, summarise
from soli.evaluation.identity import SUMMARY, Identity
from soli.evaluation.line import FailedItem, Line
from soli.evaluation.results import Results, in_order
from soli.evaluation.scoring import FAMILIES, judge
from soli.evaluation.selection import Selection, select
from soli.evaluation.subject import Subject, subject_of
from soli.metrics.bss import TAPS
from soli.pool import mapped
from soli.separation.runtime import available_threads
from soli.version import __version__

MOST_WORKERS = 8

Watch = Callable[[int, int], None]


class Summary(BaseModel):
    """What a run came to: who, on what, how many items, how fast, and the scores of every source.

    `splits`: those that the items are of; `left_out`: rows of others. `rtf`: time of separation over duration of
    sound, inside one worker. `failed` items have no lines; a rerun tries them again.
    """

    model_config = ConfigDict(ser_json_inf_nan="strings")

    run: Identity
    splits: list[str] = []
    left_out: int = 0
    items: int
    done: int
    failed: list[FailedItem]
    audio_s: float
    separation_s: float
    rtf: float | None
    sources: dict[str, SourceSummary]


@dataclass(frozen=True)
class Job:
    """What a worker needs besides the row."""

    subject: Subject
    root: Path
    families: tuple[str, ...]

    def __call__(self, row: Row) -> list[Line] | FailedItem:
        """Renders, separates and scores one item."""
        try:
            return judge(row, render(row, self.root), self.subject, self.families)
        except SoliError as error:
            return FailedItem(id=row.id, error=str(error))


@dataclass(frozen=True)
class Plan:
    """Who is judged on what, all of it read: `data` is what the manifest is called."""

    subject: Subject
    selection: Selection
    data: Path
    limit: int | None = None
    workers: int | None = None
    families: tuple[str, ...] = ("si", "bss")

    @property
    def rows(self) -> list[Row]:
        """The rows to score; raises DataError where two have one id."""
        rows = list(self.selection.manifest.rows[: self.limit])
        ids = {row.id for row in rows}
        if len(ids) < len(rows):
            raise DataError(f"{len(rows)} rows of the manifest share {len(ids)} ids", wanted="one id a row")
        return rows

    @property
    def identity(self) -> Identity:
        """All that the figures depend on."""
        subject = self.subject
        settings = {
            **self.selection.settings,
            "scores": list(self.families),
            "centre": True,
            "taps": TAPS,
            "ceiling": f"ratio mask {subject.stft.n_fft}/{subject.stft.hop} {subject.stft.window}"
            f" at {subject.stft_rate} Hz",
        }
        if subject.interchangeable:
            settings["order"] = "the best of each item, by SI-SDR"
        return Identity(
            model=subject.name,
            model_sha256=subject.sha256,
            manifest=str(self.data),
            manifest_sha256=self.selection.manifest.sha256,
            settings=settings,
            soli=__version__,
        )


def evaluate(
    model: str,
    data: Path | str,
    out: Path | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    threads: int = 1,
    families: tuple[str, ...] = ("si", "bss"),
    watch: Watch = lambda done, total: None,
) -> Summary:
    """Judges a model on the rows of a manifest and writes `results.jsonl` and `summary.json` into `out`.

    Args:
        model: a shipped model's name, a path to a model file, "mixture", "kmeans2" or "oracle".
        split: of which rows; by default `test` where the manifest has it, else all; "all": all.
        limit: only the first of them; a later run with more goes on from there.
        workers: processes, by default one a core, 8 at most; `threads` of the network in each.
        families: of FAMILIES.
        watch: called with the items done and wanted, after each.

    Raises:
        UsageError: no such model or split, no source in common, or `out` holds a run of something else.
        DataError: the manifest cannot be read.
        OutputError: `out` cannot be written.
    """
    selection = select(read_manifest(data), split)
    subject = subject_of(model, selection.manifest, threads=threads)
    return carry_out(Plan(subject, selection, Path(data), limit, workers, families), Path(out), watch=watch)


def carry_out(plan: Plan, out: Path, *, watch: Watch = lambda done, total: None) -> Summary:
    """`evaluate`, of what is known and read already."""
    if not plan.families or set(plan.families) - set(FAMILIES):
        raise UsageError(f"scores {plan.families}", wanted=f"some of {', '.join(FAMILIES)}")
    rows = plan.rows
    with Results(out, plan.identity, plan.subject.sources).opened() as results:
        left = [row for row in rows if row.id not in results.done]
        # Closed where an item cannot be written, too: the processes would go on with the others.
        with closing(_judged(plan, left)) as items:
            failed = _kept(items, results, lambda count: watch(len(rows) - len(left) + count, len(rows)))
        lines = in_order(results.lines, [row.id for row in rows])
        summary = _summary(plan, lines, failed)
        write_atomically(out / SUMMARY, summary.model_dump_json(indent=1) + "\n")
    return summary


def _kept(items: Iterable[list[Line] | FailedItem], results: Results, watch: Callable[[int], None]) -> list[FailedItem]:
    """Writes down what was judged, as it comes; returns what failed."""
    failed = []
    for count, item in enumerate(items, start=1):
        if isinstance(item, FailedItem):
            failed.append(item)
        else:
            results.append(item)
        watch(count)
    return failed


def _summary(plan: Plan, lines: list[Line], failed: list[FailedItem]) -> Summary:
    done = {line.id: line for line in lines}
    audio_s = sum(line.duration_s for line in done.values())
    separation_s = sum(line.seconds for line in done.values())
    return Summary(
        run=plan.identity,
        splits=plan.selection.splits,
        left_out=plan.selection.left_out,
        items=len(plan.rows),
        done=len(done),
        failed=failed,
        audio_s=round(audio_s, 3),
        separation_s=round(separation_s, 3),
        rtf=separation_s / audio_s if audio_s else None,
        sources=summarise(lines),
    )


def _judged(plan: Plan, rows: list[Row]) -> Generator[list[Line] | FailedItem, None, None]:
    """The items in order, by as many processes as asked for; one works in this process."""
    job = Job(plan.subject, plan.selection.manifest.root, plan.families)
    threads = plan.subject.threads or 1
    return mapped(job, rows, workers=workers_of(plan.workers, threads), threads=threads)


def workers_of(asked: int | None, threads: int) -> int:
    """How many processes of so many threads: those that were asked for, or one a core, MOST_WORKERS at most."""
    return asked if asked is not None else min(max(1, available_threads() // threads), MOST_WORKERS)
