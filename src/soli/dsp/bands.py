"""Bands of frequency bins: narrow at low and wide at high frequencies, as the ear's own filters are."""

import math

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
