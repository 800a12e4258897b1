"""Multi-resolution STFT loss on waveforms. A value an item, (B,)."""

import torch
from torch import Tensor

from soli.train import features
from soli.types import StftSettings

# Of the three windows, with hops of a quarter: 32, 64 and 128 ms long. The paper's are 10, 25 and 50 ms.
_HOPS_S = (0.008, 0.016, 0.032)

_TINY = 1e-12
# Bins 60 dB under the mixture's mean power count as empty: the logarithm and the root are steep without bound at zero.
_EMPTY = 1e-6
# Added to the target's power, as a part of the mixture's: silent targets are legal, and are divided by something.
_ABSENT = 1e-2


def multi_resolution_stft(estimate: Tensor, target: Tensor, *, mixture: Tensor, sample_rate: int) -> Tensor:
    """Spectral convergence plus log-magnitude distance, averaged over three window lengths and over the sources.

    With X and Y the magnitudes of estimate and target over I bins, |Y - X| / |Y| + sum |log Y - log X| / I. Waveforms
    (B, S, T), mixture (B, T). Magnitudes are taken relative to the mixture's root mean square, so that the level of the
    recording does not matter. Source: Yamamoto, Song, Kim 2020, "Parallel WaveGAN", equations 3 to 6, to which floors
    are added in relation to the mixture: 60 dB under it in every bin, 20 dB under it in the |Y| that is divided by.
    """
    values = [_one_resolution(estimate, target, mixture, settings) for settings in resolutions(sample_rate)]
    return torch.stack(values).mean(dim=0)


def resolutions(sample_rate: int) -> list[StftSettings]:
    """Windows of the same three lengths in time at every rate."""
    hops = [max(1, round(hop_s * sample_rate)) for hop_s in _HOPS_S]
    return [StftSettings(n_fft=4 * hop, hop=hop, window="hann") for hop in hops]


def _one_resolution(estimate: Tensor, target: Tensor, mixture: Tensor, settings: StftSettings) -> Tensor:
    level = _power(mixture, settings).mean(dim=(1, 2))[:, None, None, None] + _TINY
    found, wanted = (_power(x, settings) / level + _EMPTY for x in (estimate, target))  # (B, S, F, N)
    bins = found.shape[2] * found.shape[3]
    difference = (found.sqrt() - wanted.sqrt()).square().sum(dim=(2, 3))
    convergence = ((difference + _TINY) / (wanted.sum(dim=(2, 3)) + _ABSENT * bins)).sqrt()  # (B, S)
    logarithmic = 0.5 * (found.log() - wanted.log()).abs().mean(dim=(2, 3))  # (B, S)
    return (convergence + logarithmic).mean(dim=1)


def _power(audio: Tensor, settings: StftSettings) -> Tensor:
    spectrum = features.stft(audio, settings)
    return spectrum.real.square() + spectrum.imag.square()
