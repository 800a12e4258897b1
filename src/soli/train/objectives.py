"""Objectives: what a network is trained to do with a batch. (network, batch) -> {"loss": ..., "<term>": ...}.

An objective is a weighted sum of losses, written in a recipe as `objective: {soft_snr: 0.1, compressed_magnitude: 1}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from soli.errors import UsageError, near
from soli.train import features
from soli.train.losses import ratio, spectral
from soli.types import StftSettings

Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class Batch:
    """Rendered items: `mixture` (B, T) and `targets` (B, S, T), the sources in the recipe's order."""

    mixture: Tensor
    targets: Tensor


SPECTRAL_LOSSES: Mapping[str, Loss] = {
    "l1_magnitude": spectral.l1_magnitude,
    "compressed_magnitude": spectral.compressed_magnitude,
    "soft_snr": ratio.soft_snr,
}
WAVEFORM_LOSSES: Mapping[str, Loss] = {
    "si_sdr": ratio.negative_si_sdr,
    "waveform_snr": ratio.soft_snr,
}


def check_terms(terms: Mapping[str, float]) -> None:
    """Raises UsageError for a loss that does not exist, before any training."""
    known = [*SPECTRAL_LOSSES, *WAVEFORM_LOSSES]
    for name in terms:
        if name not in known:
            raise UsageError(f'objective: no loss is called "{name}"', do=near(name, known))
    if not terms:
        raise UsageError("objective: no loss is given", wanted="at least one of " + ", ".join(known))


class MaskObjective:
    """For networks that give masks: the first S' sources are estimated, and compared with their targets."""

    def __init__(self, terms: Mapping[str, float], *, stft: StftSettings, sample_rate: int) -> None:
        check_terms(terms)
        self.terms, self.stft, self.sample_rate = terms, stft, sample_rate

    def __call__(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        mixture = features.stft(batch.mixture, self.stft)
        estimate = features.apply_masks(network(features.as_planes(mixture)), mixture)
        targets = batch.targets[:, : estimate.shape[1]]
        values: dict[str, Tensor] = {}
        if spectral_terms := [name for name in self.terms if name in SPECTRAL_LOSSES]:
            target = features.stft(targets, self.stft)
            values |= {n: SPECTRAL_LOSSES[n](estimate, target, mixture=mixture).mean() for n in spectral_terms}
        if waveform_terms := [name for name in self.terms if name in WAVEFORM_LOSSES]:
            audio = features.istft(estimate, self.stft, targets.shape[-1])
            values |= {n: WAVEFORM_LOSSES[n](audio, targets, mixture=batch.mixture).mean() for n in waveform_terms}
        loss = sum((weight * values[name] for name, weight in self.terms.items()), start=mixture.real.new_zeros(()))
        return {"loss": loss, **values}

    def estimate(self, network: nn.Module, mixture: Tensor) -> Tensor:
        """Estimated waveforms (B, S', T) of mixtures (B, T)."""
        spectrum = features.stft(mixture, self.stft)
        masked = features.apply_masks(network(features.as_planes(spectrum)), spectrum)
        return features.istft(masked, self.stft, mixture.shape[-1])
