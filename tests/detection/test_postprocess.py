import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.detection.postprocess import Hysteresis, events_of, gated, present, smoothed, stretches
from soli.dsp.frames import FrameGrid
from soli.errors import InputError, UsageError
from soli.metrics.sed import Collars, event_based, frame_truth
from soli.types import Event

RATE_HZ = 31.25
AS_THEY_ARE = Hysteresis(0.5, 0.5, gap=0, shortest=0)

probabilities = st.lists(st.integers(0, 10).map(lambda tenths: tenths / 10), max_size=60).map(np.array)


def test_an_event_reaches_as_far_as_the_low_threshold_and_needs_the_high_one() -> None:
    row = np.array([0.0, 0.15, 0.3, 0.15, 0.05, 0.15, 0.18, 0.15, 0.0])
    assert stretches(row, high=0.2, low=0.1) == [(1, 4)]
    assert stretches(row, high=0.1, low=0.1) == [(1, 4), (5, 8)]
    assert stretches(row, high=0.3, low=0.1) == [], "a threshold must be passed, not met"


def test_gaps_are_filled_up_to_their_length_before_blips_are_dropped() -> None:
    row = np.zeros(40)
    row[[*range(0, 5), *range(15, 21), *range(32, 36)]] = 1.0
    assert stretches(row, high=0.5, low=0.5, gap=9) == [(0, 5), (15, 21), (32, 36)]
    assert stretches(row, high=0.5, low=0.5, gap=10) == [(0, 21), (32, 36)]
    assert stretches(row, high=0.5, low=0.5, gap=11) == [(0, 36)]
    assert stretches(row, high=0.5, low=0.5, gap=10, shortest=4) == [(0, 21)]
    assert stretches(row, high=0.5, low=0.5, gap=0, shortest=5) == [(15, 21)]


@pytest.mark.parametrize("between", [0.0, 0.15])
@pytest.mark.parametrize(("frames", "events"), [(10, 1), (11, 2)])
def test_a_gap_of_just_the_length_is_bridged_whatever_low_is_in_it(between: float, frames: int, events: int) -> None:
    """10 frames are 0.32 s: what is above `low` in them, and never above `high`, is gap as well."""
    gap = np.zeros(frames)
    gap[2:-2] = between
    row = np.concatenate([np.full(12, 0.9), gap, np.full(12, 0.9)])
    rule = Hysteresis.in_seconds(rate_hz=RATE_HZ, gap_s=0.32, shortest_s=0.0)
    found = events_of(row[None], classes=["one"], rate_hz=RATE_HZ, hysteresis=rule)
    assert len(found) == events
    assert found[-1].offset_s == pytest.approx((24 + frames) / RATE_HZ)


@pytest.mark.parametrize(("frames", "kept"), [(10, False), (11, True)])
def test_an_event_of_just_the_shortest_length_is_none(frames: int, kept: bool) -> None:
    row = np.concatenate([np.zeros(5), np.full(frames, 0.9), np.zeros(5)])
    rule = Hysteresis.in_seconds(rate_hz=RATE_HZ, gap_s=0.0, shortest_s=0.32)
    assert bool(events_of(row[None], classes=["one"], rate_hz=RATE_HZ, hysteresis=rule)) is kept


@given(row=probabilities, gap=st.integers(0, 8), shortest=st.integers(0, 8))
def test_stretches_are_apart_long_and_hold_all_that_is_high(row: np.ndarray, gap: int, shortest: int) -> None:
    found = stretches(row, high=0.6, low=0.3, gap=gap, shortest=shortest)
    edges = [edge for stretch in found for edge in stretch]
    assert edges == sorted(set(edges))
    for first, stop in found:
        assert stop - first > shortest
        assert row[first] > 0.3
        assert row[stop - 1] > 0.3
        assert row[first:stop].max() > 0.6
    for (_, end), (begin, _) in pairwise(found):
        assert begin - end > gap
    if shortest == 0:
        inside = {frame for stretch in found for frame in range(*stretch)}
        assert inside >= set(np.flatnonzero(row > 0.6).tolist())


@given(row=probabilities, shift=st.integers(0, 9))
def test_with_one_threshold_events_are_the_frames_above_it(row: np.ndarray, shift: int) -> None:
    frames = np.concatenate([np.zeros(shift), row, np.zeros(3)])[None]
    found = events_of(frames, classes=["one"], rate_hz=RATE_HZ, hysteresis=AS_THEY_ARE)
    covered = np.zeros(frames.shape[1], dtype=bool)
    for event in found:
        covered[round(event.onset_s * RATE_HZ) : round(event.offset_s * RATE_HZ)] = True
    assert (covered == (frames[0] > 0.5)).all()


def test_events_have_their_times_class_and_highest_probability_and_come_in_order() -> None:
    frames = np.zeros((2, 50), dtype=np.float32)
    frames[1, 4:8], frames[0, 20:30], frames[0, 22] = 0.75, 0.5, 0.875
    found = events_of(frames, classes=["late", "early"], rate_hz=10.0, hysteresis=Hysteresis(gap=0, shortest=0))
    assert found == [Event(0.4, 0.8, "early", 0.75), Event(2.0, 3.0, "late", 0.875)]


def test_no_event_passes_the_end_of_the_file() -> None:
    frames = np.ones((1, 12))
    (found,) = events_of(frames, classes=["one"], rate_hz=10.0, hysteresis=AS_THEY_ARE, duration_s=1.05)
    assert (found.onset_s, found.offset_s) == (0.0, 1.05)
    frames[0, :11] = 0
    assert events_of(frames, classes=["one"], rate_hz=10.0, hysteresis=AS_THEY_ARE, duration_s=1.1) == []


def test_true_frames_lead_back_to_the_events() -> None:
    reference = [Event(0.5, 2.5, "one", 1.0), Event(3.0, 5.0, "two", 1.0), Event(5.5, 7.0, "one", 1.0)]
    truth = frame_truth(reference, classes=["one", "two"], grid=FrameGrid(RATE_HZ, 313))
    found = events_of(truth.astype(float), classes=["one", "two"], rate_hz=RATE_HZ, duration_s=10.0)
    collars = Collars(1 / RATE_HZ, 1 / RATE_HZ, 0.0)
    assert event_based(reference, found, classes=["one", "two"], collars=collars).overall.error_rate == 0.0


def test_thresholds_may_be_one_a_class() -> None:
    frames = np.full((2, 20), 0.4)
    rule = Hysteresis((0.3, 0.5), (0.2, 0.2), gap=0, shortest=0)
    assert [event.label for event in events_of(frames, classes=["a", "b"], rate_hz=10.0, hysteresis=rule)] == ["a"]
    assert gated(frames, [0.4, 0.4], threshold=(0.3, 0.4)).tolist() == [[0.4] * 20, [0.0] * 20]
    assert present([0.1, 0.11], threshold=0.1).tolist() == [False, True]


def test_classes_that_are_not_tagged_are_silent() -> None:
    frames = np.random.default_rng(0).random((3, 40)).astype(np.float32)
    kept = gated(frames, [0.05, 0.5, 0.1], threshold=0.1)
    assert kept.dtype == np.float32
    assert (kept[1] == frames[1]).all()
    assert not kept[[0, 2]].any()


def test_a_median_removes_clicks_and_leaves_steps() -> None:
    step = np.array([[0, 0, 0, 1, 1, 1, 1]], dtype=np.float32)
    assert (smoothed(step, median=3) == step).all()
    assert (smoothed(step, median=1) == step).all()
    click = np.array([[0, 0, 1, 0, 0, 1, 1]], dtype=np.float32)
    assert smoothed(click, median=3).tolist() == [[0, 0, 0, 0, 0, 1, 1]]
    assert smoothed(np.zeros((2, 0)), median=3).shape == (2, 0)
    rule = Hysteresis(gap=0, shortest=0, median=3)
    assert len(events_of(click, classes=["one"], rate_hz=10.0, hysteresis=rule)) == 1


def test_seconds_and_frames_are_the_same_rule() -> None:
    assert Hysteresis.in_seconds(rate_hz=RATE_HZ) == Hysteresis()
    rule = Hysteresis.in_seconds(rate_hz=62.5, high=0.3, low=0.2, gap_s=0.33, shortest_s=0.0, median_s=0.112)
    assert rule == Hysteresis(0.3, 0.2, gap=20, shortest=0, median=7)


def test_no_frames_and_no_classes_have_no_events() -> None:
    assert events_of(np.zeros((2, 0)), classes=["a", "b"], rate_hz=10.0) == []
    assert events_of(np.zeros((0, 9)), classes=[], rate_hz=10.0) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_frames_and_tags_that_are_no_numbers_are_refused(bad: float) -> None:
    frames = np.zeros((1, 5))
    frames[0, 3] = bad
    with pytest.raises(InputError, match="frame probabilities hold NaN or infinity at 1 of 5 places"):
        events_of(frames, classes=["one"], rate_hz=10.0)
    with pytest.raises(InputError, match="tags hold NaN or infinity at 1 of 1"):
        gated(np.zeros((1, 5)), [bad], threshold=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: events_of(np.zeros((2, 5)), classes=["one"], rate_hz=10.0), "one row for each of 1 classes"),
        (lambda: events_of(np.zeros(5), classes=["one"], rate_hz=10.0), r"wanted \(K, N\)"),
        (lambda: gated(np.zeros((2, 5)), [0.1], threshold=0.1), "one tag a class"),
        (lambda: present([0.1, 0.2], threshold=(0.1,)), "one, or one a class"),
    ],
)
def test_numbers_of_classes_that_do_not_fit_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    "settings",
    [
        {"high": 0.1, "low": 0.2},
        {"high": (0.5, 0.1), "low": 0.2},
        {"high": math.nan},
        {"gap": -1},
        {"shortest": -1},
        {"median": 4},
        {"median": 0},
    ],
)
def test_rules_that_make_no_sense_are_wrong_calls(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="wanted"):
        Hysteresis(**settings)
