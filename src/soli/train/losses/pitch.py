"""Losses on logarithmic bands, for networks that give pitches beside masks. A value an item, (B,).

Both look at band energies alone, which are computed once, without gradients: from 4097 bins 293 bands are left.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-12
# Where errors stop to count: 40 dB under the mixture, as for `soft_snr`.
_FLOOR = 1e-4
# The salience of a pitch: what is at its partials, each a little less than the one before, of roots of amplitudes. With
# these and 12 partials a tone's own pitch is the most salient in 99.8 % of the frames of 16 rendered quartets.
_FADING, _POWER = 0.87, 0.25
# A source 30 dB under the mixture's mean power has no pitch.
_SILENT = 1e-3
# How sure a label is: the pitch's own band, and each of its neighbours.
_OWN, _BESIDE = 0.6, 0.2


@dataclass(frozen=True)
class Bands:
    """Energies in bands: the mixture's (B, M, N), the sources' (B, S, M, N), and the products (B, S, M, N) of both."""

    mixture: Tensor
    sources: Tensor
    common: Tensor


@torch.no_grad()
def bands_of(mixture: Tensor, target: Tensor, from_bands: Tensor) -> Bands:
    """Band energies of complex spectra (B, F, N) and (B, S, F, N), with the weights (F, M) that spread masks to bins.

    With masks m of bands the energy of the error sum_f w_fm |m X - S|^2 is m^2 mixture - 2 m common + sources.
    """
    below = int((from_bands[:, -1] < 1).sum())  # what is above the last band has hardly any energy, and is left out
    gather = from_bands[:below].T
    mixture, target = mixture[:, :below], target[:, :, :below]
    common = mixture.real[:, None] * target.real + mixture.imag[:, None] * target.imag
    return Bands(gather @ _power(mixture), gather @ _power(target), gather @ common)


def band_snr(masks: Tensor, bands: Bands) -> Tensor:
    """`soft_snr` of masks (B, S, M, N) held over each band: an upper bound of that of the interpolated masks."""
    error = masks.square() * bands.mixture[:, None] - 2 * masks * bands.common + bands.sources
    energy = error.sum(dim=(2, 3)).clamp(min=0).mean(dim=1)
    return 10 * torch.log10(energy / (bands.mixture.sum(dim=(1, 2)) + _TINY) + _FLOOR)


def pitch_entropy(scores: Tensor, bands: Bands, *, steps: list[int]) -> Tensor:
    """Cross entropy of the scores (B, S, P + 1, N) of pitches, in nats a frame, given the pitches of the sources alone.

    `steps` are the distances in bands of a tone's partials, the first of which is 0.
    """
    count = scores.shape[2] - 1
    labels = smooth(pitches_of(bands, count=count, steps=steps), count=count)
    return -(labels * scores.log_softmax(dim=2)).sum(dim=2).mean(dim=(1, 2))


@torch.no_grad()
def pitches_of(bands: Bands, *, count: int, steps: list[int]) -> Tensor:
    """The pitch of each source alone in each frame, (B, S, N): one of `count` bands, or `count` where it is silent."""
    level = bands.sources**_POWER
    salience = torch.zeros_like(level[:, :, :count])
    for index, by in enumerate(steps):
        partial = level[:, :, by : by + count]
        salience[:, :, : partial.shape[2]] += _FADING**index * partial
    mean = bands.mixture.sum(dim=1).mean(dim=1)[:, None, None]
    silent = bands.sources.sum(dim=2) <= _SILENT * mean
    return torch.where(silent, count, salience.argmax(dim=2))


def smooth(pitches: Tensor, *, count: int) -> Tensor:
    """Labels (B, S, P + 1, N) of pitches (B, S, N): what vibrates or lies between two bands is both."""
    sharp = functional.one_hot(pitches, count + 1).transpose(2, 3).float()
    tones, none = sharp[:, :, :-1], sharp[:, :, -1:]
    beside = functional.pad(tones[:, :, 1:], (0, 0, 0, 1)) + functional.pad(tones[:, :, :-1], (0, 0, 1, 0))
    labels = torch.cat([_OWN * tones + _BESIDE * beside, none], dim=2)
    return labels / labels.sum(dim=2, keepdim=True)


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()
