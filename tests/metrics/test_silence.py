"""What scores of silence count as, and when a source is silent or alone."""

import math

import numpy as np
import pytest

from soli.metrics.si import si_sdr
from soli.metrics.silence import HIGHEST_DB, LOWEST_DB, at_floor, bounded, states_of


@pytest.mark.parametrize(
    ("score", "counts_as"),
    [(None, LOWEST_DB), (-math.inf, LOWEST_DB), (-75.0, LOWEST_DB), (-59.0, -59.0), (3.0, 3.0), (math.inf, HIGHEST_DB)],
)
def test_every_score_counts_as_a_finite_one(score: float | None, counts_as: float) -> None:
    assert bounded(score) == counts_as
    assert at_floor(score) == (counts_as == LOWEST_DB)


def test_silence_is_never_better_than_sound() -> None:
    """A quiet hiss in place of the source scores below any other, and silence no higher."""
    rng = np.random.default_rng(0)
    voice = rng.standard_normal((1, 8000))
    silent, hiss = (bounded(si_sdr(voice, estimate)[0]) for estimate in (0 * voice, rng.standard_normal((1, 8000))))
    assert silent <= hiss


def test_sources_sound_among_others_or_alone_or_not() -> None:
    one, two = np.random.default_rng(0).standard_normal((2, 1, 800))
    offset = np.full_like(one, 0.5)
    assert states_of(np.stack([one, two])) == ["scored", "scored"]
    assert states_of(np.stack([one, 0 * two])) == ["alone", "silent"]
    assert states_of(np.stack([one, offset])) == ["alone", "silent"], "a constant is no sound"
    assert states_of(np.stack([0 * one, 0 * two])) == ["silent", "silent"]
