"""Several subjects judged on the same items, with what they cost: all that `soli compare` shows, as plain data."""

from collections.abc import Sequence

from soli.data.manifest import Manifest
from soli.errors import SoliError, UsageError
from soli.evaluation.claim import check_model
from soli.evaluation.clips import Clips, worst_lines, write_clips
from soli.evaluation.comparison import Clip, Comparison, Cost, Failed
from soli.evaluation.contest import Contest, Entry, Judged
from soli.evaluation.footprint import Footprint, footprint, machine
from soli.evaluation.identity import LINES, SCHEMA_VERSION
from soli.evaluation.kept import kept
from soli.evaluation.results import read_lines
from soli.evaluation.run import Plan, Summary, carry_out
from soli.evaluation.standing import compared
from soli.evaluation.subject import Subject, subject_of
from soli.version import __version__

LEAD = "voice"
"""The source that entrants are sorted by, where they have it; else their first."""


def compare(entries: Sequence[Entry], contest: Contest) -> Comparison:
    """Judges every entry on the same items into `OUT/NAME/`, measures what it costs, and writes its worst clips.

    An entry that does not fit the data or fails is named in `failed`, and the others go on; a rerun does what is left.

    Raises:
        UsageError: two entries of one name, no source in common, or no entry fits the data.
        ModelFileError: no entry fits, and the first one's model file cannot be used.
        OutputError: the folder cannot be written.
        SoliError: no entry could be judged.
    """
    check_names([entry.name for entry in entries])
    failed: list[Failed] = []
    judged = fitting(entries, contest, failed)
    sources = common_sources([each.subject for each in judged])
    lead = LEAD if LEAD in sources else sources[0]
    finished = [each for each in judged if _finished(each, contest, lead, failed)]
    if not finished:
        raise SoliError(f"nothing could be compared: {failed[0].name}: {failed[0].error}")
    return compared(finished, contest, sources, lead, failed)


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


def fitting(entries: Sequence[Entry], contest: Contest, failed: list[Failed]) -> list[Judged]:
    """The entries that can be judged on these data; the others are added to `failed`. Raises what is wrong with all."""
    found, errors = [], []
    for entry in entries:
        try:
            subject = subject_of(entry.model, contest.manifest, threads=contest.threads)
            check_rate(entry.name, subject, contest.manifest)
        except SoliError as error:
            errors.append(error)
            failed.append(Failed(name=entry.name, error=str(error)))
        else:
            found.append(Judged(entry, subject))
    if not found:
        raise errors[0]
    return found


def check_rate(name: str, subject: Subject, manifest: Manifest) -> None:
    """Raises UsageError where a model's rate is below that of the data: it cannot give what lies above."""
    rate, info = max(row.sample_rate for row in manifest.rows), subject.info
    if info is not None and info.sample_rate < rate:
        raise UsageError(
            f"the data have {rate} Hz, and the rate of {name} ({info.sample_rate} Hz) is below that",
            wanted="models of the data's rate",
            do="leave it out, or give data of its rate",
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
    name, folder = judged.entry.name, contest.out / judged.entry.name
    check_model(folder, judged.subject, judged.entry.origin)
    plan = Plan(judged.subject, contest.selection, contest.data, limit=contest.limit, workers=contest.workers)
    summary = carry_out(plan, folder, watch=lambda done, total: contest.watch(name, done, total))
    wanted = set(contest.ids)
    judged.lines = [line for line in read_lines(folder / LINES) if line.id in wanted]
    return summary


def _identity(judged: Judged, contest: Contest) -> dict[str, object]:
    return {
        "model": judged.subject.name,
        "model_sha256": judged.subject.sha256,
        "manifest_sha256": contest.manifest.sha256,
        **contest.selection.settings,
        "version": SCHEMA_VERSION,
        "soli": __version__,
    }


def _cost(judged: Judged, contest: Contest) -> Cost:
    if judged.entry.is_mark:
        return Cost()
    # Of one machine each, so that those of two are never in one column.
    source = {**_identity(judged, contest), "seconds": contest.measured_s, "machine": machine()}
    measured = kept(
        contest.out / judged.entry.name / "footprint.json",
        Footprint,
        source,
        lambda: footprint(judged.entry.model, contest.data, split=contest.selection.name, seconds=contest.measured_s),
    )
    info = judged.subject.info
    return Cost(
        parameters=info.parameters if info else None,
        macs_per_s=info.macs_per_s if info else None,
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
