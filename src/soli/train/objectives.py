"""Objectives: what a network is trained to do with a batch. (network, batch) -> {"loss": ..., "<term>": ...}.

An objective is a weighted sum of losses, written in a recipe as `objective: {soft_snr: 0.1, compressed_magnitude: 1}`.
Which objective a network gets depends on its kind alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from soli.errors import UsageError, near
from soli.train import features
from soli.train.losses import ratio, spectral
from soli.types import StftSettings

Loss = Callable[..., Tensor]

SPECTRAL_LOSSES: Mapping[str, Loss] = {
    "l1_magnitude": spectral.l1_magnitude,
    "compressed_magnitude": spectral.compressed_magnitude,
    "soft_snr": ratio.soft_snr,
}
WAVEFORM_LOSSES: Mapping[str, Loss] = {
    "si_sdr": ratio.negative_si_sdr,
    "waveform_snr": ratio.soft_snr,
}


@dataclass(frozen=True)
class Batch:
    """Rendered items: `mixture` (B, T) and `targets` (B, S, T), the sources in the recipe's order."""

    mixture: Tensor
    targets: Tensor


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

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        estimate, mixture = self._spectra(network, batch.mixture)
        length = batch.mixture.shape[-1]
        return weighted(
            self.terms,
            batch,
            stft=self.stft,
            spectra=lambda: (estimate, mixture),
            waveforms=lambda: features.istft(estimate, self.stft, length),
        )

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor:
        return features.istft(self._spectra(network, mixture)[0], self.stft, mixture.shape[-1])

    def _spectra(self, network: nn.Module, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """The estimated spectra (B, S', F, N) of mixtures (B, T), and the spectrum (B, F, N) of the mixtures."""
        spectrum = features.stft(mixture, self.stft)
        return features.apply_masks(network(features.as_planes(spectrum)), spectrum), spectrum


@dataclass(frozen=True)
class WaveformObjective:
    """For networks from waveform to waveforms; spectral losses look through an STFT of their own."""

    terms: Mapping[str, float]
    stft: StftSettings
    sample_rate: int

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        estimate = self.estimate(network, batch.mixture)
        return weighted(
            self.terms,
            batch,
            stft=self.stft,
            spectra=lambda: (features.stft(estimate, self.stft), features.stft(batch.mixture, self.stft)),
            waveforms=lambda: estimate,
        )

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor:
        estimate: Tensor = network(mixture[:, None])
        return estimate


def weighted(
    terms: Mapping[str, float],
    batch: Batch,
    *,
    stft: StftSettings,
    spectra: Callable[[], tuple[Tensor, Tensor]],
    waveforms: Callable[[], Tensor],
) -> dict[str, Tensor]:
    """The weighted sum of an objective's losses as "loss", and every loss under its own name.

    `spectra` gives the estimated spectra (B, S', F, N) and the mixture's (B, F, N), `waveforms` the estimates
    (B, S', T); each is called only where a loss needs it.
    """
    values: dict[str, Tensor] = {}
    if names := [name for name in terms if name in SPECTRAL_LOSSES]:
        estimate, mixture = spectra()
        target = features.stft(batch.targets[:, : estimate.shape[1]], stft)
        values |= {name: SPECTRAL_LOSSES[name](estimate, target, mixture=mixture).mean() for name in names}
    if names := [name for name in terms if name in WAVEFORM_LOSSES]:
        audio = waveforms()
        targets = batch.targets[:, : audio.shape[1]]
        values |= {name: WAVEFORM_LOSSES[name](audio, targets, mixture=batch.mixture).mean() for name in names}
    loss = sum((weight * values[name] for name, weight in terms.items()), start=batch.mixture.new_zeros(()))
    return {"loss": loss, **values}


def objective_for(kind: str, terms: Mapping[str, float], settings: Any) -> Objective:
    """The objective of a network of this kind; UsageError for a loss that does not exist, before any training."""
    check_terms(terms)
    if kind == "mask":
        return MaskObjective(terms, stft=settings.stft, sample_rate=settings.sample_rate)
    if kind == "waveform":
        # 32 ms windows with half overlap: what speech and music are commonly looked at with.
        n_fft = 2 * round(0.016 * settings.sample_rate)
        stft = StftSettings(n_fft=n_fft, hop=n_fft // 2)
        return WaveformObjective(terms, stft=stft, sample_rate=settings.sample_rate)
    raise UsageError(f"no objective is known for networks of kind {kind}", wanted="kind mask or waveform")


def check_terms(terms: Mapping[str, float]) -> None:
    """Raises UsageError for a loss that does not exist, and where none is given."""
    known = [*SPECTRAL_LOSSES, *WAVEFORM_LOSSES]
    for name in terms:
        if name not in known:
            raise UsageError(f'objective: no loss is called "{name}"', do=near(name, known))
    if not terms:
        raise UsageError("objective: no loss is given", wanted="at least one of " + ", ".join(known))
