"""One item judged: its estimates, the mixture as floor and the ideal mask as ceiling, scored alike."""

import time
from dataclasses import dataclass

from soli.data.manifest import Row
from soli.data.render import Rendered
from soli.errors import UsageError, near
from soli.evaluation.line import FRAMEWISE, Line
from soli.evaluation.oracle import mixture_estimates
from soli.evaluation.subject import Subject
from soli.metrics import si
from soli.metrics.arrays import Score, difference
from soli.metrics.bss import TAPS, BssEval
from soli.metrics.silence import State, leakage_dbfs, states_of
from soli.types import Array

FAMILIES = ("si", "bss", "bss4")
"""si: SI-SDR and its relatives. bss: BSS eval version 3. bss4: version 4, the median over windows of one second."""

Table = list[dict[str, Score]]


def families_of(text: str) -> tuple[str, ...]:
    """Reads "si,bss" into families of scores, in the order of FAMILIES; raises UsageError for an unknown one."""
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    for word in wanted:
        if word not in FAMILIES:
            raise UsageError(
                f"unknown scores {word!r}", wanted=f"some of {', '.join(FAMILIES)}", do=near(word, FAMILIES)
            )
    if not wanted:
        raise UsageError("no scores are asked for", wanted=f"some of {', '.join(FAMILIES)}")
    return tuple(family for family in FAMILIES if family in wanted)


def judge(row: Row, rendered: Rendered, subject: Subject, families: tuple[str, ...]) -> list[Line]:
    """Separates and scores one item: a line a source.

    Estimates of interchangeable sources are scored in the order with the best SI-SDR, by all metrics alike.
    """
    references = subject.references(rendered)
    started = time.perf_counter()
    estimates = subject.estimates(rendered, references)
    seconds = time.perf_counter() - started
    separated = Separated(
        subject.sources,
        references,
        subject.in_order(references, estimates),
        rendered.mixture,
        subject.ceiling(rendered, references),
        rendered.sample_rate,
    )
    return scored(row, separated, families, seconds=seconds)


@dataclass(frozen=True)
class Separated:
    """An item taken apart: references, estimates and what an ideal mask gives (S, C, T), of a mixture (C, T)."""

    sources: tuple[str, ...]
    references: Array
    estimates: Array
    mixture: Array
    ceiling: Array
    sample_rate: int


def scored(row: Row, item: Separated, families: tuple[str, ...], *, seconds: float) -> list[Line]:
    """A line a source: the scores of the estimates, and of the mixture and the ideal mask beside them."""
    floor = mixture_estimates(item.references, item.mixture)
    judges = _Judges(item.references, item.sample_rate, families)
    tables = [judges.scores(each) for each in (item.estimates, floor, item.ceiling)]
    leaks = [leakage_dbfs(each) for each in (item.estimates, floor)]
    states = states_of(item.references)
    return [
        Line(
            id=row.id,
            source=source,
            state=states[index],
            scores=tables[0][index],
            mixture=tables[1][index],
            improvement=_improvement(tables[0][index], tables[1][index], states[index]),
            ceiling=tables[2][index],
            leakage_dbfs=leaks[0][index] if states[index] == "silent" else None,
            mixture_leakage_dbfs=leaks[1][index] if states[index] == "silent" else None,
            duration_s=row.duration_s,
            seconds=round(seconds, 4),
            meta=row.meta,
        )
        for index, source in enumerate(item.sources)
    ]


def _improvement(scores: dict[str, Score], floor: dict[str, Score], state: State) -> dict[str, Score]:
    """Score minus that of the mixture; None where the source was alone, so that the mixture was already right."""
    return {name: None if state == "alone" else difference(score, floor.get(name)) for name, score in scores.items()}


class _Judges:
    """The scores asked for, of any estimates of one item: what depends on the references alone is done once."""

    def __init__(self, references: Array, sample_rate: int, families: tuple[str, ...]) -> None:
        self.references, self.sample_rate, self.families = references, sample_rate, families
        self.bss = BssEval(references, taps=TAPS) if {"bss", "bss4"} & set(families) else None

    def scores(self, estimates: Array) -> Table:
        """The scores of each source of (S, C, T), by name; empty for a silent reference."""
        columns: dict[str, list[Score]] = {}
        if "si" in self.families:
            columns.update(si.evaluate(self.references, estimates))
        if self.bss is not None and "bss" in self.families:
            found = self.bss.score(estimates, permute=False)
            columns.update({"sdr": found.sdr, "sir": found.sir, "sar": found.sar})
        if self.bss is not None and "bss4" in self.families:
            framed = self.bss.score_framewise(estimates, window=self.sample_rate, hop=self.sample_rate)
            columns.update({f"{name}{FRAMEWISE}": values for name, values in framed.medians().items()})
        return [{name: values[index] for name, values in columns.items()} for index in range(len(estimates))]
