"""Multi-resolution STFT loss on waveforms. A value an item, (B,)."""

import torch
from torch import Tensor

from soli.train import features
from soli.types import StftSettings

# The paper's three windows at 24 kHz are 10, 25 and 50 ms long. These are 32, 64 and 128 ms at 8 kHz, the rate of the
# recipes that use the loss, and 5, 11 and 21 ms at 48 kHz.
RESOLUTIONS = tuple(StftSettings(n_fft=n_fft, hop=n_fft // 4, window="hann") for n_fft in (256, 512, 1024))

_TINY = 1e-12
# Bins 60 dB under the mixture's mean power count as empty: the logarithm and the root are steep without bound at zero.
_EMPTY = 1e-6
# A target 20 dB under the mixture and less is divided by this much of the mixture instead: silent ones are legal.
_ABSENT = 1e-2


def multi_resolution_stft(estimate: Tensor, target: Tensor, *, mixture: Tensor) -> Tensor:
    """Spectral convergence plus log-magnitude distance, averaged over three window lengths and over the sources.

    With X and Y the magnitudes of estimate and target over I bins, |Y - X| / |Y| + sum |log Y - log X| / I. Waveforms
    (B, S, T), mixture (B, T). Magnitudes are taken relative to the mixture's root mean square, so that the level of the
    recording does not matter. Source: Yamamoto, Song, Kim 2020, "Parallel WaveGAN", equations 3 to 6.
    """
    values = [_one_resolution(estimate, target, mixture, settings) for settings in RESOLUTIONS]
    return torch.stack(values).mean(dim=0)


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
