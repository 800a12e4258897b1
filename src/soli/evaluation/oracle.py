"""The two marks that every model is read against: the mixture itself, and what an ideal ratio mask would reach.

The ideal mask is |s_j| / sum |s_i| on the true stems, with the transform of the model that is judged, so that it is the
ceiling of real masks at that resolution and with the mixture's phase. It is a mark, not a bound: a complex mask or a
waveform network can pass it.
"""

import numpy as np

from soli.dsp.masks import ratio_mask
from soli.dsp.stft import istft, stft
from soli.types import Array, StftSettings

FALLBACK_RATE = 8000
FALLBACK_STFT = StftSettings(n_fft=512, hop=128)
"""Of what has no transform of its own, waveform networks and the marks: at FALLBACK_RATE windows of 64 ms, as the mask
networks for voice and noise have; other rates get as long ones (`at_rate`)."""


def ideal_ratio_estimates(references: Array, mixture: Array, settings: StftSettings) -> Array:
    """What the ideal ratio mask of the references (S, C, T) makes of the mixture (C, T): estimates (S, C, T)."""
    masks = ratio_mask(stft(references, settings))
    return istft(masks * stft(mixture, settings), settings, mixture.shape[-1])


def mixture_estimates(references: Array, mixture: Array) -> Array:
    """The untouched mixture (C, T) as the estimate of every one of S sources: (S, C, T)."""
    return np.broadcast_to(mixture, references.shape)


def at_rate(settings: StftSettings, *, sample_rate: int, wanted_rate: int) -> StftSettings:
    """The settings with windows of the same duration at another rate: n_fft is made even, the hop at least 1."""
    if sample_rate == wanted_rate:
        return settings
    hop = max(1, round(settings.hop * wanted_rate / sample_rate))
    n_fft = max(2 * hop, 2 * round(settings.n_fft * wanted_rate / sample_rate / 2))
    return StftSettings(n_fft=n_fft, hop=hop, window=settings.window)
