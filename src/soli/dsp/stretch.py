"""Time stretching: the same pitches at another tempo, by a phase vocoder.

Frames of the sound, spread more or less densely over it than over the result, are laid `hop` samples apart. For the
waves in them to go on from one to the next, each bin is turned by what its phase lacks: frame m's own predecessor, the
frame one hop before it in the sound, shows what phase should have been reached there, so nothing has to be unwrapped
(Puckette 1995, "Phase-locked vocoder"). A bin follows the turns of its neighbours by their energy, so that the few
bins of one partial stay together. All channels are turned alike: what they differ in stays as it is.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soli.types import Array, ComplexArray

# Windows of this length at least resolve the partials of low notes, and smear attacks by no more.
_WINDOW_S = 0.04
_OVERLAP = 4
_TINY = np.float32(1e-20)


def stretch(samples: Array, *, length: int, sample_rate: int) -> Array:
    """The samples (C, T) made `length` samples long, pitches kept; beyond their ends they count as silent."""
    frames_in = samples.shape[-1]
    if length == frames_in or not np.any(samples):
        return _fitted(samples, length)
    n_fft = 1 << int(np.ceil(np.log2(_WINDOW_S * sample_rate)))
    hop = n_fft // _OVERLAP
    count = -(-length // hop) + 1
    places = np.round(np.arange(count) * (hop * frames_in / length)).astype(int)
    window = _hann(n_fft)
    # The last frame is the first one at or past the end of the result, and lies as far past that of the sound.
    beyond = max(0, int(places[-1]) - frames_in)
    padded = np.pad(samples, ((0, 0), (n_fft // 2 + hop, n_fft // 2 + hop + beyond)))
    framed = sliding_window_view(padded, n_fft, axis=-1)  # (C, T + 2 hop + beyond + 1, n_fft)
    here = _spectra(framed[:, places + hop] * window)
    here *= _turns(here, _spectra(framed[:, places] * window))
    pieces = np.empty((*here.shape[:2], n_fft), np.float32)
    np.fft.irfft(here, n_fft, out=pieces)
    return _laid(pieces * window, hop, length)


def _spectra(frames: Array) -> ComplexArray:
    """Frames (C, N, n_fft) as spectra (C, N, F), in float32 throughout."""
    spectra = np.empty((*frames.shape[:2], frames.shape[2] // 2 + 1), np.complex64)
    np.fft.rfft(frames, out=spectra)
    return spectra


def _turns(here: ComplexArray, before: ComplexArray) -> ComplexArray:
    """What to turn each bin by (N, F), of modulus 1, given frames (C, N, F) and those one hop before them."""
    lacking: ComplexArray = np.ones(here.shape[1:], np.complex64)
    np.einsum("cnf,cnf->nf", here[:, :-1], before[:, 1:].conj(), out=lacking[1:])
    turns = np.ones_like(lacking)
    for frame in range(1, len(turns)):
        waves = lacking[frame] * turns[frame - 1]
        waves[1:-1] = waves[:-2] + waves[1:-1] + waves[2:]
        size = np.abs(waves)
        turns[frame] = np.where(size > _TINY, waves / np.maximum(size, _TINY), 1)
    return turns


def _laid(pieces: Array, hop: int, length: int) -> Array:
    """Frames (C, N, n_fft) added up `hop` samples apart; windows of a quarter's hop sum to 3 / 2 squared."""
    channels, count, n_fft = pieces.shape
    rows = np.zeros((channels, count + _OVERLAP - 1, hop), np.float32)
    for k in range(_OVERLAP):
        rows[:, k : k + count] += pieces[:, :, k * hop : (k + 1) * hop]
    half = n_fft // 2
    rows /= np.float32(1.5)
    return rows.reshape(channels, -1)[:, half : half + length]


def _hann(n_fft: int) -> Array:
    shape: Array = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    return shape


def _fitted(samples: Array, length: int) -> Array:
    cut = samples[:, :length]
    return np.pad(cut, ((0, 0), (0, length - cut.shape[1])))
