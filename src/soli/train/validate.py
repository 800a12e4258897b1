"""Validation: the mean SNR improvement over the mixture, of the sources that the network estimates.

Checkpoints are chosen by the SNR, not by the SI-SDR: a source wrongly taken for noise costs no more than all of it,
where the SI-SDR of almost nothing falls without limit and lets one item of a hundred choose the checkpoint.
"""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from soli.data.manifest import Row
from soli.data.render import render
from soli.metrics.si import si_sdr, snr
from soli.train.objectives import Objective
from soli.types import Array

# 80 dB under full scale a reference counts as silent, and has no SI-SDR.
_SILENT_RMS = 1e-4
# A silent estimate scores minus infinity, which no mean survives.
_WORST_DB = -60.0


class Validation:
    """Scores weights on fixed rows."""

    def __init__(
        self, network: nn.Module, objective: Objective, rows: list[Row], *, root: Path, sources: tuple[str, ...]
    ) -> None:
        self.network = copy.deepcopy(network).eval()
        self.objective, self.rows, self.root, self.sources = objective, rows, root, sources

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
            for source, estimate in zip(self.sources, estimates, strict=False):
                reference = item.stems.get(source)
                if reference is None or _silent(reference[0]) or _same(reference[0], item.mixture[0]):
                    continue
                gains.append(_db(snr, reference[0], estimate) - _db(snr, reference[0], item.mixture[0]))
                reached[source].append(_db(si_sdr, reference[0], estimate))
        score = float(np.mean(gains)) if gains else float("-inf")
        means = {f"valid_si_sdr_{source}": float(np.mean(values)) for source, values in reached.items() if values}
        return {"valid_score": round(score, 4), **{name: round(value, 4) for name, value in means.items()}}


def _db(measure: Callable[..., list[float | None]], reference: Array, estimate: Array) -> float:
    (value,) = measure(reference[None], estimate[None])
    return _WORST_DB if value is None else max(value, _WORST_DB)


def _silent(reference: Array) -> bool:
    return bool(np.sqrt(np.mean(np.square(reference, dtype=np.float64))) < _SILENT_RMS)


def _same(reference: Array, mixture: Array) -> bool:
    """An item of one source alone: the improvement over a perfect mixture says nothing."""
    return bool(np.array_equal(reference, mixture))
