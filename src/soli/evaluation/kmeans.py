"""`kmeans2`, the baseline without training: bins of the log spectrogram in two clusters, each one a source.

A bin is described by its level and those of its eight neighbours in time and frequency, in dB re the loudest bin of
the item, and no lower than FLOOR_DB under it. 2-means (`soli.separation.clustering`) finds the clusters among the bins
above that floor, as it does for networks: with those below, the clusters of sounds with pauses are sound and silence
instead of two sources. Every bin belongs to the cluster that is nearer; a source is the mixture's spectrum where its
cluster is, with the mixture's phase (binary masks). Levels are all it knows: it parts loud
from soft, and cannot say which of them is which source, so that its scores are those of the order with the better sum.
Where levels do not tell the sources apart, that is below the mixture as it is.
"""

import numpy as np

from soli.dsp.stft import istft, stft
from soli.separation.clustering import FLOOR_DB, k_means
from soli.types import Array, ComplexArray, StftSettings

# The clusters are found on at most so many bins, evenly spread; they are two.
_MOST_BINS = 50_000


def two_means_estimates(mixture: Array, settings: StftSettings) -> Array:
    """Two estimates (2, C, T) of a mixture (C, T) that sum to it; all channels share one mask."""
    spectrum = stft(mixture, settings)  # (C, F, N)
    masks = two_means_masks(_levels(spectrum))
    return istft(masks[:, None] * spectrum, settings, mixture.shape[-1])


def two_means_masks(levels: Array) -> Array:
    """Binary masks (2, F, N) of levels (F, N) in dB, at least -FLOOR_DB; every bin is in one, the louder first."""
    around = np.pad(levels, 1, mode="edge")
    bins, frames = levels.shape
    shifted = [around[f : f + bins, n : n + frames] for f in range(3) for n in range(3)]
    sounding = np.flatnonzero(levels > -FLOOR_DB)
    if len(sounding) < 2:
        sounding = np.arange(levels.size)
    step = -(-len(sounding) // _MOST_BINS)
    centres = k_means(np.stack([view.reshape(-1)[sounding[::step]] for view in shifted], axis=1), 2)
    centres = centres[np.argsort(-centres.sum(axis=1))]
    # One neighbour after another, so that a long item needs no array nine times its size.
    distances = np.zeros((2, bins, frames), dtype=np.float32)
    for view, places in zip(shifted, centres.T, strict=True):
        distances += np.square(view - places[:, None, None])
    first = distances[0] <= distances[1]
    return np.stack([first, ~first]).astype(np.float32)


def _levels(spectrum: ComplexArray) -> Array:
    """Levels (F, N) of a spectrum (C, F, N) over all channels, in dB re the loudest bin, at least -FLOOR_DB."""
    power = np.square(np.abs(spectrum)).sum(axis=0)
    loudest = power.max()
    if loudest == 0:
        return np.full(power.shape, -FLOOR_DB, dtype=np.float32)
    levels: Array = (10 * np.log10(np.maximum(power / loudest, 10 ** (-FLOOR_DB / 10)))).astype(np.float32)
    return levels
