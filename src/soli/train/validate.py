"""Validation: the mean SNR improvement over the mixture, of the sources that the network estimates.

Checkpoints are chosen by the SNR, not by the SI-SDR: a source wrongly taken for noise costs no more than all of it,
where the SI-SDR of almost nothing falls without limit and lets one item of a hundred choose the checkpoint.
"""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from soli.data.manifest import Row
from soli.data.render import Rendered, render
from soli.metrics.si import si_sdr, snr
from soli.train.objectives import Objective
from soli.types import Array

# 80 dB under full scale a reference counts as silent, and has no SI-SDR.
_SILENT_RMS = 1e-4
# A silent estimate scores minus infinity and a perfect one plus infinity, which no mean survives.
_WORST_DB, _BEST_DB = -60.0, 100.0


class Validation:
    """Scores weights on fixed rows."""

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        rows: list[Row],
        *,
        root: Path,
        sources: tuple[str, ...],
        interchangeable: bool = False,
    ) -> None:
        self.network = copy.deepcopy(network).eval()
        self.objective, self.rows, self.root, self.sources = objective, rows, root, sources
        self.interchangeable = interchangeable

    @torch.no_grad()
    def run(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """Means in dB: "valid_score", the SNR improvement over all sources, and "valid_si_sdr_SOURCE"."""
        self.network.load_state_dict(weights)
        gains: list[float] = []
        reached: dict[str, list[float]] = {source: [] for source in self.sources}
        for row in self.rows:
            item = render(row, self.root)
            device = next(self.network.parameters()).device
            mixture = torch.from_numpy(item.mixture[:1]).to(device)
            estimates = self.objective.estimate(self.network, mixture)[0].cpu().numpy()
            for source, reference, estimate in self._pairs(item, estimates):
                gains.append(_db(snr, reference, estimate) - _db(snr, reference, item.mixture[0]))
                reached[source].append(_db(si_sdr, reference, estimate))
        score = float(np.mean(gains)) if gains else float("-inf")
        means = {f"valid_si_sdr_{source}": float(np.mean(values)) for source, values in reached.items() if values}
        return {"valid_score": round(score, 4), **{name: round(value, 4) for name, value in means.items()}}

    def _pairs(self, item: Rendered, estimates: Array) -> list[tuple[str, Array, Array]]:
        """Each source that can be scored: its name, its reference (T,) and its estimate (T,)."""
        references = {source: item.stems[source][0] for source in self.sources if source in item.stems}
        if self.interchangeable:
            estimates = best_order(list(references.values()), estimates)
        places = list(references) if self.interchangeable else list(self.sources)
        return [
            (source, reference, estimates[places.index(source)])
            for source, reference in references.items()
            if not (_silent(reference) or _same(reference, item.mixture[0]))
        ]


def best_order(references: list[Array], estimates: Array) -> Array:
    """The estimates (S, T) in the order of the references (T,) that gives the highest mean SNR over those not silent.

    One estimate a reference: what is left over, where some references are missing, is not returned.
    """
    table = [[0.0 if _silent(r) else _db(snr, r, e) for e in estimates] for r in references]
    _, order = linear_sum_assignment(np.reshape(table, (len(references), len(estimates))), maximize=True)
    return estimates[order]


def _db(measure: Callable[..., list[float | None]], reference: Array, estimate: Array) -> float:
    (value,) = measure(reference[None], estimate[None])
    return _WORST_DB if value is None else min(max(value, _WORST_DB), _BEST_DB)


def _silent(reference: Array) -> bool:
    return bool(np.sqrt(np.mean(np.square(reference, dtype=np.float64))) < _SILENT_RMS)


def _same(reference: Array, mixture: Array) -> bool:
    """An item of one source alone: the improvement over a perfect mixture says nothing."""
    return bool(np.array_equal(reference, mixture))
