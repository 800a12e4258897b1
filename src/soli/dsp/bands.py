"""Bands of frequency bins: narrow at low and wide at high frequencies, as the ear's own filters are."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from soli.types import StftSettings


def erb_number(frequency_hz: float) -> float:
    """Position of a frequency on the ERB-rate scale (Glasberg and Moore 1990, eq. 4), in units of auditory filters."""
    return 21.4 * math.log10(1 + 0.00437 * frequency_hz)


def erb_band_edges(settings: StftSettings, *, sample_rate: int, bands: int, narrowest: int = 2) -> tuple[int, ...]:
    """Splits all F bins into at most `bands` contiguous bands of equal ERB width, none under `narrowest` bins.

    Returns:
        Edges e_0 = 0 < e_1 < ... < e_K = F: band k holds the bins e_k to e_(k+1) - 1. Where the equal-ERB width would
        be narrower than `narrowest` bins the band is widened, and the bands above share what is left.
    """
    last = erb_number(sample_rate / 2)
    bin_hz = sample_rate / settings.n_fft
    edges = [0]
    while edges[-1] < settings.bins and len(edges) <= bands:
        here = erb_number(max(edges[-1] - 0.5, 0) * bin_hz)
        step = (last - here) / (bands + 1 - len(edges))
        reached_hz = (10 ** ((here + step) / 21.4) - 1) / 0.00437
        edges.append(min(settings.bins, max(edges[-1] + narrowest, round(reached_hz / bin_hz + 0.5))))
    edges[-1] = settings.bins
    return tuple(edges)


def stated_band_edges(
    settings: StftSettings, *, sample_rate: int, bands_hz: Sequence[tuple[int, float]]
) -> tuple[int, ...]:
    """Edges as `erb_band_edges` gives them, of bands stated as (how many, how wide in Hz) from 0 Hz up, and the rest.

    Edges are rounded to bins. Raises ValueError where a band would hold no bin.
    """
    widths = [width_hz for count, width_hz in bands_hz for _ in range(count)]
    bin_hz = sample_rate / settings.n_fft
    edges = (*(round(edge_hz / bin_hz) for edge_hz in accumulate(widths, initial=0.0)), settings.bins)
    if any(high <= low for low, high in pairwise(edges)):
        raise ValueError(f"bands of {list(bands_hz)} Hz: one would hold none of the {settings.bins} bins")
    return edges
