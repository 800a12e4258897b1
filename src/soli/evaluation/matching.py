"""Estimates that come in no order of their own, in the one that suits the references best."""

import numpy as np

from soli.metrics import si
from soli.metrics.silence import bounded
from soli.separation.orders import best_order
from soli.types import Array


def matched(references: Array, estimates: Array, *, among: list[int]) -> Array:
    """Estimates (S, C, T), those `among` in the order with the largest sum of SI-SDR; the others stay where they are.

    All scores of an item are then taken in this one order. A silent reference is matched by what the others leave.
    """
    worth = np.empty((len(among), len(among)))
    for column, place in enumerate(among):
        scores = si.si_sdr(references[among], np.broadcast_to(estimates[place], references[among].shape))
        worth[:, column] = [bounded(each) for each in scores]
    order = list(range(len(estimates)))
    for place, column in zip(among, best_order(worth), strict=True):
        order[place] = among[column]
    return estimates[order]
