"""Utterance-level permutation-invariant training: the order of interchangeable sources is the one that fits best.

Source: Kolbaek, Yu, Tan, Jensen 2017, "Multitalker speech separation with utterance-level permutation invariant
training of deep recurrent neural networks", section III.
"""

from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor


def cheapest_order(cost: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """For each item the order of the targets (B, S) that costs least: estimate s is compared with target order[s].

    Args:
        cost: the loss of each item, (B,), given an order (B, S).
        like: estimates (B, S, ...); only shape and device matter.

    All S! orders are tried, without gradients: the caller evaluates the best one once more with them.
    """
    items, sources = like.shape[:2]
    orders = torch.tensor(list(permutations(range(sources))), device=like.device)  # (P, S)
    with torch.no_grad():
        costs = torch.stack([cost(order.expand(items, sources)) for order in orders])  # (P, B)
    return orders[costs.argmin(dim=0)]


def reorder(targets: Tensor, order: Tensor) -> Tensor:
    """Targets (B, S, ...) of each item in its own order (B, S)."""
    return targets[torch.arange(len(order), device=order.device)[:, None], order]
