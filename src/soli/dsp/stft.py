"""Short-time Fourier transform and its least-squares inverse, as `soli.types.StftSettings` defines them.

numpy's transform is taken, not scipy's: both keep float32, and importing scipy.fft costs 0.17 s at every start, more
than numpy loses on ten minutes of audio.
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soli.types import Array, ComplexArray, StftSettings


def frame_count(length: int, hop: int) -> int:
    """Number of frames N of a signal of T samples."""
    return -(-length // hop) + 1


@lru_cache(maxsize=16)
def window(settings: StftSettings) -> Array:
    """The periodic analysis and synthesis window, float32 (n_fft,), read-only."""
    phase = 2 * np.pi * np.arange(settings.n_fft) / settings.n_fft
    if settings.window == "hamming":
        shape = 0.54 - 0.46 * np.cos(phase)
    else:
        shape = 0.5 - 0.5 * np.cos(phase)
    if settings.window == "sqrt_hann":
        shape = np.sqrt(shape)
    result: Array = shape.astype(np.float32)
    result.flags.writeable = False
    return result


def stft(audio: Array, settings: StftSettings) -> ComplexArray:
    """Complex spectrum complex64 (..., F, N) of audio float32 (..., T).

    Frame n is centred on sample n x hop; outside the signal there are zeros. Nothing is scaled: a bin is the plain sum
    over the windowed frame. The result is a transposed view: its frames, not its bins, lie far apart in memory.
    """
    *batch, length = audio.shape
    n_fft, hop = settings.n_fft, settings.hop
    frames = frame_count(length, hop)
    padded = np.zeros((*batch, (frames - 1) * hop + n_fft), dtype=np.float32)
    padded[..., n_fft // 2 : n_fft // 2 + length] = audio
    framed = sliding_window_view(padded, n_fft, axis=-1)[..., ::hop, :] * window(settings)  # (..., N, n_fft)
    spectrum = np.empty((*batch, frames, settings.bins), dtype=np.complex64)
    np.fft.rfft(framed, axis=-1, out=spectrum)
    return spectrum.swapaxes(-1, -2)


def istft(spectrum: ComplexArray, settings: StftSettings, length: int) -> Array:
    """Audio float32 (..., T = `length`) from a complex spectrum (..., F, N): least-squares overlap-add.

    Each frame is windowed once more, and their sum is divided by the summed squared window, so that the result's own
    spectrum is the closest to the one given (Griffin and Lim 1984, eq. 6); an unchanged spectrum gives its signal back.

    Raises:
        ValueError: the spectrum has other bins than the settings, or another number of frames than `length` needs.
    """
    *batch, bins, frames = spectrum.shape
    if (bins, frames) != (settings.bins, frame_count(length, settings.hop)):
        raise ValueError(
            f"a spectrum of {bins} bins x {frames} frames; {length} samples need "
            f"{settings.bins} x {frame_count(length, settings.hop)}"
        )
    pieces = np.empty((*batch, frames, settings.n_fft), dtype=np.float32)
    np.fft.irfft(spectrum.swapaxes(-1, -2), n=settings.n_fft, axis=-1, out=pieces)
    pieces *= window(settings)
    rows = _overlap_add(pieces, settings.hop)
    _divide_by_weight(rows, settings, frames)
    half = settings.n_fft // 2
    return rows.reshape(*batch, -1)[..., half : half + length]


def _overlap_add(pieces: Array, hop: int) -> Array:
    """Sums frames (..., N, n_fft) placed `hop` samples apart, in rows (..., N + R - 1, hop), R = ceil(n_fft / hop)."""
    *batch, frames, n_fft = pieces.shape
    overlap = -(-n_fft // hop)
    rows = np.zeros((*batch, frames + overlap - 1, hop), dtype=np.float32)
    for k in range(overlap):
        part = pieces[..., k * hop : (k + 1) * hop]  # the last one may be narrower than a hop
        rows[..., k : k + frames, : part.shape[-1]] += part
    return rows


def _divide_by_weight(rows: Array, settings: StftSettings, frames: int) -> None:
    """Divides overlap-added rows in place by the summed squared window, periodic but for the first and last rows."""
    squared = window(settings) ** 2
    overlap = rows.shape[-2] - frames + 1
    edge = min(frames, overlap)
    # A run of 2 x edge frames has the same ends as a longer one, and one row between them that is the periodic part.
    short = min(frames, 2 * edge)
    weight = _overlap_add(np.broadcast_to(squared, (short, settings.n_fft)), settings.hop)
    weight[weight == 0] = 1  # samples that no window reaches lie outside the signal and are cut off by the caller
    if short == frames:
        rows /= weight
        return
    rows[..., :edge, :] /= weight[:edge]
    rows[..., edge:-edge, :] /= weight[edge]
    rows[..., -edge:, :] /= weight[-edge:]
