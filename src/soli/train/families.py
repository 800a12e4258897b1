"""The table of network families: one row a family, read by training, export and the contract tests alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from torch import nn

from soli.errors import UsageError, near
from soli.train.networks.band_split import BandSplit, BandSplitSettings
from soli.train.networks.blstm_mask import BlstmMask, BlstmMaskSettings


@dataclass(frozen=True)
class Family:
    """A network and its settings: `network(settings)` builds it; `kind` says what it takes and gives."""

    network: type[nn.Module]
    settings: type[BaseModel]
    kind: Literal["mask", "waveform", "cluster", "events", "audio-visual"]
    summary: str
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


FAMILIES: Mapping[str, Family] = {
    "blstm_mask": Family(
        BlstmMask,
        BlstmMaskSettings,
        kind="mask",
        summary="decibels, batch norm, bidirectional LSTM stack, sigmoid mask",
        presets={"small": {"hidden": 64, "layers": 1}},
    ),
    "band_split": Family(
        BandSplit,
        BandSplitSettings,
        kind="mask",
        summary="bands of the spectrum, recurrent over time and over bands, complex mask",
        presets={"small": {"bands": 24, "features": 8, "blocks": 1, "time_hidden": 32, "band_hidden": 8}},
    ),
}


def family(name: str) -> Family:
    """The family called `name`; UsageError with near names when there is none."""
    if name not in FAMILIES:
        raise UsageError(f'no network family is called "{name}"', do=near(name, list(FAMILIES)))
    return FAMILIES[name]


def read_settings(name: str, given: Mapping[str, Any]) -> BaseModel:
    """Checks a recipe's network settings; UsageError names the first key that is unknown or wrong."""
    row = family(name)
    try:
        return row.settings.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "network"
        known = list(row.settings.model_fields)
        hint = near(key, known) if first["type"] == "extra_forbidden" else f"see {row.settings.__name__}"
        raise UsageError(f"network.{key}: {first['msg']}", wanted=f"settings of {name}", do=hint) from error
