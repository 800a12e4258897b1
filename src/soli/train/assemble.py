"""Puts a run together from its settings and its data, and checks all of it before the first step."""

from pathlib import Path
from typing import Any

import torch

from soli.data.manifest import Row
from soli.errors import DataError, UsageError, near
from soli.modelfile import REST
from soli.train.data_source import open_data
from soli.train.dataset import Items, Mixtures, validation_rows
from soli.train.families import family
from soli.train.fit import check_fit
from soli.train.loop import Training
from soli.train.network import build, network_settings
from soli.train.objectives import objective_for
from soli.train.run import RunFolder, RunSettings
from soli.train.validate import Validation

# An item may be of one source alone.
_LOOKED_AT = 8


def assemble(settings: RunSettings, *, data: Path, out: Path) -> Training:
    """Builds network, objective, items and validation; raises UsageError or DataError where they do not fit."""
    # Silence and band limits give gradients near the smallest numbers there are, which a processor adds up tens of
    # times more slowly than others; taken as zero they change nothing. Threads inherit this, so it has to come first.
    torch.set_flush_denormal(True)
    check_fit(settings)
    values: Any = network_settings(settings)
    source = open_data(settings, data)
    if source.items.sample_rate != values.sample_rate:
        raise UsageError(
            f"the data have {source.items.sample_rate} Hz, the network is set to {values.sample_rate} Hz",
            do=f"--set network.sample_rate={source.items.sample_rate}",
        )
    check_sources(settings, source.items)
    network = build(settings)
    kind, interchangeable = family(settings.family).kind, settings.interchangeable
    objective = objective_for(kind, settings.objective, values, interchangeable=interchangeable)
    rows = validation_rows(source.valid, split=settings.data.valid_split)
    validation = Validation(
        network,
        objective,
        spread(rows, settings.data.valid_rows),
        root=source.valid.root,
        sources=settings.sources[: settings.outputs],
        interchangeable=interchangeable,
    )
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
    if settings.consistent and others:
        raise DataError(
            f"consistent: the items also hold {', '.join(others)}, so that the sources do not sum to the mixture",
            do=f"add {', '.join(others)} to sources, or set consistent: false",
        )
    items(0)


def spread(rows: list[Row], count: int) -> list[Row]:
    """At most `count` of the rows, evenly spread over them; all of them where `count` is 0."""
    if not 0 < count < len(rows):
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]
