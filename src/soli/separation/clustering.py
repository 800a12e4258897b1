"""Points into clusters, and bins of a spectrum into masks by the clusters of their embedding.

Source: Isik, Le Roux, Chen, Watanabe, Hershey 2016, "Single-channel multi-speaker separation using deep clustering".
The same input gives the same bits: random starts are drawn from a fixed seed. numpy alone serves: scipy.cluster takes
0.6 s to import, and its k-means warns of a cluster that stays empty where a source that is silent is no surprise.
"""

import numpy as np

from soli.types import Array

# Bins further under the loudest one of an item say nothing of who sounds (Hershey et al. 2016, "Deep clustering:
# discriminative embeddings for segmentation and separation", section 3); training leaves the same ones out.
FLOOR_DB = 40.0
# Hardness of soft k-means (Isik et al. 2016; ESPnet's default too): of two orthogonal unit centres the farther one gets
# a mask of e^-10, and a bin half way between them one half from each.
SHARPNESS = 5.0
# An anchor weighs as much as a tenth of an item's bins in its cluster's centre. Where a source is silent, few bins are
# nearest to its anchor: unheld, they would draw its cluster into the middle of the others' bins (measured on a small
# network: 1 to 4 dB more of them in the silent source, and the same separation where all sources sound).
_HOLD = 0.1
_STARTS = 4
_STEPS = 50


def cluster_masks(embedding: Array, power: Array, *, anchors: Array | None, clusters: int) -> Array:
    """Masks (S, F, N) that sum to one in every bin, from the embedding (D, F, N) of bins of a power (F, N).

    Bins less than FLOOR_DB under the loudest one make up the clusters; every bin gets its share of each by how near
    its embedding is to the clusters' centres. With `anchors` (S, D) cluster s is the one that grew from anchor s;
    without them the `clusters` come in no order. Where the embedding is no number, neither are the masks.
    """
    points = embedding.reshape(len(embedding), -1).T  # (I, D)
    if not np.isfinite(points).all():
        return np.full((clusters, *power.shape), np.nan, dtype=np.float32)
    loud = points[(power > power.max() * 10 ** (-FLOOR_DB / 10)).reshape(-1)]
    if anchors is None:
        centres = k_means(loud, clusters) if len(loud) >= clusters else np.zeros((clusters, len(embedding)), np.float32)
    else:
        centres = refined(loud, anchors, hold=_HOLD)
    return _shares(-SHARPNESS * _distances(points, centres)).T.reshape(clusters, *power.shape)


def k_means(points: Array, clusters: int) -> Array:
    """Centres (S, D) of points (I, D), I >= S: the best of four starts as k-means++ draws them.

    Source of the starts: Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding".
    """
    rng = np.random.default_rng(0)
    found = [refined(points, _spread_out(points, clusters, rng)) for _ in range(_STARTS)]
    spreads = [float(np.min(_squared(points, centres), axis=1).sum(dtype=np.float64)) for centres in found]
    return found[int(np.argmin(spreads))]


def refined(points: Array, starts: Array, *, hold: float = 0.0) -> Array:
    """The centres (S, D) that points (I, D) settle around from those given, by Lloyd's steps, 50 at most.

    Each start counts as `hold` x I points of its own cluster. A centre that no point is nearest to stays where it is.
    """
    centres, held = starts, np.float32(hold * len(points))
    before: Array | None = None
    for _ in range(_STEPS):
        nearest = np.argmin(_distances(points, centres), axis=1)
        if before is not None and np.array_equal(nearest, before):
            break
        before = nearest
        members = (nearest == np.arange(len(centres))[:, None]).astype(np.float32)  # (S, I)
        count = members.sum(axis=1, keepdims=True)
        means = (members @ points + held * starts) / np.maximum(count + held, 1)
        centres = np.where(count > 0, means, centres)
    return centres


def _spread_out(points: Array, count: int, rng: np.random.Generator) -> Array:
    """Points (S, D) drawn one by one, with odds that grow with the squared distance to those drawn before."""
    odds = np.ones(len(points))
    drawn: list[Array] = []
    for _ in range(count):
        sums = np.cumsum(odds)
        place = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
        drawn.append(points[min(place, len(points) - 1)])
        odds = np.min(_squared(points, np.stack(drawn)), axis=1).astype(np.float64)
    return np.stack(drawn)


def _squared(points: Array, centres: Array) -> Array:
    """Squared distances (I, S), none below zero."""
    squares = np.square(points).sum(axis=1, keepdims=True)
    squared: Array = np.maximum(squares + _distances(points, centres), 0)
    return squared


def _distances(points: Array, centres: Array) -> Array:
    """Squared distances (I, S) but for the points' own squares, which are the same for all centres."""
    distances: Array = np.square(centres).sum(axis=1) - 2 * (points @ centres.T)
    return distances


def _shares(logits: Array) -> Array:
    """Softmax of (I, S) over S."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares
