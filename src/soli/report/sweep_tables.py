"""The tables of a sweep: the CSV files of the Bach10 thesis, all scores as one CSV, and the report card as text."""

import csv
import io
from collections.abc import Iterable, Sequence

from soli.evaluation.aggregate import Statistics
from soli.evaluation.sweep import IMPROVED, SCORES, CellScores, Kind, Sweep, best_model, over_songs, shared_songs
from soli.metrics.silence import LOWEST_DB
from soli.report.published import Figure, Published
from soli.report.tables import EXACT_DB, NOTHING, Table, spelled

# As the thesis has them, and in its order.
FULL_EVAL = ("si_sar", "si_sdr", "si_sir", "snr")
KINDS: tuple[Kind, ...] = ("estimate", "mixture", "improvement", "ceiling")
MIXTURE, IDEAL, PUBLISHED = "mixture", "ideal ratio mask", "published"


def csv_files(sweep: Sweep) -> dict[str, str]:
    """Every CSV file by its name: one a model (a row a target), one a target (a row a model), and one of all cells."""
    files = {f"SepModel_{model}_FULL_EVAL_RESULTS.csv": _of_model(sweep, model) for model in sweep.models}
    files |= {f"{target}_ALL_MODELS.csv": _of_target(sweep, target) for target in sweep.targets}
    return files | {"scores.csv": _all_scores(sweep)}


def _of_model(sweep: Sweep, model: str) -> str:
    rows = ((target, sweep.of(model=model, target=target), _songs(sweep, target)) for target in sweep.targets)
    return _full_eval("target", rows)


def _of_target(sweep: Sweep, target: str) -> str:
    return _full_eval("model", ((model, cells, _songs(sweep, target)) for model, cells in _models(sweep, target)))


def _full_eval(what: str, rows: Iterable[tuple[str, list[CellScores], int]]) -> str:
    """A row a name, of its cells, and the number of songs that there could be; none where there are no cells."""
    lines = (
        [name, *(mean_std(over_songs(cells, score), songs=songs) for score in FULL_EVAL)]
        for name, cells, songs in rows
        if cells
    )
    return _csv([[what, *map(spelled, FULL_EVAL)], *lines])


def _songs(sweep: Sweep, target: str) -> int:
    """How many songs of a target any model has."""
    return len(_one_a_song(sweep.of(target=target)))


def _all_scores(sweep: Sweep) -> str:
    """A row a cell and score; infinite scores as "inf", undefined ones empty."""
    head = ["model", "target", "song", "title", "score", *KINDS]
    rows = (
        [cell.model, cell.target, cell.song, cell.title, score, *(_number(cell, kind, score) for kind in KINDS)]
        for cell in sweep.cells
        for score in SCORES
    )
    return _csv([head, *rows])


def _number(cell: CellScores, kind: Kind, score: str) -> str:
    value = cell.of(kind).get(score)
    return "" if value is None else repr(value)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def mean_std(found: Statistics, *, songs: int, digits: int = 3) -> str:
    """A mean and its standard deviation: "0.581 ± 1.505"; of how many of the `songs`, where it is not all of them."""
    if found.mean is None:
        return NOTHING
    if found.mean >= EXACT_DB:
        return f"> {EXACT_DB:.0f}"
    spread = "" if found.std is None else f" ± {found.std:.{digits}f}"
    remarks = [f"{found.count} of {songs} songs"] if found.count < songs else []
    remarks += [f"{found.floored} silent"] if found.floored else []
    return f"{found.mean:.{digits}f}{spread}" + (f" ({', '.join(remarks)})" if remarks else "")


def tables(sweep: Sweep, published: Published) -> list[Table]:
    """The best of each target first, then two tables a target: its scores, and what they are above the mixture's."""
    each = (table for target in sweep.targets for table in (_scores(sweep, target, published), _gains(sweep, target)))
    return [_overview(sweep, published), *each]


def _overview(sweep: Sweep, published: Published) -> Table:
    """SI-SDR of each target's best model, between its marks."""
    head = ("", "best model", "songs", "SI-SDR", "median", "above the mixture", MIXTURE, IDEAL, PUBLISHED)
    rows = (_best(sweep, each, published) for each in sweep.targets)
    return Table.of_texts("SI-SDR of the best model, dB", head, rows)


def _best(sweep: Sweep, target: str, published: Published) -> tuple[str, ...]:
    model = best_model(sweep, target)
    songs = shared_songs(sweep, target)
    cells = [cell for cell in sweep.of(model=model, target=target) if cell.song in songs]
    found = {kind: over_songs(cells, "si_sdr", kind) for kind in KINDS}
    mark = published.targets.get(target)
    return (
        target,
        model or NOTHING,
        str(len(songs)),
        _cell(found["estimate"], cells),
        _median(found["estimate"]),
        *(_cell(found[kind], cells) for kind in ("improvement", "mixture", "ceiling")),
        NOTHING if mark is None else f"{_published(mark.si_sdr)} ({mark.model})",
    )


def _scores(sweep: Sweep, target: str, published: Published) -> Table:
    """Every score of a target: two rows a model, then the marks that they are read against."""
    rows = [row for model, some in _models(sweep, target) for row in _mean_and_median(model, some, "estimate", SCORES)]
    rows.append(_means(MIXTURE, _one_a_song(sweep.of(target=target)), "mixture", SCORES))
    rows += _ideal_rows(sweep, target)
    mark = published.targets.get(target)
    if mark is not None:
        rows.append((f"{PUBLISHED} ({mark.model})", NOTHING, *(_published(mark.of(score)) for score in SCORES)))
    return Table.of_texts(f"{target}: scores in dB", _head(SCORES), rows)


def _gains(sweep: Sweep, target: str) -> Table:
    models = _models(sweep, target)
    rows = (row for model, some in models for row in _mean_and_median(model, some, "improvement", IMPROVED))
    return Table.of_texts(f"{target}: above the mixture, dB", _head(IMPROVED), rows)


def _head(scores: Sequence[str]) -> tuple[str, ...]:
    return ("", "songs", *map(spelled, scores))


def _models(sweep: Sweep, target: str) -> list[tuple[str, list[CellScores]]]:
    found = ((model, sweep.of(model=model, target=target)) for model in sweep.models)
    return [(model, cells) for model, cells in found if cells]


def _one_a_song(cells: Sequence[CellScores]) -> list[CellScores]:
    """The mixture of a song is the same for all models."""
    return list({(cell.song, cell.line.id): cell for cell in cells}.values())


def _ideal_rows(sweep: Sweep, target: str) -> list[tuple[str, ...]]:
    """The ceiling, once for all models that have the same transform and songs; named where not all do."""
    models: dict[tuple[str, ...], list[str]] = {}
    for model, cells in _models(sweep, target):
        models.setdefault(_means(IDEAL, cells, "ceiling", SCORES), []).append(model)
    if len(models) == 1:
        return list(models)
    return [(f"{IDEAL} ({', '.join(names)})", *row[1:]) for row, names in models.items()]


def _mean_and_median(
    name: str, cells: Sequence[CellScores], kind: Kind, scores: Sequence[str]
) -> list[tuple[str, ...]]:
    medians = (_median(over_songs(cells, score, kind)) for score in scores)
    return [_means(name, cells, kind, scores), (f"{name}, median", NOTHING, *medians)]


def _means(name: str, cells: Sequence[CellScores], kind: Kind, scores: Sequence[str]) -> tuple[str, ...]:
    songs = str(len({cell.song for cell in cells}))
    return (name, songs, *(_cell(over_songs(cells, score, kind), cells) for score in scores))


def _cell(found: Statistics, cells: Sequence[CellScores]) -> str:
    return mean_std(found, songs=len(cells), digits=2)


def _median(found: Statistics) -> str:
    if found.median is None:
        return NOTHING
    return f"> {EXACT_DB:.0f}" if found.median >= EXACT_DB else f"{found.median:.2f}"


def _published(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    return " ± ".join(f"{value:.2f}" for value in figure)


def explanations(sweep: Sweep, published: Published) -> list[str]:
    """What the figures are, a sentence each."""
    songs = ", ".join(map(str, sweep.songs))
    said = [
        "Mean ± standard deviation (that of a sample: divided by one song less) over the songs, in dB, of networks "
        f"that have heard neither the song nor its files. Songs: {songs}.",
        f"An estimate that is silent where the target sounds, or holds nothing of it, counts as {LOWEST_DB:g} dB; how "
        "many do stands beside the mean.",
        "Scored against the target and the rest, whose sum is the mixture, mean-centred. A high SI-SAR alone says "
        "nothing: the untouched mixture has no artefacts, so its own SI-SAR and SRR measure rounding.",
        '"best model": the highest mean SI-SDR over the songs that all models of the target have. It is chosen on the '
        "very songs that it is shown on, so its figure is a little too good.",
        f'"{MIXTURE}": the mixture taken as the estimate. "{IDEAL}": the mask of the true magnitudes in the '
        "model's own transform, a mark and not a bound: other transforms have other ones.",
    ]
    if any(target in published.targets for target in sweep.targets):
        said.append(f'"{PUBLISHED}": {published.source}; on its own recordings, not on these where they are others.')
    uneven = len({len(sweep.of(target=target, model=model)) for target in sweep.targets for model in sweep.models}) > 1
    if uneven or sweep.unfinished:
        said.append(
            f"Not all cells are finished ({len(sweep.cells)} are, {len(sweep.unfinished)} more are begun): "
            "rows of different songs do not compare."
        )
    return said


def report_card(sweep: Sweep, published: Published) -> str:
    """All tables as text, for a terminal or a file."""
    parts = [_text(table) for table in tables(sweep, published)]
    return "\n\n".join([*parts, *explanations(sweep, published)]) + "\n"


def _text(table: Table) -> str:
    lines = [table.head, *table.texts]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.head))]
    return "\n".join([table.title, *(_aligned(line, widths) for line in lines)])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """The first column to the left, the others to the right."""
    first, *others = line
    right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *right]).rstrip()
