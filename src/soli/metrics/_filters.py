"""The least-squares distortion filters of BSS eval, by short FFTs and one Gram matrix for all estimates.

An estimate is projected on every reference channel delayed by 0 to taps - 1 samples. The inner products of those
delayed signals only need correlations at lags below `taps`, which blocks of a few thousand samples give with short
transforms; their Gram matrix is block-Toeplitz, is built once, and one Cholesky factor of it serves every estimate.

Letters: S sources, C channels, R = S C reference channels, E estimated channels, L taps, T samples, F bins, N blocks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
import scipy.linalg

from soli.metrics.arrays import Signal, energy

Factor = tuple[Signal, bool]

N_FFT = 8192
"""Length of the short transforms: fast in the cache, and 512 taps waste only an eighth of it."""

BLOCKS = 32
"""Blocks taken at a time: memory stays at some tens of MB for any length."""

LOAD = 1e-12
"""Relative diagonal load, used only where the references' Gram matrix is not positive definite in float64."""


def blocks(signal: Signal, hop: int, lead: int, length: int, total: int) -> Iterator[tuple[int, Signal]]:
    """Cuts (R, T) into pieces of `length` samples, one every `hop`, up to `total` samples, zeros outside.

    Piece number n begins at sample n * hop - lead. Yields the first number and an array (R, N, length), N <= BLOCKS.
    """
    count = -(-total // hop)
    for first in range(0, count, BLOCKS):
        number = min(BLOCKS, count - first)
        start, stop = first * hop - lead, (first + number - 1) * hop - lead + length
        piece = np.zeros((len(signal), stop - start))
        low, high = max(start, 0), min(stop, signal.shape[-1])
        if high > low:
            piece[:, low - start : high - start] = signal[:, low:high]
        view = np.lib.stride_tricks.sliding_window_view(piece, length, axis=-1)
        yield first, view[:, ::hop]


def correlations(left: Signal, right: Signal, taps: int) -> Signal:
    """r[i, j, l] = sum over t of left[i, t] right[j, t + l], for l from -(taps - 1) to taps - 1; (R, T), (E, T)."""
    n_fft = _transform(taps)
    lags = 2 * taps - 1
    hop = n_fft - lags + 1
    total = left.shape[-1]
    sums = np.zeros((n_fft // 2 + 1, len(left), len(right)), dtype=np.complex128)
    pairs = zip(blocks(left, hop, 0, hop, total), blocks(right, hop, taps - 1, n_fft, total), strict=True)
    for (_, short), (_, long) in pairs:
        a = scipy.fft.rfft(short, n_fft, axis=-1).conj()
        b = scipy.fft.rfft(long, n_fft, axis=-1)
        sums += a.transpose(2, 0, 1) @ b.transpose(2, 1, 0)
    return np.ascontiguousarray(scipy.fft.irfft(sums, n_fft, axis=0)[:lags].transpose(1, 2, 0))


@dataclass(frozen=True)
class References:
    """References (S, C, T), none of them silent, ready to have estimates projected on their delayed copies."""

    samples: Signal
    taps: int

    @cached_property
    def levels(self) -> Signal:
        """The root energy of each source: all are solved at unit energy, a quiet source as exactly as a loud one."""
        return np.array([math.sqrt(energy(source)) for source in self.samples])

    @cached_property
    def channels(self) -> Signal:
        """(R, T), every source at unit energy."""
        return (self.samples / self.levels[:, None, None]).reshape(-1, self.samples.shape[-1])

    @cached_property
    def gram(self) -> Signal:
        """(R L, R L): inner products of the delayed references."""
        taps, rows = self.taps, len(self.channels)
        lagged = correlations(self.channels, self.channels, taps)
        delays = np.arange(taps)
        # <left delayed by a, right delayed by b> is the correlation at lag a - b
        toeplitz = lagged[:, :, delays[:, None] - delays[None, :] + taps - 1]
        return np.ascontiguousarray(toeplitz.transpose(0, 2, 1, 3)).reshape(rows * taps, rows * taps)

    @cached_property
    def factors(self) -> list[Factor]:
        """Cholesky factors of the Gram matrices: that of every source alone, then that of all together."""
        size = self.samples.shape[1] * self.taps
        owns = [slice(start, start + size) for start in range(0, len(self.gram), size)]
        return [factor(self.gram[own, own]) for own in owns] + [factor(self.gram)]

    def filters(self, estimate: Signal) -> tuple[Signal, Signal]:
        """Filters that project (E, T) on all references, (E, R, L), and on each source alone, (S, E, C, L)."""
        sources, width = self.samples.shape[:2]
        count, taps = len(estimate), self.taps
        # <reference delayed by a, estimate> is the correlation at lag a
        target = correlations(self.channels, estimate, taps)[:, :, taps - 1 :]
        stacked = target.transpose(0, 2, 1).reshape(sources, width * taps, count)
        alone = [scipy.linalg.cho_solve(self.factors[source], stacked[source]) for source in range(sources)]
        together = scipy.linalg.cho_solve(self.factors[-1], stacked.reshape(-1, count))
        return (
            together.T.reshape(count, sources * width, taps),
            np.stack(alone).transpose(0, 2, 1).reshape(sources, count, width, taps),
        )


def factor(gram: Signal) -> Factor:
    """The Cholesky factor of a Gram matrix; one that float64 finds rank-deficient is loaded by LOAD."""
    try:
        found: Factor = scipy.linalg.cho_factor(gram, lower=True)
    except scipy.linalg.LinAlgError:
        load = LOAD * float(np.trace(gram)) / len(gram)
        found = scipy.linalg.cho_factor(gram + load * np.eye(len(gram)), lower=True)
    return found


def filtered(channels: Signal, filters: Signal) -> Iterator[tuple[slice, Signal]]:
    """Convolves (R, T) with filters (P, R, L) and sums over R; yields (where, (P, samples)) over T + L - 1 samples.

    Filters that are zero for most channels are as cheap as others: the work lies in the transforms.
    """
    taps = filters.shape[-1]
    n_fft = _transform(taps)
    hop = n_fft - taps + 1
    total = channels.shape[-1] + taps - 1
    response = scipy.fft.rfft(filters, n_fft, axis=-1).transpose(2, 0, 1)
    for first, piece in blocks(channels, hop, taps - 1, n_fft, total):
        spectrum = scipy.fft.rfft(piece, n_fft, axis=-1)
        product = (response @ spectrum.transpose(2, 0, 1)).transpose(1, 2, 0)
        valid = scipy.fft.irfft(product, n_fft, axis=-1)[..., taps - 1 :]
        where = slice(first * hop, min((first + piece.shape[1]) * hop, total))
        yield where, valid.reshape(len(filters), -1)[:, : where.stop - where.start]


def _transform(taps: int) -> int:
    return max(N_FFT, 1 << (8 * taps - 1).bit_length())
