"""From entries that are judged to the comparison itself: sorted, over the items that all did, with differences.

Rank, best and distance behind it are of one quantity on one set of items: the improvement of the lead source's SI-SDR
over the items where it sounds among others for every entrant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soli.evaluation.comparison import Comparison, Entrant, Failed, Quality
from soli.evaluation.contest import Contest, Judged
from soli.evaluation.footprint import machine
from soli.evaluation.groups import group_key
from soli.evaluation.line import Line
from soli.evaluation.paired import difference, quality, snr_groups
from soli.version import __version__


@dataclass(frozen=True)
class Field:
    """Those who are compared, with the items of each source that are scored for all of them.

    `claims`: how many pairs of methods there are. Any of them could have come out as the best and one behind it.
    """

    finished: Sequence[Judged]
    items: Sequence[str]
    sources: Sequence[str]
    lead: str

    def scored(self, judged: Judged, source: str) -> list[Line]:
        """The lines of one, over the items where the source is scored for all."""
        shared = set.intersection(*({line.id for line in each.scored(source)} for each in self.finished))
        lines = {line.id: line for line in judged.scored(source)}
        return [lines[item] for item in self.items if item in shared]

    def gains(self, judged: Judged, source: str) -> dict[str, float]:
        """SI-SDR improvement by item."""
        gains = {line.id: line.counted_gain("si_sdr") for line in self.scored(judged, source)}
        return {item: gain for item, gain in gains.items() if gain is not None}

    def groups(self, source: str) -> tuple[str, dict[str, str]]:
        """The meta key by which items hang together with each item's value; empty where there is none."""
        lines = self.scored(self.finished[0], source)
        key = group_key(lines)
        return ("", {}) if key is None else (key, {line.id: str(line.meta[key]) for line in lines})

    @property
    def claims(self) -> int:
        methods = sum(not each.entry.is_mark for each in self.finished)
        return max(1, methods * (methods - 1) // 2)

    @property
    def order(self) -> list[Judged]:
        """The best first."""
        return sorted(self.finished, key=self._mean, reverse=True)

    def _mean(self, judged: Judged) -> float:
        gains = list(self.gains(judged, self.lead).values())
        return float(np.mean(gains)) if gains else float("-inf")


def compared(
    finished: Sequence[Judged], contest: Contest, sources: list[str], lead: str, failed: list[Failed]
) -> Comparison:
    """The comparison of entries that are judged, over the items that all of them did."""
    done = set.intersection(*(each.done for each in finished))
    field = Field(finished, [item for item in contest.ids if item in done], sources, lead)
    order = field.order
    best = next((each for each in order if not each.entry.is_mark), None)
    groups, grouped_by = snr_groups(field.scored(order[0], lead))
    interval_by, named = field.groups(lead)
    return Comparison(
        manifest=contest.data.name,
        manifest_sha256=contest.manifest.sha256,
        splits=contest.selection.splits,
        left_out=contest.selection.left_out,
        items=list(field.items),
        sources=sources,
        lead=lead,
        best=best.entry.name if best else None,
        entrants=[entrant(each, best, field) for each in order],
        failed=failed,
        groups=groups,
        grouped_by=grouped_by,
        claims=field.claims,
        interval_by=interval_by,
        interval_groups=len(set(named.values())),
        measured_s=contest.measured_s,
        machine=machine(),
        notes=list(_notes(finished, contest, sources, field.items)),
        soli=__version__,
    )


def entrant(judged: Judged, best: Judged | None, field: Field) -> Entrant:
    """One line of the comparison."""
    info = judged.subject.info
    return Entrant(
        name=judged.entry.name,
        role="mark" if judged.entry.is_mark else "method",
        family=info.family if info else judged.subject.name,
        origin=judged.entry.origin,
        sample_rate=info.sample_rate if info else None,
        model_sha256=judged.subject.sha256,
        quality={source: _quality(judged, best, source, field) for source in field.sources},
        cost=judged.cost,
        items=field.gains(judged, field.lead),
        worst=judged.clips,
    )


def _quality(judged: Judged, best: Judged | None, source: str, field: Field) -> Quality:
    found = quality(field.scored(judged, source))
    if best is None or best is judged:
        return found
    _, groups = field.groups(source)
    behind = difference(field.gains(best, source), field.gains(judged, source), groups or None, claims=field.claims)
    return found.model_copy(update={"behind": behind})


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
        if each.subject.interchangeable:
            yield f"{each.entry.name} does not say which estimate is which: each item is scored in its best order"
        extra = [source for source in each.subject.sources if source not in sources]
        if extra and not each.entry.is_mark:
            yield f"{each.entry.name} also gives {', '.join(extra)}, which is not compared"
        info = each.subject.info
        if info is not None and info.sample_rate > rate:
            yield f"{each.entry.name} works at {info.sample_rate} Hz: the data, of {rate} Hz, are resampled for it"
