"""Objectives: what a network is trained to do with a batch. (network, batch) -> {"loss": ..., "<term>": ...}.

An objective is a weighted sum of losses, written in a recipe as `objective: {soft_snr: 0.1, compressed_magnitude: 1}`;
`soli.train.losses.table` lists them. Which objective a network gets depends on its kind alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from soli.dsp.mel import mel_to_bins
from soli.separation.clustering import cluster_masks
from soli.train import features
from soli.train.losses.affinity import source_means
from soli.train.losses.pitch import band_snr, bands_of, pitch_entropy
from soli.train.losses.table import EMBEDDING, RATED, SPECTRAL, WAVEFORM, WEAK, check_terms
from soli.train.losses.weak import Detected, Labelled
from soli.train.permutation import cheapest_order, reorder
from soli.types import StftSettings

# How far one batch moves the anchors of a network that embeds: the last twenty batches or so make them.
_ANCHOR_STEP = 0.05


@dataclass(frozen=True)
class Batch:
    """Rendered items: `mixture` (B, T) and `targets` (B, S, T), the sources in the recipe's order.

    For networks of sound events `targets` are the tags (B, K), and `active` (B, K, N) what is known of their frames, as
    `soli.train.losses.weak.Labelled` has them.
    """

    mixture: Tensor
    targets: Tensor
    active: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        active = None if self.active is None else self.active.to(device)
        return Batch(self.mixture.to(device), self.targets.to(device), active)


class Objective(Protocol):
    """What training needs of an objective; `estimate` gives waveforms (B, S', T) of mixtures (B, T)."""

    @property
    def sample_rate(self) -> int: ...

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]: ...

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class MaskObjective:
    """For networks that give masks: the first S' sources are estimated, and compared with their targets."""

    terms: Mapping[str, float]
    stft: StftSettings
    sample_rate: int
    interchangeable: bool = False

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        estimate, mixture = self._spectra(network, batch.mixture)
        seen = FromSpectra(batch, self.stft, estimate, mixture)
        return weighted(self.terms, seen, sample_rate=self.sample_rate, interchangeable=self.interchangeable)

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor:
        return features.istft(self._spectra(network, mixture)[0], self.stft, mixture.shape[-1])

    def _spectra(self, network: nn.Module, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """The estimated spectra (B, S', F, N) of mixtures (B, T), and the spectrum (B, F, N) of the mixtures."""
        spectrum = features.stft(mixture, self.stft)
        return features.apply_masks(network(features.as_planes(spectrum)), spectrum), spectrum


@dataclass(frozen=True)
class PitchedObjective(MaskObjective):
    """For networks that find pitches, and draw masks of bands from them; their estimates are those of any masks.

    The network gives its `parts` (`soli.train.networks.pitch_mask.Heard`), and says which bins its bands weigh, and
    where the partials of a pitch lie.
    """

    def __call__(self, network: Any, batch: Batch) -> dict[str, Tensor]:
        mixture = features.stft(batch.mixture, self.stft)
        heard = network(features.as_planes(mixture), parts=True)
        targets = features.stft(batch.targets[:, : heard.masks.shape[1]], self.stft)
        bands = bands_of(mixture, targets, network.from_bands)
        values = {
            "band_snr": lambda: band_snr(heard.masks, bands),
            "pitch_entropy": lambda: pitch_entropy(heard.pitches, bands, steps=network.partial_steps),
        }
        return total(self.terms, {name: values[name]() for name in self.terms})


@dataclass(frozen=True)
class WaveformObjective:
    """For networks from waveform to waveforms; spectral losses look through an STFT of their own."""

    terms: Mapping[str, float]
    stft: StftSettings
    sample_rate: int
    interchangeable: bool = False

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        seen = FromWaveforms(batch, self.stft, self.estimate(network, batch.mixture))
        return weighted(self.terms, seen, sample_rate=self.sample_rate, interchangeable=self.interchangeable)

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor:
        estimate: Tensor = network(mixture[:, None])
        return estimate


@dataclass(frozen=True)
class ClusterObjective:
    """For networks that embed the bins (B, D, F, N) and remember where each source lies: `anchors`, a buffer (S, D).

    Named sources are embedded alike in every item: the loss takes the batch as one set of bins, and the anchors are the
    moving mean of each source's embedding. Interchangeable ones mean nothing beyond their item: the loss is taken item
    by item, which no order of the sources changes, and k-means finds their centres anew in each.
    """

    terms: Mapping[str, float]
    stft: StftSettings
    sample_rate: int
    interchangeable: bool = False

    def __call__(self, network: Any, batch: Batch) -> dict[str, Tensor]:
        mixture = features.stft(batch.mixture, self.stft)
        target = features.stft(batch.targets, self.stft)
        embedding = network(features.as_planes(mixture))
        together = not self.interchangeable
        values = {n: EMBEDDING[n](embedding, target, mixture=mixture, together=together) for n in self.terms}
        if together and network.training:
            self._move_anchors(network.anchors, *source_means(embedding.detach(), target, mixture=mixture))
        return total(self.terms, values)

    def _move_anchors(self, anchors: Tensor, means: Tensor, bins: Tensor) -> None:
        """As a batch norm keeps its averages: while the network trains, in place, and beside the gradients.

        An anchor starts at its source's first mean; a source that is nowhere in the batch leaves it where it is.
        """
        steps = torch.where(anchors.any(dim=1), _ANCHOR_STEP, 1.0) * (bins > 0)
        anchors.lerp_(means, steps.to(means.dtype)[:, None])

    def estimate(self, network: Any, mixture: Tensor) -> Tensor:
        spectrum = features.stft(mixture, self.stft)
        embedding = network(features.as_planes(spectrum))
        masks = self._masks(embedding, spectrum, network.anchors)
        return features.istft(features.apply_masks(masks, spectrum), self.stft, mixture.shape[-1])

    def _masks(self, embedding: Tensor, spectrum: Tensor, anchors: Tensor) -> Tensor:
        """Masks (B, S, 1, F, N) as use finds them, so that validation judges what a model file will give."""
        power = spectrum.abs().square().cpu().numpy()
        starts = None if self.interchangeable else anchors.detach().cpu().numpy()
        items = zip(embedding.detach().cpu().numpy(), power, strict=True)
        found = [cluster_masks(values, loudness, anchors=starts, clusters=len(anchors)) for values, loudness in items]
        return torch.from_numpy(np.stack(found)).to(embedding.device)[:, :, None]


@dataclass(frozen=True)
class EventsObjective:
    """For networks that give masks and tags of classes: what they say is compared with the labels of the clips."""

    terms: Mapping[str, float]
    stft: StftSettings
    sample_rate: int
    interchangeable: bool = False

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        found = Detected(*network(self._planes(features.stft(batch.mixture, self.stft))))
        known = Labelled(batch.targets, batch.active)
        return total(self.terms, {name: WEAK[name](found, known) for name in self.terms})

    def tags(self, network: nn.Module, mixture: Tensor) -> Tensor:
        """The tags (B, K) of mixtures (B, T)."""
        _, tags = network(self._planes(features.stft(mixture, self.stft)))
        return tags

    def _planes(self, spectrum: Tensor) -> Tensor:
        """As `features.as_planes`, which copies: beside a network as light as these, that is an eighth of a step."""
        return torch.view_as_real(spectrum).movedim(-1, 1)

    def estimate(self, network: Any, mixture: Tensor) -> Tensor:
        spectrum = features.stft(mixture, self.stft)
        masks, _ = network(features.as_planes(spectrum))
        to_bins = torch.from_numpy(mel_to_bins(network.front_end.matrix.cpu().numpy())).to(masks.device)
        return features.istft((to_bins @ masks) * spectrum[:, None], self.stft, mixture.shape[-1])


@dataclass(frozen=True)
class Pair:
    """What a loss compares: estimate and target (B, S, ...), and the mixture (B, ...)."""

    estimate: Tensor
    target: Tensor
    mixture: Tensor


class FromSpectra:
    """Both views of estimated spectra (B, S', F, N); each is computed once, and only where a loss looks at it."""

    def __init__(self, batch: Batch, stft: StftSettings, estimate: Tensor, mixture: Tensor) -> None:
        self.batch, self.stft, self.estimate, self.mixture = batch, stft, estimate, mixture

    @cached_property
    def spectra(self) -> Pair:
        targets = self.batch.targets[:, : self.estimate.shape[1]]
        return Pair(self.estimate, features.stft(targets, self.stft), self.mixture)

    @cached_property
    def waveforms(self) -> Pair:
        estimate = features.istft(self.estimate, self.stft, self.batch.mixture.shape[-1])
        return with_rest(estimate, self.batch)


class FromWaveforms:
    """Both views of estimated waveforms (B, S', T); each is computed once, and only where a loss looks at it."""

    def __init__(self, batch: Batch, stft: StftSettings, estimate: Tensor) -> None:
        self.batch, self.stft, self.estimate = batch, stft, estimate

    @cached_property
    def spectra(self) -> Pair:
        targets = self.batch.targets[:, : self.estimate.shape[1]]
        estimate, target, mixture = (features.stft(x, self.stft) for x in (self.estimate, targets, self.batch.mixture))
        return Pair(estimate, target, mixture)

    @cached_property
    def waveforms(self) -> Pair:
        return with_rest(self.estimate, self.batch)


def with_rest(estimate: Tensor, batch: Batch) -> Pair:
    """Waveforms (B, S', T) to compare; the source that takes the rest, which no network computes, is among them.

    So that a loss that does not see the level of an estimate, as SI-SDR, cannot leave it free: the rest shows it.
    """
    if estimate.shape[1] < batch.targets.shape[1]:
        rest = batch.mixture[:, None] - estimate.sum(dim=1, keepdim=True)
        estimate = torch.cat((estimate, rest), dim=1)
    return Pair(estimate, batch.targets, batch.mixture)


def weighted(
    terms: Mapping[str, float],
    seen: FromSpectra | FromWaveforms,
    *,
    sample_rate: int,
    interchangeable: bool = False,
) -> dict[str, Tensor]:
    """The weighted sum of an objective's losses as "loss", and every loss under its own name.

    With interchangeable sources the targets of each item are first put into the order that makes the sum smallest.
    """

    def losses(order: Tensor | None) -> dict[str, Tensor]:
        values = {}
        for name in terms:
            loss, pair = (SPECTRAL[name], seen.spectra) if name in SPECTRAL else (WAVEFORM[name], seen.waveforms)
            target = pair.target if order is None else reorder(pair.target, order)
            more = {"sample_rate": sample_rate} if name in RATED else {}
            values[name] = loss(pair.estimate, target, mixture=pair.mixture, **more)
        return values

    def cost(order: Tensor) -> Tensor:
        return summed(terms, losses(order))

    return total(terms, losses(cheapest_order(cost, seen.estimate) if interchangeable else None))


def summed(terms: Mapping[str, float], values: Mapping[str, Tensor]) -> Tensor:
    """The weighted sum of losses (B,) of each item, (B,)."""
    first, *others = (weight * values[name] for name, weight in terms.items())
    return sum(others, start=first)


def total(terms: Mapping[str, float], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means over the items: the weighted sum as "loss", and every loss under its own name."""
    means = {name: value.mean() for name, value in values.items()}
    return {"loss": summed(terms, means), **means}


_OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "mask": MaskObjective,
    "waveform": WaveformObjective,
    "cluster": ClusterObjective,
    "events": EventsObjective,
    "pitched": PitchedObjective,
}


def objective_for(kind: str, terms: Mapping[str, float], settings: Any, *, interchangeable: bool = False) -> Objective:
    """The objective of a network of this kind; UsageError for a loss that does not exist or fit, before any training.

    `settings` are the network's: `sample_rate`, and where it sees spectra `stft`.
    """
    check_terms(terms, kind=kind)
    stft = _looking_glass(settings.sample_rate) if kind == "waveform" else settings.stft
    return _OBJECTIVES[kind](terms, stft=stft, sample_rate=settings.sample_rate, interchangeable=interchangeable)


def _looking_glass(sample_rate: int) -> StftSettings:
    """Windows of 32 ms with half overlap: what speech and music are commonly looked at with."""
    n_fft = 2 * round(0.016 * sample_rate)
    return StftSettings(n_fft=n_fft, hop=n_fft // 2)
