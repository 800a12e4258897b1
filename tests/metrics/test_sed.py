import math
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sed_golden import CLASSES, GOLDEN, events

from soli.dsp.frames import FrameGrid
from soli.errors import InputError, UsageError
from soli.metrics.counts import Counts
from soli.metrics.eventlists import united
from soli.metrics.matching import largest_matching
from soli.metrics.sed import Collars, FrameScores, SedScores, event_based, frame_truth, segment_based, summed
from soli.types import Event

NAMES = {
    "f_measure": "f1",
    "precision": "precision",
    "recall": "recall",
    "error_rate": "error_rate",
    "deletion_rate": "deletion_rate",
    "insertion_rate": "insertion_rate",
    "substitution_rate": "substitution_rate",
    "Nref": "reference",
    "Nsys": "estimate",
}

times = st.integers(0, 100).map(lambda number: number / 10)
an_event = st.builds(
    lambda one, two, label: Event(min(one, two), max(one, two), label, 1.0), times, times, st.sampled_from(CLASSES)
)
some_events = st.lists(an_event, max_size=12)


def _agree(found: dict[str, Any], golden: dict[str, float | None]) -> None:
    for name, value in golden.items():
        assert found[NAMES[name]] == pytest.approx(value, abs=1e-6), name


def _compare(scores: SedScores, golden: dict[str, Any]) -> None:
    found = scores.as_dict()
    _agree(found["overall"], golden["overall"])
    _agree(found["macro"], golden["macro"])
    assert found["classes"].keys() == golden["classes"].keys()
    for name, values in golden["classes"].items():
        _agree(found["classes"][name], values)


@pytest.mark.parametrize("case", GOLDEN["events"])
@pytest.mark.parametrize("number", range(4))
def test_events_are_counted_as_sed_eval_counts_them(case: dict[str, Any], number: int) -> None:
    golden = case["events"][number]
    collar_s, share = golden["collar_s"], golden["share"]
    collars = Collars(collar_s, collar_s if golden["offsets"] else None, share)
    _compare(
        summed(
            event_based(events(clip["reference"]), events(clip["estimate"]), classes=CLASSES, collars=collars)
            for clip in case["clips"]
        ),
        golden["scores"],
    )


@pytest.mark.parametrize("case", GOLDEN["events"])
@pytest.mark.parametrize("number", range(3))
def test_segments_are_counted_as_sed_eval_counts_them(case: dict[str, Any], number: int) -> None:
    golden = case["segments"][number]
    lengths = {"duration_s": GOLDEN["clip_s"], "segment_s": golden["segment_s"]}
    _compare(
        summed(
            segment_based(events(clip["reference"]), events(clip["estimate"]), classes=CLASSES, **lengths)
            for clip in case["clips"]
        ),
        golden["scores"],
    )


@given(reference=some_events)
def test_the_truth_itself_scores_one(reference: list[Event]) -> None:
    by_event = event_based(reference, reference, classes=CLASSES)
    by_segment = segment_based(reference, reference, classes=CLASSES, duration_s=10)
    for scores in (by_event, by_segment):
        assert scores.overall.f1 in (None, 1.0)
        assert scores.overall.error_rate in (None, 0.0)
        assert all(counts.f1 in (None, 1.0) for counts in scores.classes.values())


@given(reference=some_events, estimate=some_events, order=st.randoms(use_true_random=False))
def test_the_order_of_events_changes_nothing(reference: list[Event], estimate: list[Event], order: Any) -> None:
    mixed = order.sample(reference, len(reference)), order.sample(estimate, len(estimate))
    assert event_based(*mixed, classes=CLASSES) == event_based(reference, estimate, classes=CLASSES)
    lengths = {"duration_s": 7.3, "segment_s": 0.5}
    assert segment_based(*mixed, classes=CLASSES, **lengths) == segment_based(
        reference, estimate, classes=CLASSES, **lengths
    )


@given(reference=some_events, estimate=some_events)
def test_wider_collars_never_lose_a_hit(reference: list[Event], estimate: list[Event]) -> None:
    widths = [Collars(width, width, share) for width, share in ((0.0, 0.0), (0.1, 0.0), (0.1, 0.5), (1.0, 0.5))]
    counts = [event_based(reference, estimate, classes=CLASSES, collars=collars) for collars in widths]
    for narrow, wide in pairwise(
        [*counts, event_based(reference, estimate, classes=CLASSES, collars=Collars(1, None))]
    ):
        assert narrow.overall.hits <= wide.overall.hits
        assert all(narrow.classes[name].hits <= wide.classes[name].hits for name in CLASSES)


@given(reference=some_events, estimate=some_events)
def test_all_errors_are_accounted_for(reference: list[Event], estimate: list[Event]) -> None:
    for scores in (
        event_based(reference, estimate, classes=CLASSES),
        segment_based(reference, estimate, classes=CLASSES, duration_s=10),
    ):
        alone = scores.classes.values()
        assert scores.overall.hits == sum(each.hits for each in alone)
        assert scores.overall.reference == sum(each.reference for each in alone)
        assert min(scores.overall.deletions, scores.overall.insertions, scores.overall.substitutions) >= 0
        assert scores.overall.hits + scores.overall.substitutions <= min(
            scores.overall.reference, scores.overall.estimate
        )


@settings(max_examples=60)
@given(table=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=4))
def test_no_matching_is_larger(table: list[list[bool]]) -> None:
    fits = np.array(table)
    pairs = largest_matching(fits)
    assert all(fits[pair] for pair in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    choices = product(*([None, *np.flatnonzero(row)] for row in fits))
    sizes = [
        len(used)
        for used in ([each for each in way if each is not None] for way in choices)
        if len(set(used)) == len(used)
    ]
    assert len(pairs) == max(sizes)


def test_partners_are_exchanged_where_that_gives_one_pair_more() -> None:
    reference = events([(1.0, 2.0, "bark"), (1.3, 2.0, "bark")])
    estimate = events([(1.15, 2.0, "bark"), (1.0, 2.0, "bark")])
    assert event_based(reference, estimate, classes=CLASSES).overall.hits == 2


def test_a_wrong_class_in_the_right_place_is_one_substitution() -> None:
    scores = event_based(events([(1, 2, "bark")]), events([(1, 2, "cough")]), classes=CLASSES)
    assert scores.overall == Counts(1, 1, 0, 1)
    assert scores.overall.error_rate == 1.0
    assert scores.classes["bark"].deletion_rate == 1.0
    assert scores.classes["cough"].error_rate is None
    in_segments = segment_based(events([(1, 2, "bark")]), events([(1, 2, "cough")]), classes=CLASSES, duration_s=4)
    assert in_segments.overall == Counts(1, 1, 0, 1)


def test_the_offset_of_a_long_event_may_be_further_off() -> None:
    long, late = events([(0, 8, "bark")]), events([(0, 11.9, "bark")])
    assert event_based(long, late, classes=CLASSES).overall.f1 == 1.0
    assert event_based(long, late, classes=CLASSES, collars=Collars(offset_share=0.4)).overall.f1 == 0.0


def test_nothing_wanted_and_nothing_given_have_defined_scores() -> None:
    one = events([(1, 2, "bark")])
    for score in (event_based, lambda *pair, classes: segment_based(*pair, classes=classes, duration_s=3)):
        nothing = score([], [], classes=CLASSES)
        assert nothing.overall.f1 is nothing.overall.error_rate is nothing.macro("f1") is None
        missed = score(one, [], classes=CLASSES)
        assert (missed.overall.precision, missed.overall.recall, missed.overall.f1) == (0.0, 0.0, 0.0)
        assert missed.overall.error_rate == missed.overall.deletion_rate == 1.0
        invented = score([], one, classes=CLASSES)
        assert (invented.overall.precision, invented.overall.recall, invented.overall.f1) == (0.0, None, None)
        assert invented.overall.error_rate is None
        assert invented.overall.insertions == 1
        assert summed([missed, invented]).overall.error_rate == 2.0
        assert summed([missed, invented]).macro("f1") == 0.0


def test_events_of_no_length_and_beyond_the_end() -> None:
    click = events([(1.5, 1.5, "bark")])
    assert event_based(click, click, classes=CLASSES).overall.f1 == 1.0
    assert segment_based(click, [], classes=CLASSES, duration_s=3).overall.reference == 1
    edge = events([(1.0, 1.0, "bark")])
    assert segment_based(edge, [], classes=CLASSES, duration_s=3).overall.reference == 0
    late = events([(2.5, 9.0, "bark"), (20.0, 30.0, "knock")])
    assert segment_based(late, late, classes=CLASSES, duration_s=3).overall.reference == 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Event(math.nan, 1.0, "bark", 1.0), "finite times"),
        (Event(0.0, math.inf, "bark", 1.0), "finite times"),
        (Event(2.0, 1.0, "bark", 1.0), "an offset that is not before it"),
        (Event(-0.1, 1.0, "bark", 1.0), "an onset of 0 s or more"),
        (Event(0.0, 1.0, "barg", 1.0), "did you mean bark"),
    ],
)
def test_events_that_are_none_are_named(bad: Event, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        event_based([], [bad], classes=CLASSES)
    assert "the estimate holds" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="the reference holds"):
        segment_based([bad], [], classes=CLASSES, duration_s=3)


def test_lengths_and_collars_below_zero_are_wrong_calls() -> None:
    with pytest.raises(UsageError, match="lengths above 0 s"):
        segment_based([], [], classes=CLASSES, duration_s=0)
    with pytest.raises(UsageError, match="lengths above 0 s"):
        segment_based([], [], classes=CLASSES, duration_s=3, segment_s=math.nan)
    with pytest.raises(UsageError, match="0 or more"):
        Collars(onset_s=-1)


def test_frames_are_true_from_the_first_to_the_last_that_an_event_touches() -> None:
    grid = FrameGrid(31.25, 311)
    truth = frame_truth(events([(0.5, 2.5, "keys"), (9.9, 12.0, "keys")]), classes=CLASSES, grid=grid)
    assert np.flatnonzero(truth[CLASSES.index("keys")]).tolist() == [*range(15, 79), *range(309, 311)]
    assert truth.sum() == 66


def test_frame_scores_of_the_truth_and_of_its_opposite() -> None:
    reference = events([(0.5, 2.5, "keys"), (3.0, 4.0, "bark")])
    truth = frame_truth(reference, classes=CLASSES, grid=FrameGrid(31.25, 311))
    right, wrong = (FrameScores(CLASSES, rate_hz=31.25) for _ in range(2))
    for _ in range(3):
        right.add(reference, truth * 0.9)
        wrong.add(reference, ~truth * 0.9)
    assert right.result().macro() == dict.fromkeys(("precision", "recall", "f1", "roc_auc", "average_precision"), 1.0)
    assert wrong.result().macro()["roc_auc"] == 0.0
    assert right.result().classes["knock"].f1 is None


@given(some=some_events)
def test_united_events_touch_no_other_and_cover_the_same(some: list[Event]) -> None:
    joined = united(some)
    for one, two in pairwise(sorted(joined, key=lambda event: (event.label, event.onset_s))):
        assert one.label != two.label or one.offset_s < two.onset_s
    grid = FrameGrid(10.0, 120)
    assert (frame_truth(some, classes=CLASSES, grid=grid) == frame_truth(joined, classes=CLASSES, grid=grid)).all()
    assert united(joined) == joined


def test_united_events_keep_the_highest_confidence() -> None:
    low, high = Event(0, 2, "bark", 0.3), Event(1, 1.5, "bark", 0.8)
    assert united([high, low]) == [replace(low, confidence=0.8)]
