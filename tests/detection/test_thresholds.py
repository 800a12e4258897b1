import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.detection.postprocess import Hysteresis, events_of
from soli.detection.thresholds import Clip, tuned, tuned_hysteresis, tuned_streaming
from soli.errors import InputError, UsageError
from soli.metrics.sed import event_based, summed
from soli.metrics.streaming import StreamingScores
from soli.metrics.tagging import evaluate
from soli.types import Event

items = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=25)


@given(items=items, scale=st.sampled_from([20.0, 20e6]))
def test_no_other_threshold_has_a_higher_f1(items: list[tuple[bool, int]], scale: float) -> None:
    truth = np.array([[there] for there, _ in items])
    scores = np.array([[score / scale] for _, score in items])
    found = tuned(truth, scores, classes=["one"], split="valid")
    if not truth.any():
        assert (found.thresholds, found.f1) == ((0.1,), (None,))
        return
    reached = evaluate(truth, scores, classes=["one"], threshold=found.thresholds).micro.f1
    assert found.f1 == (reached,)
    if not truth.all() and scores.any():
        for other in (np.arange(-1, 21) + 0.5) / scale:
            if other > 0:
                assert evaluate(truth, scores, classes=["one"], threshold=other).micro.f1 <= reached


def test_a_threshold_lies_half_way_between_what_it_parts() -> None:
    found = tuned([[0], [0], [1], [1]], [[0.1], [0.2], [0.6], [0.9]], classes=["one"], split="valid")
    assert found.thresholds == pytest.approx((0.4,))
    assert found.f1 == (1.0,)


def test_a_threshold_parts_even_neighbouring_numbers() -> None:
    low = 0.5
    high = np.nextafter(low, 1)
    found = tuned([[0], [1]], [[low], [high]], classes=["one"], split="valid")
    assert found.f1 == (1.0,)


def test_classes_without_a_choice_keep_the_default() -> None:
    truth = np.array([[0, 1, 1], [0, 1, 0]])
    scores = np.array([[0.5, 0.5, 0.0], [0.6, 0.05, 0.0]])
    found = tuned(truth, scores, classes=["never", "always", "unheard"], split="valid", default=0.3)
    assert found.thresholds == (0.3, 0.3, 0.3)
    assert found.f1 == (None, pytest.approx(2 / 3), 0.0)


def test_few_positives_are_no_ground_for_a_choice() -> None:
    truth, scores = [[0], [0], [1], [1]], [[0.1], [0.2], [0.6], [0.9]]
    assert tuned(truth, scores, classes=["one"], split="valid", fewest=2).thresholds == pytest.approx((0.4,))
    assert tuned(truth, scores, classes=["one"], split="valid", fewest=3).thresholds == (0.1,)


def test_the_order_of_clips_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((50, 3)) < 0.3
    scores = np.round(np.clip(0.5 * truth + rng.random((50, 3)) / 2, 0, 1), 2)
    order = rng.permutation(50)
    names = ["a", "b", "c"]
    assert tuned(truth, scores, classes=names, split="valid") == tuned(
        truth[order], scores[order], classes=names, split="valid"
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_only_the_split_for_choices_is_tuned_on(split: str) -> None:
    with pytest.raises(UsageError, match=f"tuned on the split {split}; wanted the split valid"):
        tuned([[1]], [[0.5]], classes=["one"], split=split)
    with pytest.raises(UsageError, match="wanted the split valid"):
        tuned_hysteresis([], classes=["one"], rate_hz=10.0, split=split)


def test_scores_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        tuned([[1]], [[np.nan]], classes=["one"], split="valid")
    with pytest.raises(InputError, match="a column a class"):
        tuned([[1, 0]], [[0.5, 0.4]], classes=["one"], split="valid")


def _clips(seed: int) -> list[Clip]:
    """A class whose frames are low but clear, one whose background is high, and one without events."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(6):
        first = int(rng.integers(5, 40))
        frames = rng.random((3, 100)) * np.array([[0.02], [0.4], [0.3]])
        frames[0, first : first + 30] += 0.12
        frames[1, first + 20 : first + 50] += 0.45
        events = [Event(first / 10, first / 10 + 3, "low", 1.0), Event(first / 10 + 2, first / 10 + 5, "high", 1.0)]
        clips.append(Clip(events, frames))
    return clips


def test_thresholds_of_events_find_what_the_defaults_miss() -> None:
    classes = ["low", "high", "none"]
    start = Hysteresis(gap=2, shortest=3)
    rule = tuned_hysteresis(_clips(0), classes=classes, rate_hz=10.0, split="valid", start=start)
    assert (rule.gap, rule.shortest) == (2, 3)
    assert isinstance(rule.high, tuple)
    assert isinstance(rule.low, tuple)
    assert rule.high[0] < 0.15 < 0.4 <= rule.high[1]
    assert (rule.high[2], rule.low[2]) == (0.2, 0.1), "a class without events keeps what it had"
    scores = {}
    for name, each in (("start", start), ("tuned", rule)):
        scores[name] = summed(
            event_based(
                clip.reference,
                events_of(clip.frames, classes=classes, rate_hz=10.0, hysteresis=each),
                classes=classes,
            )
            for clip in _clips(1)
        ).macro("f1")
    assert scores["tuned"] == 1.0
    assert scores["start"] is not None
    assert scores["start"] < 0.6


def test_the_same_clips_give_the_same_rule() -> None:
    classes = ["low", "high", "none"]
    one, two = (
        tuned_hysteresis(clips, classes=classes, rate_hz=10.0, split="valid") for clips in (_clips(2), _clips(2)[::-1])
    )
    assert one == two


def test_thresholds_of_what_was_too_much_to_keep_are_as_good() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random((3, 4000)) < [[0.1], [0.4], [0.002]]
    scores = 1 / (1 + np.exp(-rng.normal(4.0 * truth - 3.0, 2.0)))
    stream = StreamingScores(("a", "b", "c"))
    for start in range(0, 4000, 1000):
        stream.add(truth[:, start : start + 1000], scores[:, start : start + 1000])
    found = tuned_streaming(stream, split="valid", fewest=20)
    best = tuned(truth.T, scores.T, classes=("a", "b", "c"), split="valid", fewest=20)
    assert found.f1[:2] == pytest.approx(best.f1[:2], abs=2e-3)
    for place, threshold in enumerate(found.thresholds[:2]):
        given = scores[place].astype(np.float32).astype(np.float64) > threshold
        f1 = 2 * (given & truth[place]).sum() / (given.sum() + truth[place].sum())
        assert f1 == pytest.approx(found.f1[place], abs=1e-12)
    assert (found.thresholds[2], found.f1[2]) == (0.1, None), "too few to say"
    with pytest.raises(UsageError, match="split test"):
        tuned_streaming(stream, split="test")
