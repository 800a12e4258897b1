"""The order of interchangeable sources: which estimate of one stretch goes on which of another, by how they sound.

A network that was trained without regard to order may give speaker 1 first in one window and second in the next, or
first in one channel and second in the other. What two stretches have in common tells which is which. Where nothing
sounds there nothing tells it, and the order stays the network's own.
"""

import numpy as np
from numpy.typing import NDArray

from soli.types import Array

# Envelopes are compared over blocks this long: longer than the delays between the microphones of a recording, shorter
# than a syllable.
_BLOCK_S = 0.02


def best_order(worth: NDArray[np.float64]) -> list[int]:
    """For each row of worth (S, S) the column that goes with it, for the largest sum; in order where all are alike."""
    if not (worth != worth.flat[0]).any():
        return list(range(len(worth)))
    from scipy.optimize import linear_sum_assignment  # takes 0.2 s to import, and only speakers need it

    return [int(column) for column in linear_sum_assignment(worth, maximize=True)[1]]


def continued(before: Array, after: Array) -> list[int]:
    """The order of the sources `after` that goes on `before`, both (S, C, T) and of the same samples."""
    worth = np.einsum("ict,jct->ij", before, after, dtype=np.float64)
    return best_order(worth)


def agreed(estimates: Array, mixture: Array, *, sample_rate: int) -> Array:
    """Estimates (S, C, T), each channel in the order of the loudest channel of the mixture (C, T).

    Sources are told by when they are loud, since phases differ between microphones.
    """
    if mixture.shape[0] < 2 or not mixture.any():
        return estimates
    levels = _envelopes(estimates, max(1, round(_BLOCK_S * sample_rate)))  # (S, C, blocks)
    lead = int(np.argmax(np.square(mixture, dtype=np.float64).sum(axis=-1)))
    result = estimates.copy()
    for channel in range(mixture.shape[0]):
        order = best_order(levels[:, lead] @ levels[:, channel].T)
        result[:, channel] = estimates[order, channel]
    return result


def _envelopes(estimates: Array, block: int) -> NDArray[np.float64]:
    """Root-mean-square levels of blocks of (S, C, T), less their mean over time."""
    blocks = -(-estimates.shape[-1] // block)
    padded = np.zeros((*estimates.shape[:2], blocks * block))
    padded[..., : estimates.shape[-1]] = estimates
    levels = np.sqrt(np.square(padded).reshape(*estimates.shape[:2], blocks, block).mean(axis=-1))
    centred: NDArray[np.float64] = levels - levels.mean(axis=-1, keepdims=True)
    return centred
