import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.errors import InputError
from soli.metrics.ranking import average_precision, roc_auc
from soli.metrics.segmentation import ideal_binary_mask
from soli.metrics.streaming import BINS, StreamingScores, bin_of, threshold_below


def _masks(seed: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks as networks give them, crowded at both ends, and what they should have been."""
    rng = np.random.default_rng(seed)
    truth = rng.random(shape) < 0.1
    return truth, 1 / (1 + np.exp(-rng.normal(6.0 * truth - 9.0, 4.0)))


def test_binned_ranks_are_those_of_the_scores() -> None:
    truth, masks = _masks(0, 2, 64, 3000)
    stream = StreamingScores(["one", "two"])
    for clip in range(3):
        frames = slice(1000 * clip, 1000 * (clip + 1))
        stream.add(truth[..., frames], masks[..., frames].astype(np.float32))
    for row, scores in enumerate(stream.result().classes.values()):
        assert scores.roc_auc == pytest.approx(roc_auc(truth[row], masks[row]), abs=1e-6)
        assert scores.average_precision == pytest.approx(average_precision(truth[row], masks[row]), abs=5e-5)
    uncertain = stream.uncertainty()
    assert all(each is not None and 0 < each < 1e-3 for each in uncertain)


def test_the_area_lies_as_near_as_the_ties_say() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((1, 500)) < 0.5
    scores = 0.7 + 1e-4 * rng.random((1, 500)) + 2e-5 * truth
    stream = StreamingScores(["one"])
    stream.add(truth, scores)
    (uncertain,) = stream.uncertainty()
    found = stream.result().classes["one"].roc_auc
    exact = roc_auc(truth, scores)
    assert uncertain is not None
    assert found is not None
    assert exact is not None
    assert 0 < abs(found - exact) <= uncertain


@given(st.lists(st.floats(0, 1, width=32, allow_subnormal=False), min_size=2, max_size=50))
def test_bins_keep_the_order(scores: list[float]) -> None:
    found = bin_of(np.sort(np.array(scores, dtype=np.float32)))
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0
    assert found.max() < BINS


def test_bins_tell_apart_what_lies_near_an_end() -> None:
    near = np.array([0, 1e-6, 1e-5, 1.01e-5, 1e-3, 0.3, 0.5, 0.7, 0.999, 1 - 1e-5, 1 - 1e-6, 1])
    assert len(set(bin_of(near).tolist())) == len(near)


def test_many_clips_need_no_more_memory_than_one() -> None:
    truth, masks = _masks(2, 4, 64, 100)
    stream = StreamingScores(list("abcd"))
    stream.add(truth, masks)
    tracemalloc.start()
    for _ in range(20):
        stream.add(truth, masks)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 50_000, "nothing of a clip stays"
    assert peak < 20 * masks.nbytes
    assert stream.result().micro.counts.reference == 21 * truth.sum()


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        ((2, 5), np.nan, "NaN"),
        ((2, 5), 1.5, "between 0 and 1"),
        ((2, 5), -0.1, "between 0 and 1"),
        ((3, 5), 0.5, "a row a class"),
    ],
)
def test_wrong_scores_are_named_and_count_nothing(shape: tuple[int, int], value: float, message: str) -> None:
    stream = StreamingScores(["one", "two"])
    with pytest.raises(InputError, match=message):
        stream.add(np.ones(shape), np.full(shape, value))
    assert stream.result().micro.counts.reference == 0


def test_the_ideal_mask_is_where_an_event_is_at_most_5_db_below_the_scene() -> None:
    level_db = np.arange(-8.0, 3.0)
    events = np.tile(10 ** (level_db / 20), (2, 1))[:, :, None] * np.ones(3)  # (K, M, N)
    active = np.array([[True, True, False], [False, False, False]])
    mask = ideal_binary_mask(events, np.ones((11, 3)), active)
    assert (mask[0, :, 0] == (level_db > -5.0 + 1e-9)).all()
    assert (mask[0, :, 0] == mask[0, :, 1]).all()
    assert not mask[0, :, 2].any()
    assert not mask[1].any()


def test_where_all_is_silent_there_is_nothing_to_find() -> None:
    silence = np.zeros((1, 4, 3))
    assert not ideal_binary_mask(silence, silence[0], np.ones((1, 3))).any()
    assert ideal_binary_mask(silence + 1e-9, silence[0], np.ones((1, 3))).all()


def test_the_ideal_mask_refuses_what_is_no_magnitude() -> None:
    ones = np.ones((1, 4, 3))
    with pytest.raises(InputError, match="the scene hold a negative"):
        ideal_binary_mask(ones, -ones[0], np.ones((1, 3)))
    with pytest.raises(InputError, match="the events hold a negative, NaN"):
        ideal_binary_mask(ones * np.nan, ones[0], np.ones((1, 3)))
    with pytest.raises(InputError, match="wanted \\(K, M, N\\)"):
        ideal_binary_mask(ones, ones, np.ones((1, 3)))


def test_a_bins_threshold_parts_it_from_all_lower_ones() -> None:
    rng = np.random.default_rng(7)
    wide = rng.random(20_000)
    scores = np.concatenate([wide, wide**20, 1 - wide**20, [0.0, 0.1, 0.5, 1.0]]).astype(np.float32)
    bins = bin_of(scores)
    for bin in rng.choice(bins[bins > 0], 300):
        above = scores.astype(np.float64) > threshold_below(int(bin))
        assert np.array_equal(above, bins >= bin)
    assert threshold_below(0) == 0.0


def test_counting_goes_on_from_what_was_kept() -> None:
    rng = np.random.default_rng(8)
    clips = [(rng.random((2, 50)) < 0.3, rng.random((2, 50))) for _ in range(4)]
    whole, first = StreamingScores(("a", "b"), threshold=0.4), StreamingScores(("a", "b"), threshold=0.4)
    for clip in clips:
        whole.add(*clip)
    for clip in clips[:2]:
        first.add(*clip)
    kept = {name: values.copy() for name, values in first.state().items()}
    again = StreamingScores(("a", "b"), threshold=0.4)
    again.restore(kept)
    for clip in clips[2:]:
        again.add(*clip)
    assert again.result() == whole.result()
    with pytest.raises(InputError, match="3 classes"):
        StreamingScores(("a", "b", "c")).restore(kept)
