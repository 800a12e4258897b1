"""BSS eval, versions 3 and 4: scores that allow an estimate to be a short filtering of the source.

Conventions
    Arrays are (S, T) or (S, C, T), reference first. An estimate e is projected on the span of delayed references, with
    delays of 0 to taps - 1 samples: P e on those of all sources, P_j e on those of source j alone. Then

        version 3 (bss_eval):            SDR = |P_j e|^2 / |e - P_j e|^2
                                         SIR = |P_j e|^2 / |P e - P_j e|^2
                                         SAR = |P e|^2   / |e - P e|^2
        version 4 (bss_eval_framewise):  SDR = |s|^2     / |e - s|^2,  ISR = |s|^2 / |P_j e - s|^2,  SIR, SAR as above,

    each as 10 log10. Version 4 counts filtering as an error, finds the filters once on the whole signal, and scores
    window by window. Nothing is centred. Sources: Vincent, Gribonval, Févotte, "Performance measurement in blind audio
    source separation", IEEE TASLP 2006; Stöter, Liutkus, Ito, "The 2018 signal separation evaluation campaign".

Silence
    No score is ever NaN. A silent reference (below -120 dBFS) scores None and takes no part in the others' projections;
    a silent estimate scores None. In version 4 a window where any active reference or estimate is all zeros scores None
    for every source, as museval leaves it out for every source.

Exactness
    The filters come from a Cholesky factor in float64 (diagonal load of 1e-12 only where the references repeat one
    another); the energies are then those of the filtered signals themselves, not differences of projections, so that
    scores hold beyond 100 dB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from soli.errors import InputError
from soli.metrics._energies import Energies, Projections
from soli.metrics._filters import References
from soli.metrics.arrays import Score, Signal, difference, pair, signals
from soli.metrics.silence import is_silent

TAPS = 512
_LARGE_DB = 1000.0

Table = dict[tuple[int, int], list[Energies | None]]
"""For each pair of an estimate and an active reference, its energies in every frame."""


@dataclass(frozen=True)
class BssScores:
    """Version 3: a figure a source; `permutation[j]` is the estimate that was matched to reference j."""

    sdr: list[Score]
    sir: list[Score]
    sar: list[Score]
    permutation: tuple[int, ...]


@dataclass(frozen=True)
class FramewiseScores:
    """Version 4: for every source a list with a figure a window; `permutation` as in BssScores."""

    sdr: list[list[Score]]
    isr: list[list[Score]]
    sir: list[list[Score]]
    sar: list[list[Score]]
    permutation: tuple[int, ...]

    def medians(self) -> dict[str, list[Score]]:
        """The median over the windows that have a score, the usual figure of a track; None where none has."""
        return {name: [median(frames) for frames in getattr(self, name)] for name in ("sdr", "isr", "sir", "sar")}


def bss_eval(reference: ArrayLike, estimate: ArrayLike, *, taps: int = TAPS, permute: bool = True) -> BssScores:
    """SDR, SIR, SAR in dB of version 3; (S, T) or (S, C, T); `permute` matches estimates by the best mean SIR.

    Raises InputError.
    """
    references, estimates = pair(reference, estimate)
    return BssEval(references, taps=taps).score(estimates, permute=permute)


def bss_eval_framewise(
    reference: ArrayLike, estimate: ArrayLike, *, window: int, hop: int, taps: int = TAPS, permute: bool = False
) -> FramewiseScores:
    """SDR, ISR, SIR, SAR in dB of version 4; (S, T) or (S, C, T); window and hop in samples (usually 1 s both).

    A signal shorter than the window is one window; an end shorter than a window is left out. Raises InputError.
    """
    references, estimates = pair(reference, estimate)
    return BssEval(references, taps=taps).score_framewise(estimates, window=window, hop=hop, permute=permute)


def evaluate(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    mixture: ArrayLike | None = None,
    taps: int = TAPS,
    permute: bool = False,
) -> dict[str, list[Score]]:
    """Version 3 of each source as {"sdr": [...], "sir": [...], "sar": [...]}, in the order of the references.

    Shapes (S, T) or (S, C, T); `mixture` (T,) or (C, T) adds "..._improvement" over the mixture as estimate.
    Raises InputError.
    """
    references, estimates = pair(reference, estimate)
    judge = BssEval(references, taps=taps)
    found = judge.score(estimates, permute=permute)
    scores = {"sdr": found.sdr, "sir": found.sir, "sar": found.sar}
    if mixture is not None:
        mixed = np.broadcast_to(np.asarray(mixture, dtype=np.float64), references.shape)
        floor = judge.score(mixed, permute=False)
        for name, base in (("sdr", floor.sdr), ("sir", floor.sir), ("sar", floor.sar)):
            scores[f"{name}_improvement"] = [difference(a, b) for a, b in zip(scores[name], base, strict=True)]
    return scores


def median(scores: Sequence[Score]) -> Score:
    """The median of the scores that are defined; None where none is."""
    defined = sorted(score for score in scores if score is not None)
    if not defined:
        return None
    low, high = defined[(len(defined) - 1) // 2], defined[len(defined) // 2]
    return low if low == high else (low + high) / 2


class BssEval:
    """References whose correlations are worked out once, to score any number of estimates of them."""

    def __init__(self, reference: ArrayLike, *, taps: int = TAPS) -> None:
        samples = signals(reference, "reference")
        if taps < 1:
            raise InputError(f"taps is {taps}", wanted="at least 1")
        self.shape = samples.shape
        self.active = [index for index, source in enumerate(samples) if not is_silent(source)]
        self.references = References(samples[self.active], taps)

    def score(self, estimate: ArrayLike, *, permute: bool = True) -> BssScores:
        """SDR, SIR, SAR in dB of version 3 of (S, T) or (S, C, T). Raises InputError."""
        estimates = self._checked(estimate)
        if not self.active:
            nothing: list[Score] = [None] * len(estimates)
            return BssScores(nothing, nothing, nothing, tuple(range(len(estimates))))
        pairs = self._pairs(permute)
        parts = Projections.of(self.references, estimates, pairs).energies(slice(None))
        table: Table = {key: [part] for key, part in zip(pairs, parts, strict=True)}
        order = self._order(table) if permute else tuple(range(len(estimates)))
        rows = self._matched(table, order, 1)
        sdr, sir, sar = ([row[0] for row in _scores(rows, score)] for score in ("filtered_sdr", "sir", "sar"))
        return BssScores(sdr, sir, sar, order)

    def score_framewise(self, estimate: ArrayLike, *, window: int, hop: int, permute: bool = False) -> FramewiseScores:
        """SDR, ISR, SIR, SAR in dB of version 4 of (S, T) or (S, C, T), window by window. Raises InputError."""
        estimates = self._checked(estimate)
        if window < 1 or hop < 1:
            raise InputError(f"window {window}, hop {hop}", wanted="at least one sample each")
        frames = windows(self.shape[-1], window, hop)
        pairs = self._pairs(permute)
        table: Table = {key: [] for key in pairs}
        if self.active:
            whole = Projections.of(self.references, estimates, pairs)
            for frame in frames:
                parts = whole.energies(frame) if whole.sounding(frame) else [None] * len(pairs)
                for key, part in zip(pairs, parts, strict=True):
                    table[key].append(part)
        order = self._order(table) if permute and self.active else tuple(range(len(estimates)))
        rows = self._matched(table, order, len(frames))
        sdr, isr, sir, sar = (_scores(rows, score) for score in ("sdr", "isr", "sir", "sar"))
        return FramewiseScores(sdr, isr, sir, sar, order)

    def _checked(self, estimate: ArrayLike) -> Signal:
        estimates = signals(estimate, "estimate")
        if estimates.shape != self.shape:
            raise InputError(f"the estimate has shape {estimates.shape}", wanted=f"that of the reference, {self.shape}")
        return estimates

    def _matched(self, table: Table, order: tuple[int, ...], frames: int) -> list[list[Energies | None]]:
        """For every source the energies of its estimate in every frame, None for a silent source."""
        columns = {source: column for column, source in enumerate(self.active)}
        return [
            table[estimate, columns[source]] if source in columns else [None] * frames
            for source, estimate in enumerate(order)
        ]

    def _pairs(self, permute: bool) -> list[tuple[int, int]]:
        """(estimate, active reference) to be compared."""
        if not permute:
            return [(source, column) for column, source in enumerate(self.active)]
        return [(estimate, column) for estimate in range(self.shape[0]) for column in range(len(self.active))]

    def _order(self, table: Table) -> tuple[int, ...]:
        """Matches estimates to active references by the best sum of mean SIR, as BSS eval does.

        By SDR where a single reference is active: nothing can interfere there. Silent references take what is left.
        """
        from scipy.optimize import linear_sum_assignment

        score = "sir" if len(self.active) > 1 else "filtered_sdr"
        worth = np.full((self.shape[0], len(self.active)), -_LARGE_DB)
        for key, row in table.items():
            defined = [value for value in _scores([row], score)[0] if value is not None]
            if defined:
                worth[key] = np.mean(np.clip(defined, -_LARGE_DB, _LARGE_DB))
        matched = {self.active[column]: int(row) for row, column in zip(*linear_sum_assignment(-worth), strict=True)}
        left = iter(sorted(set(range(self.shape[0])) - set(matched.values())))
        return tuple(matched[source] if source in matched else next(left) for source in range(self.shape[0]))


def _scores(rows: list[list[Energies | None]], name: str) -> list[list[Score]]:
    return [[None if part is None else getattr(part, name) for part in row] for row in rows]


def windows(total: int, window: int, hop: int) -> list[slice]:
    """The whole windows that fit into `total` samples, at least one."""
    if window >= total:
        return [slice(0, total)]
    return [slice(start, start + window) for start in range(0, total - window + 1, hop)]
