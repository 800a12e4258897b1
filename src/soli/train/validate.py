"""Validation: the mean SNR improvement over the mixture, of all sources that the network estimates, and of the rest.

Checkpoints are chosen by the SNR, not by the SI-SDR: a source wrongly taken for noise costs no more than all of it,
where the SI-SDR of almost nothing falls without limit and lets one item of a hundred choose the checkpoint. Rows are
judged whole: what use does with windows is for evaluation to judge.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from soli.data.manifest import Row
from soli.data.render import Rendered, render
from soli.errors import DataError
from soli.metrics.si import si_sdr, snr
from soli.metrics.silence import bounded, is_silent, states_of
from soli.train.objectives import Objective
from soli.types import Array


class Judge(Protocol):
    """Scores weights on fixed rows: `run` gives "valid_score", by which the best are chosen, and other values to log.

    `score` says what that is, and `unit` in what, for people.
    """

    score: str
    unit: str
    rows: list[Row]

    def run(self, weights: dict[str, Tensor]) -> dict[str, float]: ...


class Validation:
    """Scores weights on fixed rows."""

    score, unit = "SNR improvement", "dB"

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        rows: list[Row],
        *,
        root: Path,
        sources: tuple[str, ...],
        rest: str | None = None,
        interchangeable: bool = False,
    ) -> None:
        self.network = copy.deepcopy(network).eval()
        self.objective, self.rows, self.root, self.sources = objective, rows, root, sources
        self.rest, self.interchangeable = rest, interchangeable

    def check(self) -> None:
        """Raises DataError where no row has a source to score, so that no weights could ever be the best."""
        for row in self.rows:
            item = render(row, self.root)
            if _scored(self._references(item), item):
                return
        raise DataError(
            f"none of the {len(self.rows)} rows to validate on can be scored: silent, or one source alone",
            wanted=f"mixtures of {', '.join(self.sources)} and something else",
            do="give other rows, or more of them: data.valid, data.valid_split, data.valid_rows",
        )

    @torch.no_grad()
    def run(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """Means in dB: "valid_score", the SNR improvement over all sources, and "valid_si_sdr_SOURCE"."""
        self.network.load_state_dict(weights)
        gains: list[float] = []
        reached: dict[str, list[float]] = {}
        for row in self.rows:
            item = render(row, self.root)
            device = next(self.network.parameters()).device
            mixture = torch.from_numpy(item.mixture[:1]).to(device)
            estimates = self.objective.estimate(self.network, mixture)[0].cpu().numpy()
            if self.rest is not None:
                estimates = np.concatenate([estimates, item.mixture[:1] - estimates.sum(axis=0, keepdims=True)])
            for source, reference, estimate in self._pairs(item, estimates):
                gains.append(_db(snr, reference, estimate) - _db(snr, reference, item.mixture[0]))
                reached.setdefault(source, []).append(_db(si_sdr, reference, estimate))
        score = float(np.mean(gains)) if gains else float("-inf")
        means = {f"valid_si_sdr_{source}": float(np.mean(values)) for source, values in reached.items()}
        return {"valid_score": round(score, 4), **{name: round(value, 4) for name, value in means.items()}}

    def _pairs(self, item: Rendered, estimates: Array) -> list[tuple[str, Array, Array]]:
        """Each source that can be scored: its name, its reference (T,) and its estimate (T,)."""
        references = self._references(item)
        if self.interchangeable:
            estimates = nearest_estimates(list(references.values()), estimates)
        places = list(references) if self.interchangeable else [*self.sources, self.rest]
        return [(source, references[source], estimates[places.index(source)]) for source in _scored(references, item)]

    def _references(self, item: Rendered) -> dict[str, Array]:
        """The references (T,) of the sources that an item has, and of the rest: what they leave of the mixture."""
        references = {source: item.stems[source][0] for source in self.sources if source in item.stems}
        return references if self.rest is None else {**references, self.rest: _left(references, item)}


def _left(references: dict[str, Array], item: Rendered) -> Array:
    """What the references (T,) leave of an item's mixture."""
    left: Array = item.mixture[0] - sum(references.values(), np.zeros_like(item.mixture[0]))
    return left


def _scored(references: dict[str, Array], item: Rendered) -> list[str]:
    """The sources that sound, and not alone: an improvement over a perfect mixture says nothing."""
    states = states_of(np.stack([*references.values(), _left(references, item)]))
    return [source for source, state in zip(references, states, strict=False) if state == "scored"]


def nearest_estimates(references: list[Array], estimates: Array) -> Array:
    """The estimates (S, T) in the order of the references (T,) that gives the highest mean SNR over those not silent.

    One estimate a reference: what is left over, where some references are missing, is not returned.
    """
    table = [[0.0 if is_silent(np.asarray(r, np.float64)) else _db(snr, r, e) for e in estimates] for r in references]
    _, order = linear_sum_assignment(np.reshape(table, (len(references), len(estimates))), maximize=True)
    return estimates[order]


def _db(measure: Callable[..., list[float | None]], reference: Array, estimate: Array) -> float:
    (value,) = measure(reference[None], estimate[None])
    return bounded(value)
