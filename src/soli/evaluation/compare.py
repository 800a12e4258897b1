"""Several subjects judged on the same items, with what they cost: all that `soli compare` shows, as plain data."""

from collections.abc import Sequence
from pathlib import Path

from soli.data.manifest import Manifest, read_manifest
from soli.errors import SoliError, UsageError
from soli.evaluation.claim import check_folder
from soli.evaluation.clips import Clips, worst_lines, write_clips
from soli.evaluation.comparison import Clip, Comparison, Cost, Failed
from soli.evaluation.contest import Contest, Entry, Judged, Watch
from soli.evaluation.footprint import SECONDS, Footprint, footprint
from soli.evaluation.kept import kept
from soli.evaluation.results import LINES, read_lines
from soli.evaluation.run import Summary, evaluate
from soli.evaluation.selection import select
from soli.evaluation.standing import compared
from soli.evaluation.subject import Subject, subject_of
from soli.modelfile import read_model
from soli.version import __version__

LEAD = "voice"
"""The source that entrants are sorted by, where they have it; else their first."""


def compare(
    entries: Sequence[Entry],
    data: Path | str,
    out: Path | str,
    *,
    split: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    threads: int = 1,
    measured_s: float = SECONDS,
    watch: Watch = lambda name, done, total: None,
) -> Comparison:
    """Judges every entry on the same items into `out/NAME/`, measures what it costs, and writes its worst clips.

    An entry that fails is named in `failed`, and the others go on; a rerun does what is left.

    Args:
        split, limit, workers, threads: as of `evaluate`.
        measured_s: seconds of sound on which time and memory are measured.
        watch: called with an entry's name, the items done and wanted.

    Raises:
        UsageError: two entries of one name, no such split, no source in common, a model below the rate of the data,
            or `out` holds a comparison on another manifest or split.
        DataError: the manifest cannot be read.
        OutputError: `out` holds something that is no comparison.
        SoliError: no entry could be judged.
    """
    selection = select(read_manifest(data), split)
    contest = Contest(Path(data), selection, Path(out), limit, workers, threads, measured_s, watch)
    judged = [judged_of(entry, contest.manifest) for entry in entries]
    check_names([entry.name for entry in entries])
    sources = common_sources([each.subject for each in judged])
    check_rates(judged, contest.manifest)
    check_folder(contest.out, selection, contest.data)
    lead = LEAD if LEAD in sources else sources[0]
    failed: list[Failed] = []
    finished = [each for each in judged if _finished(each, contest, lead, failed)]
    if not finished:
        raise SoliError(f"nothing could be compared: {failed[0].name}: {failed[0].error}")
    return compared(finished, contest, sources, lead, failed)


def judged_of(entry: Entry, manifest: Manifest) -> Judged:
    """The entry with its subject and, for a model, its card. Raises UsageError and ModelFileError."""
    subject = subject_of(entry.model, manifest)
    return Judged(entry, subject, read_model(subject.path)[0] if subject.path else None)


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError where two entries have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two entries are called {', '.join(twice)}", wanted="one name each", do="rename a folder")


def common_sources(subjects: Sequence[Subject]) -> list[str]:
    """The sources that all subjects give, in the order of the first; raises UsageError where there are none."""
    shared = [source for source in subjects[0].sources if all(source in each.sources for each in subjects)]
    if not shared:
        lists = "; ".join(f"{each.name}: {', '.join(each.sources)}" for each in subjects)
        raise UsageError(f"no source in common ({lists})", do="compare models of the same sources")
    return shared


def check_rates(judged: Sequence[Judged], manifest: Manifest) -> None:
    """Raises UsageError where a model's rate is below that of the data: it cannot give what lies above."""
    rate = max(row.sample_rate for row in manifest.rows)
    low = [
        f"{each.entry.name} ({each.info.sample_rate} Hz)"
        for each in judged
        if each.info is not None and each.info.sample_rate < rate
    ]
    if low:
        raise UsageError(
            f"the data have {rate} Hz, and the rate of {', '.join(low)} is below that",
            wanted="models of the data's rate",
            do="leave them out, or give data of their rate",
        )


def _finished(judged: Judged, contest: Contest, lead: str, failed: list[Failed]) -> bool:
    """Judges one entry; what fails is added to `failed`."""
    name = judged.entry.name
    try:
        summary = _evaluated(judged, contest)
        failed += [Failed(name=name, error=f"{item.id}: {item.error}") for item in summary.failed]
        if not judged.lines:
            raise SoliError("no item could be judged")
        judged.cost = _cost(judged, contest)
        if not judged.entry.is_mark:
            judged.clips = _clips(judged, contest, lead)
    except SoliError as error:
        failed.append(Failed(name=name, error=str(error)))
        return False
    return True


def _evaluated(judged: Judged, contest: Contest) -> Summary:
    entry, folder = judged.entry, contest.out / judged.entry.name
    summary = evaluate(
        entry.model,
        contest.data,
        folder,
        split=contest.selection.name,
        limit=contest.limit,
        workers=contest.workers,
        threads=contest.threads,
        watch=lambda done, total: contest.watch(entry.name, done, total),
    )
    wanted = set(contest.ids)
    judged.lines = [line for line in read_lines(folder / LINES) if line.id in wanted]
    return summary


def _identity(judged: Judged, contest: Contest) -> dict[str, object]:
    return {
        "model": judged.subject.name,
        "model_sha256": judged.subject.sha256,
        "manifest_sha256": contest.manifest.sha256,
        **contest.selection.settings,
        "soli": __version__,
    }


def _cost(judged: Judged, contest: Contest) -> Cost:
    if judged.entry.is_mark:
        return Cost()
    source = {**_identity(judged, contest), "seconds": contest.measured_s}
    measured = kept(
        contest.out / judged.entry.name / "footprint.json",
        Footprint,
        source,
        lambda: footprint(judged.entry.model, contest.data, split=contest.selection.name, seconds=contest.measured_s),
    )
    return Cost(
        parameters=judged.info.parameters if judged.info else None,
        macs_per_s=judged.info.macs_per_s if judged.info else None,
        rtf=measured.rtf,
        peak_mb=measured.peak_mb,
        train_minutes=judged.entry.train_minutes,
    )


def _clips(judged: Judged, contest: Contest, lead: str) -> list[Clip]:
    worst = worst_lines(judged.of(lead))
    folder = f"worst/{judged.entry.name}"
    source = {**_identity(judged, contest), "lead": lead, "items": [line.id for line in worst]}
    found = kept(
        contest.out / folder / "clips.json",
        Clips,
        source,
        lambda: write_clips(worst, judged.subject, contest.manifest, out=contest.out, folder=folder),
    )
    return found.clips
