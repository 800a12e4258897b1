"""Time-frequency masks: how one is applied, and the ideal ones that bound what a mask network can reach.

Ideal masks take the spectra of the true sources (S, ..., F, N) and return masks of the same shape. Where every source
is silent, each gets a mask of zero: silence stays silence.
"""

from collections.abc import Callable

import numpy as np

from soli.types import Array, ComplexArray


def apply_masks(masks: Array, spectrum: ComplexArray) -> ComplexArray:
    """Masked spectra (B, S, F, N) from masks (B, S, M, F, N), M = 1 real or 2 complex, and a spectrum (B, F, N).

    The result lies in memory as `spectrum` does (frame by frame, if it came from `stft`), ready for `istft`.

    Raises:
        ValueError: M is neither 1 nor 2.
    """
    planes = masks.shape[2]
    if planes not in (1, 2):
        raise ValueError(f"masks of {planes} planes; wanted 1 (real) or 2 (real and imaginary part)")
    by_frame = spectrum.swapaxes(-1, -2)  # (B, N, F)
    masked = np.empty((*masks.shape[:2], *by_frame.shape[1:]), dtype=np.complex64)  # (B, S, N, F)
    masked.real = masks[:, :, 0].swapaxes(-1, -2)
    masked.imag = masks[:, :, 1].swapaxes(-1, -2) if planes == 2 else 0
    masked *= by_frame[:, None]
    return masked.swapaxes(-1, -2)


def as_planes(spectrum: ComplexArray) -> Array:
    """Real and imaginary parts as planes, what a mask network takes: complex (B, F, N) to float32 (B, 2, F, N)."""
    batch, bins, frames = spectrum.shape
    planes = np.empty((batch, 2, bins, frames), dtype=np.float32)
    planes[:, 0] = spectrum.real
    planes[:, 1] = spectrum.imag
    return planes


def ratio_mask(sources: ComplexArray) -> Array:
    """Ideal ratio mask |s_j| / sum |s_i| (Narayanan and Wang 2013, with exponent 1 on magnitudes)."""
    return _shares(np.abs(sources))


def wiener_mask(sources: ComplexArray) -> Array:
    """Power ratio |s_j|^2 / sum |s_i|^2, the Wiener filter of known spectra."""
    return _shares(np.abs(sources) ** 2)


def binary_mask(sources: ComplexArray) -> Array:
    """Ideal binary mask: 1 for the loudest source of a bin, 0 for the others; the first one wins a tie."""
    magnitude = np.abs(sources)
    loudest = np.argmax(magnitude, axis=0)
    mask = np.stack([loudest == index for index in range(len(sources))]).astype(np.float32)
    mask *= magnitude.max(axis=0) > 0
    return mask


def phase_sensitive_mask(sources: ComplexArray) -> Array:
    """Real part of s_j / x, x the sum of the sources (Erdogan et al. 2015, eq. 9): the best real mask, unbounded."""
    return np.ascontiguousarray(complex_mask(sources).real)


def complex_mask(sources: ComplexArray) -> ComplexArray:
    """Ideal complex mask s_j / x, x the sum of the sources (Williamson et al. 2016): gives the sources back.

    Where the sources cancel (x = 0) no mask can help, and it is zero.
    """
    mixture = sources.sum(axis=0)
    mask = np.zeros_like(sources)
    np.divide(sources, mixture, out=mask, where=mixture != 0)
    return mask


IDEAL_MASKS: dict[str, Callable[[ComplexArray], Array | ComplexArray]] = {
    "ratio": ratio_mask,
    "wiener": wiener_mask,
    "binary": binary_mask,
    "phase-sensitive": phase_sensitive_mask,
    "complex": complex_mask,
}


def mixture_consistency(estimates: Array, mixture: Array) -> Array:
    """Shifts estimates (S, ..., T) by equal parts of what they lack, so that they sum to the mixture (..., T).

    The projection onto the nearest set of signals that sum to the mixture (Wisdom et al. 2019, eq. 5, equal weights).
    """
    missing = (mixture - estimates.sum(axis=0)) / np.float32(len(estimates))
    consistent: Array = estimates + missing
    return consistent


def _shares(weights: Array) -> Array:
    """Each source's part of the sum over sources, zero where the sum is zero."""
    total = weights.sum(axis=0)
    shares = np.zeros_like(weights)
    np.divide(weights, total, out=shares, where=total > 0)
    return shares
