"""Scale-invariant scores and their relatives: how much of an estimate is the source.

Conventions
    Arrays are (S, T) or (S, C, T), reference first. A source is one vector of all its channels and samples, so one
    gain serves all its channels. Everything is computed in float64. With s the reference and e the estimate,

        alpha   = <s, e> / |s|^2
        SI-SDR  = 10 log10 |alpha s|^2 / |e - alpha s|^2
        SI-SIR  = 10 log10 |alpha s|^2 / |P(e - alpha s)|^2      P: projection on the span of all references
        SI-SAR  = 10 log10 |alpha s|^2 / |(1 - P)(e - alpha s)|^2
        SNR     = 10 log10 |s|^2 / |e - s|^2
        SD-SDR  = SNR + 20 log10 |alpha|
        SRR     = -20 log10 |1 - 1/alpha|                        how far the gain alone is from right

    Source: Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019, equations 3 to 8.

Mean
    `centre=True` (the default) first takes the mean from every channel, as Conv-TasNet's definition and nussl do.
    torchmetrics and fast_bss_eval do not by default: pass `centre=False` to compare with them. Sound without an offset
    scores alike either way.

Silence
    No score is ever NaN. Where the reference is silent (below -120 dBFS after centring) every score is None: see
    `silence.leakage_dbfs` for the figure that counts there. Where only the estimate is silent, SI-SDR, SI-SIR, SI-SAR
    are None (0/0), SNR is 0 dB, SD-SDR and SRR are minus infinity. A perfect estimate scores plus infinity, one without
    any of the source minus infinity. SI-SIR is plus infinity where no other source is active.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from soli.metrics.arrays import Score, Signal, difference, energy, pair, ratio_db
from soli.metrics.silence import is_silent

Scores = list[Score]


@dataclass(frozen=True)
class _Parts:
    """Energies of one source's estimate taken apart; `alpha` is the gain of the reference in the estimate."""

    alpha: float
    reference: float
    target: float
    residual: float
    interference: float
    artefact: float
    error: float


def si_sdr(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Scale-invariant signal-to-distortion ratio in dB of each source; (S, T) or (S, C, T). Raises InputError."""
    return _score(_si_sdr, reference, estimate, centre, project=False)


def si_sir(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Scale-invariant signal-to-interference ratio in dB of each source; (S, T) or (S, C, T). Raises InputError."""
    return _score(_si_sir, reference, estimate, centre)


def si_sar(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Scale-invariant signal-to-artefact ratio in dB of each source; (S, T) or (S, C, T). Raises InputError.

    Never rank by it alone: an estimate that is the untouched mixture has no artefacts.
    """
    return _score(_si_sar, reference, estimate, centre)


def sd_sdr(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Scale-dependent signal-to-distortion ratio in dB of each source; (S, T) or (S, C, T). Raises InputError."""
    return _score(_sd_sdr, reference, estimate, centre, project=False)


def snr(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Signal-to-noise ratio in dB of each source, any gain counted as error; (S, T) or (S, C, T). Raises InputError."""
    return _score(_snr, reference, estimate, centre, project=False)


def srr(reference: ArrayLike, estimate: ArrayLike, *, centre: bool = True) -> Scores:
    """Signal-to-rescaling ratio in dB of each source; (S, T) or (S, C, T). Raises InputError."""
    return _score(_srr, reference, estimate, centre, project=False)


def evaluate(
    reference: ArrayLike, estimate: ArrayLike, *, mixture: ArrayLike | None = None, centre: bool = True
) -> dict[str, Scores]:
    """All six scores in dB of each source: {"si_sdr": [...], "si_sir": ..., "si_sar", "sd_sdr", "snr", "srr"}.

    Shapes (S, T) or (S, C, T); `mixture` (T,) or (C, T) adds for each score "..._improvement", the score minus that of
    the mixture taken as the estimate. Raises InputError.
    """
    references, estimates = _prepare(reference, estimate, centre)
    scores = _all_scores(references, estimates)
    if mixture is not None:
        mixed = np.broadcast_to(np.asarray(mixture, dtype=np.float64), references.shape)
        floor = _all_scores(references, _prepare(reference, mixed, centre)[1])
        for name in FORMULAS:
            gains = [difference(score, base) for score, base in zip(scores[name], floor[name], strict=True)]
            scores[f"{name}_improvement"] = gains
    return scores


def _si_sdr(parts: _Parts) -> Score:
    return ratio_db(parts.target, parts.residual)


def _si_sir(parts: _Parts) -> Score:
    return ratio_db(parts.target, parts.interference)


def _si_sar(parts: _Parts) -> Score:
    return ratio_db(parts.target, parts.artefact)


def _snr(parts: _Parts) -> Score:
    return ratio_db(parts.reference, parts.error)


def _sd_sdr(parts: _Parts) -> Score:
    return ratio_db(parts.target, parts.error)


def _srr(parts: _Parts) -> Score:
    return ratio_db(parts.alpha**2, (parts.alpha - 1.0) ** 2)


FORMULAS: dict[str, Callable[[_Parts], Score]] = {
    "si_sdr": _si_sdr,
    "si_sir": _si_sir,
    "si_sar": _si_sar,
    "sd_sdr": _sd_sdr,
    "snr": _snr,
    "srr": _srr,
}


def _score(
    formula: Callable[[_Parts], Score],
    reference: ArrayLike,
    estimate: ArrayLike,
    centre: bool,
    project: bool = True,
) -> Scores:
    references, estimates = _prepare(reference, estimate, centre)
    taken = _take_apart(references, estimates, project=project)
    return [None if parts is None else formula(parts) for parts in taken]


def _all_scores(references: Signal, estimates: Signal) -> dict[str, Scores]:
    taken = _take_apart(references, estimates, project=True)
    return {name: [None if parts is None else formula(parts) for parts in taken] for name, formula in FORMULAS.items()}


def _prepare(reference: ArrayLike, estimate: ArrayLike, centre: bool) -> tuple[Signal, Signal]:
    references, estimates = pair(reference, estimate)
    if centre:
        references = references - references.mean(axis=-1, keepdims=True)
        estimates = estimates - estimates.mean(axis=-1, keepdims=True)
    return references, estimates


def _take_apart(references: Signal, estimates: Signal, *, project: bool) -> list[_Parts | None]:
    """The parts of every source, None for a silent reference; both arrays (S, C, T)."""
    active = [not is_silent(reference) for reference in references]
    flat, others = references.reshape(len(references), -1), estimates.reshape(len(estimates), -1)
    span = _Span.of(flat[active]) if project and any(active) else None
    return [_parts(flat[index], others[index], span) if active[index] else None for index in range(len(references))]


def _parts(reference: Signal, estimate: Signal, span: "_Span | None") -> _Parts:
    alpha = float(reference @ estimate) / energy(reference)
    target = alpha * reference
    residual = estimate - target
    interference = np.zeros_like(residual) if span is None else span.project(residual)
    return _Parts(
        alpha=alpha,
        reference=energy(reference),
        target=energy(target),
        residual=energy(residual),
        interference=energy(interference),
        artefact=energy(residual - interference),
        error=energy(estimate - reference),
    )


@dataclass(frozen=True)
class _Span:
    """The span of signals (S, T), and the pseudo-inverse (S, S) of their Gram matrix."""

    signals: Signal
    inverse: Signal

    @classmethod
    def of(cls, signals: Signal) -> "_Span":
        """Signals that repeat one another to -130 dB count once."""
        levels = np.array([math.sqrt(energy(signal)) for signal in signals])
        gram = (signals @ signals.T) / np.outer(levels, levels)
        return cls(signals, np.linalg.pinv(gram, rcond=1e-13, hermitian=True) / np.outer(levels, levels))

    def project(self, signal: Signal) -> Signal:
        """The part of (T,) that lies in the span; what the first solution left is solved for once more."""
        once = self.inverse @ (self.signals @ signal)
        again = self.inverse @ (self.signals @ (signal - once @ self.signals))
        return (once + again) @ self.signals
