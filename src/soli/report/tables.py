"""The tables of a comparison: cells as text, for the terminal, the page and Markdown alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from soli.evaluation.comparison import IMPROVED, SCORES, Comparison, Entrant, Figure, Quality

NOTHING = "-"
EXACT_DB = 100.0
"""A mean beyond this says "no error but rounding"; its digits would say nothing."""


@dataclass(frozen=True)
class Table:
    """A title, the columns' heads, and a row an entrant; the first column is its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(comparison: Comparison) -> list[Table]:
    """The overview first, then one table a source with all scores."""
    return [overview(comparison), *(of_source(comparison, source) for source in comparison.sources)]


def overview(comparison: Comparison) -> Table:
    """What each entrant gains and what it costs."""
    head = (
        "",
        *(f"{source} SI-SDRi, dB" for source in comparison.sources),
        f"behind the best ({comparison.lead}), dB",
        "parameters",
        "MMAC/s",
        "real-time factor",
        "memory, MB",
        "training, min",
    )
    return Table("Improvement and cost", head, tuple(_overview_row(each, comparison) for each in comparison.entrants))


def _overview_row(entrant: Entrant, comparison: Comparison) -> tuple[str, ...]:
    cost = entrant.cost
    gains = (with_interval(entrant.quality[source].improvements["si_sdr"]) for source in comparison.sources)
    return (
        entrant.name,
        *gains,
        behind(entrant, comparison),
        NOTHING if cost.parameters is None else f"{cost.parameters:,}",
        NOTHING if cost.macs_per_s is None else significant(cost.macs_per_s / 1e6),
        NOTHING if cost.rtf is None else significant(cost.rtf),
        NOTHING if cost.peak_mb is None else f"{cost.peak_mb:.0f}",
        NOTHING if cost.train_minutes is None else f"{cost.train_minutes:.1f}",
    )


def behind(entrant: Entrant, comparison: Comparison) -> str:
    """How far the best is ahead of this one on the lead source, and whether that may be chance."""
    if entrant.name == comparison.best:
        return "the best"
    figure = entrant.quality[comparison.lead].behind
    if figure is None or figure.mean is None:
        return NOTHING
    return with_interval(figure) + ("" if figure.real else " no clear difference")


def of_source(comparison: Comparison, source: str) -> Table:
    """Every score of one source, and its improvement over the mixture."""
    head = [""]
    for name in SCORES:
        head += [spelled(name), f"{spelled(name)}i"] if name in IMPROVED else [spelled(name)]
    rows = tuple((entrant.name, *_scores(entrant.quality[source])) for entrant in comparison.entrants)
    return Table(f"{source}: scores in dB", tuple(head), rows)


def _scores(quality: Quality) -> Iterator[str]:
    for name in SCORES:
        yield with_interval(quality.scores[name])
        if name in IMPROVED:
            yield with_interval(quality.improvements[name])


def explanations(comparison: Comparison) -> list[str]:
    """What the columns are, a sentence each."""
    counted = [entrant.quality[comparison.lead].scores["si_sdr"].count for entrant in comparison.entrants]
    items = f"{len(comparison.items)} items{of_splits(comparison)}, the same for all"
    if comparison.left_out:
        items += f"; {comparison.left_out} of other splits are left out"
    if counted and min(counted) < len(comparison.items):
        items += f"; {comparison.lead} is scored on {min(counted)} of them, where it sounds among others"
    return [
        f"{items}.",
        "Means in dB, in brackets the 95 % interval of the mean (bootstrap over the items). An i at the end: the "
        "improvement over the mixture as it is; SAR has none, for the mixture has no artefacts.",
        "Behind the best: the best's SI-SDR minus this one's, item by item; where its interval holds 0, the items do "
        "not tell the two apart.",
        f"Real-time factor (CPU seconds for a second of sound) and memory: one thread, {comparison.measured_s:g} s of "
        "sound of one channel, each in a fresh process; memory beyond what it had taken with its libraries loaded. "
        f"{comparison.machine}.",
        *(f"{note}." for note in comparison.notes),
    ]


def of_splits(comparison: Comparison) -> str:
    """What the items are of, as words to follow them; nothing where that is not known."""
    plural = "s" if len(comparison.splits) > 1 else ""
    return f" of split{plural} {', '.join(comparison.splits)}" if comparison.splits else ""


def with_interval(figure: Figure) -> str:
    """A mean and its interval: "8.12 [7.90, 8.35]"."""
    if figure.mean is None:
        return NOTHING
    if figure.mean > EXACT_DB:
        return f"> {EXACT_DB:.0f}"
    mean = f"{figure.mean:.2f}"
    return mean if figure.low is None or figure.high is None else f"{mean} [{figure.low:.2f}, {figure.high:.2f}]"


def significant(value: float) -> str:
    """Three figures, never in powers of ten."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.4f}"


def spelled(score: str) -> str:
    """A score's name as papers write it."""
    return score.replace("_", "-").upper()


def markdown(comparison: Comparison) -> str:
    """All tables as one Markdown page."""
    parts = [f"# Comparison on {comparison.manifest}"]
    for table in tables(comparison):
        parts += [f"## {table.title}", _markdown_table(table)]
    parts.append("\n".join(f"- {each}" for each in explanations(comparison)))
    if comparison.failed:
        parts += ["## Failed", "\n".join(f"- {each.name}: {each.error}" for each in comparison.failed)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines: list[Sequence[str]] = [table.head, ["---", *["--:"] * (len(table.head) - 1)], *table.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
