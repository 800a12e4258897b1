"""Validation of networks of sound events: how well the tags of clips rank each class, and the thresholds they need.

Weights are chosen by the mean over the classes of the average precision: it needs no threshold, so that a network whose
tags are all too low is not taken for one that confuses classes. Strong labels are not looked at, even where rows have
them: a set of weakly labelled clips has none.
"""

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from soli.data.folds import VALID
from soli.data.manifest import Row
from soli.data.render import render
from soli.detection.thresholds import tuned
from soli.errors import DataError
from soli.metrics.arrays import Score
from soli.metrics.tagging import evaluate
from soli.train.objectives import EventsObjective
from soli.train.weak_items import tags_of
from soli.types import Array

# Below so many clips of a class, the threshold that fits them best says little of others.
_FEW = 5


class TagValidation:
    """Scores weights on fixed rows."""

    score, unit = "mean average precision", ""

    def __init__(
        self, network: nn.Module, objective: EventsObjective, rows: list[Row], *, root: Path, classes: tuple[str, ...]
    ) -> None:
        self.network = copy.deepcopy(network).eval()
        self.objective, self.rows, self.root, self.classes = objective, rows, root, classes
        self.truth = np.stack([tags_of(row, classes) for row in rows])

    def check(self) -> None:
        """Raises DataError where no class can be scored: none is in some of the rows, and not in others."""
        counts = self.truth.sum(axis=0)
        if not ((counts > 0) & (counts < len(self.rows))).any():
            raise DataError(
                f"none of the {len(self.classes)} classes can be scored on the {len(self.rows)} rows to validate on",
                wanted="rows with a class and rows without it",
                do="give other rows, or more of them: data.valid, data.valid_split, data.valid_rows",
            )

    def run(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """Means over the classes: "valid_score", the average precision; the area under the ROC, the best F1.

        The thresholds that give each class its best F1 are put into the weights, as the network's `thresholds`: they go
        with the weights that they belong to.
        """
        self.network.load_state_dict(weights)
        tags = self._tags()
        best = tuned(self.truth, tags, classes=self.classes, split=VALID, fewest=_FEW).thresholds
        weights["thresholds"].copy_(torch.tensor(best))
        table = evaluate(self.truth, tags, classes=self.classes, threshold=best)
        macro = table.macro()
        return {
            "valid_score": _number(macro["average_precision"]),
            "valid_auc": _number(macro["roc_auc"]),
            "valid_f1": _number(macro["f1"]),
        }

    @torch.no_grad()
    def _tags(self) -> Array:
        device = next(self.network.parameters()).device
        found = []
        for row in self.rows:
            mixture = torch.from_numpy(render(row, self.root).mixture[:1]).to(device)
            found.append(self.objective.tags(self.network, mixture)[0].cpu().numpy())
        return np.stack(found)


def _number(score: Score) -> float:
    return float("-inf") if score is None else round(float(score), 4)
