"""The mel scale: a matrix from the bins of an STFT to bands that widen with frequency, and one back.

Triangular bands: each rises from the centre of the band below to its own, and falls to the centre of the band above.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.types import Array, MelSettings, StftSettings

# Slaney's scale is linear up to here, and logarithmic above: 27 steps for each factor of 6.4.
_KNEE_HZ, _LINEAR_HZ = 1000.0, 200.0 / 3.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency_hz: ArrayLike, *, scale: str) -> NDArray[np.float64]:
    """Position on the scale, in mel: "htk" (O'Shaughnessy's formula) or "slaney" (that of the Auditory Toolbox)."""
    hz = np.asarray(frequency_hz, dtype=np.float64)
    if scale == "htk":
        found: NDArray[np.float64] = 2595.0 * np.log10(1.0 + hz / 700.0)
        return found
    above = _KNEE_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _LINEAR_HZ, above)


def mel_to_hz(position: ArrayLike, *, scale: str) -> NDArray[np.float64]:
    """The inverse of `hz_to_mel`."""
    mel = np.asarray(position, dtype=np.float64)
    if scale == "htk":
        found: NDArray[np.float64] = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
        return found
    knee = _KNEE_HZ / _LINEAR_HZ
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee))
    return np.where(mel < knee, mel * _LINEAR_HZ, above)


def mel_edges(mel: MelSettings, *, sample_rate: int) -> NDArray[np.float64]:
    """Frequencies (M + 2,) in Hz: band m lies between edges m and m + 2, and is highest at edge m + 1.

    Raises ValueError where the bands would reach beyond half the sample rate.
    """
    highest_hz = sample_rate / 2 if mel.highest_hz is None else mel.highest_hz
    if not mel.lowest_hz < highest_hz <= sample_rate / 2:
        raise ValueError(f"mel bands from {mel.lowest_hz:g} to {highest_hz:g} Hz, at {sample_rate} Hz")
    low, high = hz_to_mel([mel.lowest_hz, highest_hz], scale=mel.scale)
    return mel_to_hz(np.linspace(low, high, mel.bands + 2), scale=mel.scale)


def mel_matrix(stft: StftSettings, mel: MelSettings, *, sample_rate: int) -> Array:
    """Weights (M, F) that give each band of a magnitude spectrum; see `soli.types.MelSettings`.

    Raises ValueError where a band would hold no bin, which would stay empty whatever sounds.
    """
    edges = mel_edges(mel, sample_rate=sample_rate)
    bins_hz = np.arange(stft.bins) * sample_rate / stft.n_fft
    rise = (bins_hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins_hz) / np.diff(edges)[1:, None]
    weights = np.maximum(0.0, np.minimum(rise, fall))
    empty = int((weights.sum(axis=1) == 0).sum())
    if empty:
        raise ValueError(
            f"{empty} of {mel.bands} mel bands would hold no bin of {sample_rate / stft.n_fft:.1f} Hz; "
            "wanted fewer bands, a higher lowest_hz or a longer n_fft"
        )
    if mel.norm == "area":
        weights *= 2.0 / (edges[2:] - edges[:-2])[:, None]
    elif mel.norm == "mean":
        weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)


def mel_to_bins(matrix: Array) -> Array:
    """Weights (F, M) that expand masks from bands to bins: the transposed matrix, its rows divided by their sums.

    A mask of ones gives ones at every bin that a band holds, and zeros at the others, below the lowest band and above
    the highest: those belong to no class.
    """
    totals = matrix.sum(axis=0)  # (F,)
    return np.ascontiguousarray((matrix / np.where(totals > 0, totals, 1.0)).T)
