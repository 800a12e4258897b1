"""The largest set of pairs of references and estimates that fit, no one in two pairs."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def largest_matching(fits: NDArray[np.bool_]) -> dict[int, int]:
    """The partner of each reference that gets one: reference number to estimate number, from `fits` (R, E).

    Estimates are taken in order, each with the first free reference that fits; where there is none, partners are
    exchanged along the shortest path that ends at a free one (Berge 1957). The same table always gives the same pairs.
    """
    candidates = [np.flatnonzero(column).tolist() for column in fits.T]
    partner: dict[int, int] = {}
    waiting = []
    for estimate, references in enumerate(candidates):
        free = next((each for each in references if each not in partner), None)
        if free is None:
            waiting.append(estimate)
        else:
            partner[free] = estimate
    for estimate in waiting:
        _exchange(estimate, candidates, partner)
    return partner


def _exchange(start: int, candidates: Sequence[Sequence[int]], partner: dict[int, int]) -> None:
    """Gives the estimate `start` a reference too, if that is possible at all."""
    reached: dict[int, int] = {}  # reference to the estimate that asks for it
    queue = deque([start])
    while queue:
        asking = queue.popleft()
        for reference in candidates[asking]:
            if reference in reached:
                continue
            reached[reference] = asking
            if reference in partner:
                queue.append(partner[reference])
                continue
            _shift(reference, start, reached, partner)
            return


def _shift(free: int, start: int, reached: dict[int, int], partner: dict[int, int]) -> None:
    """Pairs the free reference with who asks for it, what that one had with who asks for that, and so on."""
    had = {estimate: reference for reference, estimate in partner.items()}
    while True:
        estimate = reached[free]
        partner[free] = estimate
        if estimate == start:
            return
        free = had[estimate]
