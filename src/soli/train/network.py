"""The network of a run: its settings checked, itself built, an example of its input."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from soli.dsp.stft import frame_count
from soli.errors import UsageError, near
from soli.train.families import family, read_settings
from soli.train.networks.consistent import Consistent
from soli.train.run import RunSettings

# Classes that stand for those of the data, until these are read: enough for settings to be checked.
_TO_COME = 2


def network_settings(settings: RunSettings) -> BaseModel:
    """A run's network settings: the family's defaults, then the preset, then the recipe, and how many outputs."""
    row = family(settings.family)
    if settings.preset is not None and settings.preset not in row.presets:
        found = f'{settings.family} has no preset "{settings.preset}"'
        raise UsageError(found, do=near(settings.preset, list(row.presets)))
    if "outputs" in settings.network:
        raise UsageError(
            f"network.outputs: {settings.network['outputs']}; the sources and the rest say how many there are",
            do="leave it out",
        )
    outputs = settings.outputs or _TO_COME
    preset = row.presets[settings.preset] if settings.preset else {}
    return read_settings(settings.family, {**over(preset, settings.network), "outputs": outputs})


def over(preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A preset's settings, with those that are given in their place; what a group is not given stays the preset's."""
    merged = dict(preset)
    for name, value in given.items():
        below = merged.get(name)
        merged[name] = over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def build(settings: RunSettings) -> nn.Module:
    """The network of a run, with fresh weights drawn from its seed; other random numbers of the process stay theirs."""
    values = network_settings(settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = family(settings.family).network(values)
    return Consistent(network) if settings.consistent else network


def example(settings: RunSettings, *, seconds: float, batch: int = 1) -> Tensor:
    """An input of the network's shape: what `seconds` of audio look like to it."""
    values: Any = network_settings(settings)
    samples = round(seconds * values.sample_rate)
    if family(settings.family).sees_spectra:
        return torch.randn(batch, 2, values.stft.bins, frame_count(samples, values.stft.hop))
    return torch.randn(batch, 1, samples)
