"""The tables of a comparison: cells as text, for the terminal, the page and Markdown alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soli.evaluation.comparison import IMPROVED, SCORES, Comparison, Entrant, Figure, Quality
from soli.evaluation.interval import LEAST_GROUPS, LEAST_ITEMS
from soli.metrics.silence import LOWEST_DB

NOTHING = "-"
EXACT_DB = 100.0
"""A mean no lower than this says "no error but rounding"; its digits would say nothing."""


@dataclass(frozen=True)
class Cell:
    """A figure, and what is written below it or after it: its interval, a remark."""

    figure: str
    below: str = ""

    def __str__(self) -> str:
        return f"{self.figure} {self.below}".rstrip()


@dataclass(frozen=True)
class Table:
    """A title, the columns' heads, and a row an entrant; the first column is its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of_texts(cls, title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> "Table":
        """A table whose cells have nothing below their figure."""
        return cls(title, head, tuple(tuple(map(Cell, row)) for row in rows))

    @property
    def texts(self) -> list[tuple[str, ...]]:
        """The rows with each cell in one line."""
        return [tuple(map(str, row)) for row in self.rows]


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


def _overview_row(entrant: Entrant, comparison: Comparison) -> tuple[Cell, ...]:
    cost = entrant.cost
    return (
        Cell(entrant.name),
        *(gain(entrant.quality[source]) for source in comparison.sources),
        behind(entrant, comparison),
        Cell(NOTHING if cost.parameters is None else f"{cost.parameters:,}"),
        Cell(NOTHING if cost.macs_per_s is None else significant(cost.macs_per_s / 1e6)),
        Cell(NOTHING if cost.rtf is None else significant(cost.rtf)),
        Cell(NOTHING if cost.peak_mb is None else f"{cost.peak_mb:.0f}"),
        Cell(NOTHING if cost.train_minutes is None else f"{cost.train_minutes:.1f}"),
    )


def gain(quality: Quality) -> Cell:
    """The improvement of the SI-SDR of one source, and how many of its estimates are silent."""
    return _with_silent(with_interval(quality.improvements["si_sdr"]), quality)


def _with_silent(cell: Cell, quality: Quality) -> Cell:
    if not quality.floored:
        return cell
    silent = f"{quality.floored} of {quality.scores['si_sdr'].count} silent"
    return Cell(cell.figure, f"{cell.below} {silent}".lstrip())


def behind(entrant: Entrant, comparison: Comparison) -> Cell:
    """How far the best is ahead of this one on the lead source, and whether that may be chance."""
    if entrant.name == comparison.best:
        return Cell("the best")
    figure = entrant.quality[comparison.lead].behind
    if figure is None or figure.mean is None:
        return Cell(NOTHING)
    cell = with_interval(figure)
    return cell if figure.real else Cell(cell.figure, f"{cell.below} no clear difference".lstrip())


def of_source(comparison: Comparison, source: str) -> Table:
    """Every score of one source, and its improvement over the mixture."""
    head = [""]
    for name in SCORES:
        head += [spelled(name), f"{spelled(name)}i"] if name in IMPROVED else [spelled(name)]
    rows = tuple((Cell(entrant.name), *_scores(entrant.quality[source])) for entrant in comparison.entrants)
    return Table(f"{source}: scores in dB", tuple(head), rows)


def _scores(quality: Quality) -> Iterator[Cell]:
    for name in SCORES:
        cell = with_interval(quality.scores[name])
        yield _with_silent(cell, quality) if name == "si_sdr" else cell
        if name in IMPROVED:
            yield with_interval(quality.improvements[name])


def explanations(comparison: Comparison) -> list[str]:
    """What the columns are, a sentence or some each."""
    return [
        _items(comparison),
        f"Means in dB, in brackets {interval_text(comparison)} An i at the end: the improvement over the mixture as it "
        "is; SAR has none, for the mixture has no artefacts.",
        f"An estimate that is silent where the source sounds, or holds nothing of it, counts as {LOWEST_DB:g} dB; "
        "how many do stands beside the mean.",
        "Behind the best: the best's SI-SDR improvement minus this one's, item by item, in an interval of 95 % for all "
        f"{comparison.claims} differences of two methods at once, since any could have come out as the best; where it "
        "holds 0, or there is none, the items do not tell the two apart. A difference is one of these models: each "
        "network was trained once, from one seed, and a family trained again may come out elsewhere.",
        "MMAC/s: million multiply-accumulates of the network alone for a second of one channel, without transform, "
        "clustering and the overlap of windows. Real-time factor (CPU seconds for a second of "
        f"sound) and memory: one thread, {comparison.measured_s:g} s of sound of one channel, each in a fresh process; "
        "memory beyond what it had taken with its libraries and the sound loaded. "
        f"{comparison.machine}. Minutes of training are of whatever machine it was trained on.",
        *(f"{note}." for note in comparison.notes),
    ]


def _items(comparison: Comparison) -> str:
    items = f"{len(comparison.items)} items{of_splits(comparison)}, the same for all"
    if comparison.left_out:
        items += f"; {comparison.left_out} of other splits are left out"
    counted = _counted(comparison)
    if counted is not None and counted < len(comparison.items):
        items += f"; {comparison.lead} is scored on {counted} of them, where it sounds among others"
    return f"{items}."


def _counted(comparison: Comparison) -> int | None:
    """On how many items the lead source is scored, which are the same for all."""
    return next((each.quality[comparison.lead].scores["si_sdr"].count for each in comparison.entrants), None)


def interval_text(comparison: Comparison) -> str:
    """Of what the interval is, or why there is none, as the end of a sentence."""
    by, groups = comparison.interval_by, comparison.interval_groups
    if (_counted(comparison) or 0) < LEAST_ITEMS:
        return f"nothing: an interval of the mean wants {LEAST_ITEMS} items."
    if by and groups < LEAST_GROUPS:
        return f"nothing: the items are of {groups} groups (`{by}`), and an interval of the mean wants {LEAST_GROUPS}."
    if by:
        return (
            f"the 95 % interval of the mean (Student's, over the {groups} groups that rows name as `{by}`): for other "
            "groups like these."
        )
    return (
        "the 95 % interval of the mean (Student's, over the items): for these items; what they share, speakers or "
        "recordings, rows do not name, and with others it would be wider."
    )


def of_splits(comparison: Comparison) -> str:
    """What the items are of, as words to follow them; nothing where that is not known."""
    plural = "s" if len(comparison.splits) > 1 else ""
    return f" of split{plural} {', '.join(comparison.splits)}" if comparison.splits else ""


def with_interval(figure: Figure) -> Cell:
    """A mean and its interval: "8.12 [7.90, 8.35]"."""
    if figure.mean is None:
        return Cell(NOTHING)
    if figure.mean >= EXACT_DB:
        return Cell(f"> {EXACT_DB:.0f}")
    bounds = "" if figure.low is None or figure.high is None else f"[{figure.low:.2f}, {figure.high:.2f}]"
    return Cell(f"{figure.mean:.2f}", bounds)


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
    lines = [table.head, ("---", *["--:"] * (len(table.head) - 1)), *table.texts]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
