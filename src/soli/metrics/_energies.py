"""An estimate taken apart for BSS eval: its projections on the references, and the energies that the scores divide."""

from dataclasses import dataclass

import numpy as np

from soli.metrics._filters import References, filtered
from soli.metrics.arrays import Score, Signal, ratio_db


@dataclass(frozen=True)
class Energies:
    """Energies of one estimate against one reference: s source, e estimate, P and P_j its projections."""

    source: float
    error: float  # e - s
    target: float  # P_j e
    distortion: float  # e - P_j e
    spatial: float  # P_j e - s
    interference: float  # P e - P_j e
    everything: float  # P e
    artefact: float  # e - P e

    @property
    def filtered_sdr(self) -> Score:
        return ratio_db(self.target, self.distortion)

    @property
    def sdr(self) -> Score:
        return ratio_db(self.source, self.error)

    @property
    def isr(self) -> Score:
        return ratio_db(self.source, self.spatial)

    @property
    def sir(self) -> Score:
        return ratio_db(self.target, self.interference)

    @property
    def sar(self) -> Score:
        return ratio_db(self.everything, self.artefact)


@dataclass(frozen=True)
class Projections:
    """Estimates and the filters that project them, for the energies of any stretch of the signal."""

    references: References
    estimates: Signal
    pairs: list[tuple[int, int]]
    filters: Signal  # (estimates + pairs, C, R, L): on all references, then on that of each pair alone

    @classmethod
    def of(cls, references: References, estimates: Signal, pairs: list[tuple[int, int]]) -> "Projections":
        count, width, total = estimates.shape
        together, alone = references.filters(estimates.reshape(-1, total))
        stacked = np.zeros((count + len(pairs), width, *together.shape[1:]))
        stacked[:count] = together.reshape(count, width, *together.shape[1:])
        for row, (estimate, column) in enumerate(pairs, start=count):
            own = slice(column * width, (column + 1) * width)
            stacked[row, :, own] = alone[column, estimate * width : (estimate + 1) * width]
        return cls(references, estimates, pairs, stacked)

    def sounding(self, frame: slice) -> bool:
        """Whether no reference, and no estimate but those silent throughout, is all zeros in the frame."""
        heard = self.estimates[self.estimates.any(axis=(1, 2))]
        return all(bool(part[..., frame].any(axis=(1, 2)).all()) for part in (self.references.samples, heard))

    def energies(self, frame: slice) -> list[Energies]:
        """The energies of every pair over a stretch cut out of the signals, with the tails of the filters."""
        sources = self.references.samples[..., frame]
        estimates = self.estimates[..., frame]
        count, width, total = estimates.shape
        sums = np.zeros((len(self.pairs), 8))
        filters = self.filters.reshape(-1, *self.filters.shape[2:])
        for where, block in filtered(self.references.channels[:, frame], filters):
            projected = block.reshape(-1, width, block.shape[-1])
            for row, (estimate, column) in enumerate(self.pairs):
                e = _padded(estimates[estimate], where, total)
                s = _padded(sources[column], where, total)
                every, own = projected[estimate], projected[count + row]
                terms = (s, e - s, own, e - own, own - s, every - own, every, e - every)
                sums[row] += [np.einsum("ct,ct->", term, term) for term in terms]
        return [Energies(*row) for row in sums.tolist()]


def _padded(signal: Signal, where: slice, total: int) -> Signal:
    """A stretch of (C, T), with zeros after the end."""
    piece = signal[:, where.start : min(where.stop, total)]
    return np.pad(piece, ((0, 0), (0, where.stop - where.start - piece.shape[-1])))
