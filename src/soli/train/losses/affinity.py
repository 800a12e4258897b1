"""Deep-clustering losses between an embedding of the bins and the sources that rule them.

With V (I, D) the unit embeddings of an item's I bins, Y (I, S) which source is loudest in each, and W the diagonal of
weights w that sum to one,

    loss = |W^1/2 (V V' - Y Y') W^1/2|^2 = |V'WV|^2 - 2 |V'WY|^2 + |Y'WY|^2        (squared Frobenius norms)

the mean squared error of the affinities v_i.v_j over all pairs of bins. The right side needs D x D numbers where the
left needs I x I. Source: Hershey et al. 2016, "Deep clustering: discriminative embeddings for segmentation and
separation", equations 1 and 4; the weights by magnitude are W_MR of Wang, Le Roux, Hershey 2018, "Alternative objective
functions for deep clustering", section 2.
"""

import torch
from torch import Tensor
from torch.nn import functional

from soli.separation.clustering import FLOOR_DB

_TINY = 1e-12


def deep_clustering(estimate: Tensor, target: Tensor, *, mixture: Tensor, together: bool = False) -> Tensor:
    """Affinity error over the bins less than 40 dB under an item's loudest one, each counted alike.

    Args:
        estimate: the embedding (B, D, F, N), of unit norm along D.
        target: the sources' complex spectra (B, S, F, N).
        mixture: the mixture's complex spectrum (B, F, N).
        together: take the whole batch as one set of bins, so that a source is embedded alike in every item.

    Returns:
        A value an item (B,), or one value for the batch (1,) when taken together. Silent items give 0.
    """
    return _affinity(estimate, target, weights=loud(mixture), together=together)


def deep_clustering_weighted(estimate: Tensor, target: Tensor, *, mixture: Tensor, together: bool = False) -> Tensor:
    """`deep_clustering` with each bin weighted by its share of the sum of the mixture's magnitudes; no floor."""
    return _affinity(estimate, target, weights=mixture.abs(), together=together)


def loud(mixture: Tensor) -> Tensor:
    """1 where a bin lies less than 40 dB under the item's loudest one, else 0, (B, F, N); silence has no such bin."""
    power = mixture.real.square() + mixture.imag.square()
    return (power > 10 ** (-FLOOR_DB / 10) * power.amax(dim=(1, 2), keepdim=True)).to(power.dtype)


def loudest_source(target: Tensor) -> Tensor:
    """One-hot over S of the source that is loudest in each bin: (B, S, F, N) complex to (B, S, F, N) real."""
    magnitude = target.abs()
    return functional.one_hot(magnitude.argmax(dim=1), target.shape[1]).movedim(-1, 1).to(magnitude.dtype)


def source_means(embedding: Tensor, target: Tensor, *, mixture: Tensor) -> tuple[Tensor, Tensor]:
    """The mean embedding (S, D) of the loud bins in which each source is the loudest, and how many (S,) these are."""
    ruled = loudest_source(target) * loud(mixture)[:, None]  # (B, S, F, N)
    bins = ruled.sum(dim=(0, 2, 3))
    return torch.einsum("bdfn,bsfn->sd", embedding, ruled) / bins.clamp(min=1)[:, None], bins


def _affinity(embedding: Tensor, target: Tensor, *, weights: Tensor, together: bool) -> Tensor:
    share = weights / weights.sum(dim=(1, 2), keepdim=True).clamp(min=_TINY)  # (B, F, N), of sum one an item
    root = share.sqrt()[:, None]
    v = (root * embedding).flatten(2)  # (B, D, I)
    y = (root * loudest_source(target)).flatten(2)  # (B, S, I)
    if together:
        items = len(v)
        v, y = (x.transpose(0, 1).flatten(1)[None] / items**0.5 for x in (v, y))  # (1, D, B I)
    return _squared(v, v) - 2 * _squared(v, y) + _squared(y, y)


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """Squared Frobenius norm of a b' for each item: (B, P, I) and (B, Q, I) to (B,)."""
    return torch.matmul(a, b.transpose(1, 2)).square().sum(dim=(1, 2))
