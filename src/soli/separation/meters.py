"""What is measured while a recording is taken apart: the null test, and the peak of every stem. Constant memory."""

import math

import numpy as np

from soli.types import Array

ABSENT_DB = -80.0  # dBFS: a stem whose every sample lies below is said to be absent
EXACT_DB = -300.0  # what stands for "no difference at all", since JSON has no minus infinity


class Meter:
    """Adds up the null test and the peaks, block by block."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self.peaks = dict.fromkeys(sources, 0.0)
        self._mixture_energy = 0.0
        self._residual_energy = 0.0

    def add(self, mixture: Array, stems: Array) -> None:
        """One block of the mixture (C, T) and of its stems (S, C, T)."""
        self._mixture_energy += float(np.sum(np.square(mixture, dtype=np.float64)))
        residual = mixture - np.sum(stems, axis=0, dtype=np.float64)
        self._residual_energy += float(np.sum(np.square(residual)))
        for source, stem in zip(self.peaks, stems, strict=True):
            self.peaks[source] = max(self.peaks[source], float(np.max(np.abs(stem), initial=0.0)))

    @property
    def null_db(self) -> float | None:
        """The energy of mixture minus the sum of all stems, relative to the mixture's; None for a silent mixture.

        -300 stands for no difference at all.
        """
        if self._mixture_energy == 0.0:
            return None
        ratio = self._residual_energy / self._mixture_energy
        return max(10.0 * math.log10(ratio), EXACT_DB) if ratio > 0.0 else EXACT_DB

    @property
    def absent(self) -> tuple[str, ...]:
        """The sources with no sample above -80 dBFS."""
        limit = 10.0 ** (ABSENT_DB / 20.0)
        return tuple(source for source, peak in self.peaks.items() if peak < limit)
