"""From entries that are judged to the comparison itself: sorted, over the items that all did, with differences."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from soli.evaluation.comparison import Comparison, Entrant, Failed, Quality
from soli.evaluation.contest import Contest, Judged
from soli.evaluation.footprint import machine
from soli.evaluation.paired import difference, quality, snr_groups
from soli.evaluation.results import Line
from soli.metrics.arrays import Score
from soli.version import __version__

Scores = dict[str, Score]


def compared(
    finished: Sequence[Judged], contest: Contest, sources: list[str], lead: str, failed: list[Failed]
) -> Comparison:
    """The comparison of entries that are judged, over the items that all of them did."""
    done = set.intersection(*(each.done for each in finished))
    items = [item for item in contest.ids if item in done]
    order = sorted(finished, key=lambda each: _rank(each, lead, done), reverse=True)
    best = next((each for each in order if not each.entry.is_mark), None)
    groups, grouped_by = snr_groups([line for line in order[0].of(lead) if line.id in done])
    return Comparison(
        manifest=contest.data.name,
        manifest_sha256=contest.manifest.sha256,
        splits=contest.selection.splits,
        left_out=contest.selection.left_out,
        items=items,
        sources=sources,
        lead=lead,
        best=best.entry.name if best else None,
        entrants=[entrant(each, best, sources, lead, items) for each in order],
        failed=failed,
        groups=groups,
        grouped_by=grouped_by,
        measured_s=contest.measured_s,
        machine=machine(),
        notes=list(_notes(finished, contest, sources, items)),
        soli=__version__,
    )


def _rank(judged: Judged, lead: str, done: set[str]) -> float:
    mean = quality([line for line in judged.of(lead) if line.id in done]).improvements["si_sdr"].mean
    return float("-inf") if mean is None else mean


def entrant(judged: Judged, best: Judged | None, sources: list[str], lead: str, items: Sequence[str]) -> Entrant:
    """One line of the comparison, over `items`."""
    return Entrant(
        name=judged.entry.name,
        role="mark" if judged.entry.is_mark else "method",
        family=judged.info.family if judged.info else judged.subject.name,
        origin=judged.entry.origin,
        sample_rate=judged.info.sample_rate if judged.info else None,
        model_sha256=judged.subject.sha256,
        quality={source: _quality(judged, best, source, items) for source in sources},
        cost=judged.cost,
        items=_improvements(judged, lead, items),
        worst=judged.clips,
    )


def _quality(judged: Judged, best: Judged | None, source: str, items: Sequence[str]) -> Quality:
    wanted = set(items)
    found = quality([line for line in judged.of(source) if line.id in wanted])
    if best is None or best is judged:
        return found
    behind = difference(_scores(best, source, items), _scores(judged, source, items))
    return found.model_copy(update={"behind": behind})


def _scores(judged: Judged, source: str, items: Sequence[str]) -> Scores:
    """SI-SDR by item; that of the mixture is the same for all, so their difference is that of the improvements."""
    return _by_item(judged, source, items, lambda line: line.scores)


def _improvements(judged: Judged, source: str, items: Sequence[str]) -> Scores:
    return _by_item(judged, source, items, lambda line: line.improvement)


def _by_item(judged: Judged, source: str, items: Sequence[str], table: Callable[[Line], Mapping[str, Score]]) -> Scores:
    lines = {line.id: line for line in judged.of(source) if line.state == "scored"}
    return {item: table(lines[item]).get("si_sdr") for item in items if item in lines}


def _notes(finished: Sequence[Judged], contest: Contest, sources: list[str], items: Sequence[str]) -> Iterator[str]:
    """What a reader has to know besides the figures."""
    left = len(contest.ids) - len(items)
    if left:
        yield f"{left} of {len(contest.ids)} items are left out, for an entrant failed on them"
    trained = sum(row.split == "train" for row in contest.manifest.rows[: contest.limit])
    if trained:
        yield f"{trained} items are of the split train: who trained on them looks better here than it is"
    rate = max(row.sample_rate for row in contest.manifest.rows)
    yield from (each.entry.note for each in finished if each.entry.note)
    for each in finished:
        extra = [source for source in each.subject.sources if source not in sources]
        if extra and not each.entry.is_mark:
            yield f"{each.entry.name} also gives {', '.join(extra)}, which is not compared"
        if each.info is not None and each.info.sample_rate > rate:
            yield f"{each.entry.name} works at {each.info.sample_rate} Hz: the data, of {rate} Hz, are resampled for it"
