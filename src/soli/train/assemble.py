"""Puts a run together from its settings and its data, and checks all of it before the first step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soli.data.manifest import Row
from soli.errors import DataError, near
from soli.modelfile import REST
from soli.train.data_source import open_data
from soli.train.dataset import Items, Mixtures, spread, validation_rows
from soli.train.families import family
from soli.train.fit import check_fit, check_rate
from soli.train.loop import Training
from soli.train.network import build, network_settings
from soli.train.objectives import objective_for
from soli.train.run import RunFolder, RunSettings
from soli.train.validate import Validation
from soli.train.weak_assemble import assemble_events

# An item may be of one source alone.
_LOOKED_AT = 8


def assemble(settings: RunSettings, *, data: Path, out: Path) -> Training:
    """Builds network, objective, items and validation; raises UsageError or DataError where they do not fit."""
    check_fit(settings)
    if family(settings.family).kind == "events":
        return assemble_events(settings, data=data, out=out)
    values: Any = network_settings(settings)
    source = open_data(settings, data)
    check_rate(source.items.sample_rate, values.sample_rate)
    check_sources(settings, source.items)
    network = build(settings)
    kind, interchangeable = family(settings.family).kind, settings.interchangeable
    objective = objective_for(kind, settings.objective, values, interchangeable=interchangeable)
    rows = validation_rows(source.valid, split=settings.data.valid_split)
    check_rows(rows, sample_rate=values.sample_rate, sources=settings.estimated)
    validation = Validation(
        network,
        objective,
        spread(rows, settings.data.valid_rows),
        root=source.valid.root,
        sources=settings.estimated,
        rest=settings.rest,
        interchangeable=interchangeable,
    )
    validation.check()
    return Training(
        settings=settings,
        folder=RunFolder(out),
        network=network,
        objective=objective,
        mixtures=Mixtures(source.items, settings.sources),
        validation=validation,
        data_record=source.record,
    )


def check_sources(settings: RunSettings, items: Items) -> None:
    """Compares the sources of a few items with the recipe's, and renders one: DataError names what is missing."""
    found = {source for index in range(_LOOKED_AT) for source in items.row(index).stems}
    missing = [source for source in settings.sources if source not in found and source != REST]
    if missing:
        raise DataError(
            f"no item holds the source {' or '.join(missing)}",
            wanted=f"data with the sources {', '.join(source for source in settings.sources if source != REST)}",
            do=f"{near(missing[0], sorted(found))}; name another with --target or --set sources=[...], or other data",
        )
    others = sorted(found - set(settings.sources))
    whole = _takes_all(settings)
    if whole and others:
        instead = ", or set consistent: false" if settings.consistent else ""
        raise DataError(
            f"{whole}: the items also hold {', '.join(others)}, so that the sources do not sum to the mixture",
            do=f"add {', '.join(others)} to sources{instead}",
        )
    items(0)


def _takes_all(settings: RunSettings) -> str:
    """What takes the sources for all that the mixture holds; "" where nothing does, as a source called "rest"."""
    if settings.consistent:
        return "consistent"
    if settings.rest not in (None, REST):
        return f'the rest "{settings.rest}"'
    return settings.family if settings.rest is None and family(settings.family).shares_all else ""


def check_rows(rows: list[Row], *, sample_rate: int, sources: Sequence[str]) -> None:
    """Raises DataError where rows to validate on have another rate than the network, or none of its sources."""
    off = next((row for row in rows if row.sample_rate != sample_rate), None)
    if off is not None:
        raise DataError(
            f"row {off.id}, to validate on, has {off.sample_rate} Hz",
            wanted=f"{sample_rate} Hz, to which the network is set",
            do="give validation rows of the training data's rate",
        )
    if not any(set(sources) & set(row.stems) for row in rows):
        held = ", ".join(sorted({source for row in rows for source in row.stems})) or "nothing"
        raise DataError(f"the rows to validate on hold {held}", wanted=f"one of the sources {', '.join(sources)}")
