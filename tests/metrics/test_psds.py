import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sed_golden import CLASSES, GOLDEN, events

from soli.errors import InputError, UsageError
from soli.metrics.psds import Criteria, Psds, Weights, psds
from soli.types import Event

ONE = {"a": events([(1.0, 3.0, "bark")])}


def _score(reference: Any, *points: Any, **more: Any) -> Psds:
    return psds(reference, points, classes=CLASSES, durations_s={"a": 10.0, "b": 10.0}, **more)


@pytest.mark.parametrize("case", GOLDEN["psds"])
@pytest.mark.parametrize("number", range(5))
def test_agrees_with_psds_eval(case: dict[str, Any], number: int) -> None:
    golden = case["found"][number]
    reference = {name: events(rows) for name, rows in case["reference"].items()}
    found = psds(
        reference,
        [{name: events(rows) for name, rows in point.items()} for point in case["points"]],
        classes=CLASSES,
        durations_s=dict.fromkeys(reference, case["clip_s"]),
        criteria=Criteria(golden["dtc"], golden["gtc"], golden["cttc"]),
        weights=Weights(golden["alpha_ct"], golden["alpha_st"], golden["max_efpr"]),
    )
    assert found.value == pytest.approx(golden["psds"], abs=1e-6)
    steps = np.concatenate([[True], np.diff(golden["efpr"]) > 1e-6])  # sums in another order part what is equal
    assert found.etpr[np.searchsorted(found.efpr, np.array(golden["efpr"])[steps] + 1e-6) - 1] == pytest.approx(
        [golden["etpr"][place] for place in [*(np.flatnonzero(steps)[1:] - 1), -1]], abs=1e-6
    )


def test_the_truth_itself_scores_one_and_silence_none_at_all() -> None:
    reference = {"a": events([(1, 3, "bark"), (2, 4, "cough")]), "b": events([(0, 1, "bark")])}
    assert _score(reference, reference).value == 1.0
    assert _score(reference, {}).value == 0.0
    assert _score(reference, {"a": [], "b": []}, reference).value == 1.0


def test_no_false_alarm_and_an_open_end_leave_no_curve() -> None:
    assert _score(ONE, ONE, weights=Weights(max_efpr=None)).value is None
    alarm = {"a": events([(1.0, 3.0, "bark"), (6.0, 7.0, "bark")])}
    assert _score(ONE, alarm, weights=Weights(max_efpr=None)).value == 0.0


def test_shares_decide_what_is_valid_and_found() -> None:
    half = {"a": events([(2.0, 4.0, "bark")])}  # half of it is right, and half of the event is found
    for dtc, gtc, value in ((0.5, 0.5, 1.0), (0.51, 0.5, 0.0), (0.5, 0.51, 0.0)):
        assert _score(ONE, half, criteria=Criteria(dtc, gtc)).value == value
    pieces = {"a": events([(1.0, 1.4, "bark"), (1.6, 2.0, "bark"), (2.2, 2.6, "bark")])}
    assert _score(ONE, pieces, criteria=Criteria(1.0, 0.59)).value == 1.0, "pieces count together"


def test_a_cross_trigger_costs_more_than_a_false_alarm() -> None:
    reference = {"a": events([(1, 3, "bark"), (5, 7, "cough")])}
    crossed = {"a": events([(1, 3, "bark"), (5, 7, "cough"), (1.1, 2.9, "cough")])}
    plain, weighed = (_score(reference, crossed, weights=Weights(alpha_ct=each)).efpr[-1] for each in (0.0, 1.0))
    assert plain == pytest.approx(3600 / 20)
    assert weighed == pytest.approx(3600 / 20 + 3600 / 2)


def test_classes_that_differ_cost_their_spread() -> None:
    reference = {"a": events([(1, 3, "bark"), (5, 7, "cough")])}
    one_of_two = {"a": events([(1, 3, "bark")])}
    assert _score(reference, one_of_two).value == 0.5
    assert _score(reference, one_of_two, weights=Weights(alpha_st=0.5)).value == 0.25
    assert _score(reference, one_of_two, weights=Weights(alpha_st=1.0)).value == 0.0


def test_only_classes_with_true_events_count() -> None:
    other = {"a": events([(1, 3, "bark"), (5, 7, "knock")])}
    found = _score(ONE, other, weights=Weights(alpha_ct=1.0, alpha_st=1.0))
    assert list(found.classes) == ["bark"]
    assert found.value == 1.0


def test_what_has_no_length_or_lies_beyond_the_end_is_no_false_alarm() -> None:
    harmless = {"a": events([(1, 3, "bark"), (5, 5, "bark"), (10, 12, "bark")]), "b": events([(4, 4, "bark")])}
    assert _score(ONE, harmless).efpr.tolist() == [0.0]
    assert _score({"a": [*ONE["a"], *events([(8, 8, "cough")])]}, ONE).value == 1.0


@given(st.permutations(range(4)))
def test_the_order_of_points_and_events_changes_nothing(order: list[int]) -> None:
    case = GOLDEN["psds"][0]
    reference = {name: events(rows) for name, rows in case["reference"].items()}
    points = [{name: events(rows) for name, rows in point.items()} for point in case["points"][:4]]
    durations = dict.fromkeys(reference, case["clip_s"])
    plain = psds(reference, points, classes=CLASSES, durations_s=durations).value
    turned = {name: rows[::-1] for name, rows in reference.items()}
    mixed = [{name: rows[::-1] for name, rows in points[number].items()} for number in order]
    assert psds(turned, mixed, classes=CLASSES, durations_s=durations).value == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize(
    ("reference", "point", "message"),
    [
        ({}, ONE, "the reference holds no event"),
        ({"a": events([(1, 1, "bark")])}, ONE, "the reference holds no event"),
        (ONE, {"c": events([(1, 2, "bark")])}, "the clip c, which has no duration"),
        (ONE, {"a": events([(1, 3, "bark"), (2, 4, "bark")])}, "two events bark that overlap at 2 s"),
        (ONE, {"a": [Event(math.nan, 1, "bark", 1.0)]}, "finite times"),
        (ONE, {"a": events([(1, 2, "moo")])}, "events of the class moo"),
    ],
)
def test_what_cannot_be_scored_is_named(reference: Any, point: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        _score(reference, point)
    assert "\n" not in str(caught.value)


def test_settings_out_of_range_are_wrong_calls() -> None:
    with pytest.raises(UsageError, match="shares between 0 and 1"):
        Criteria(dtc=1.1)
    for wrong in ({"alpha_ct": 2.0}, {"alpha_st": -1.0}, {"max_efpr": 0.0}, {"unit_s": 0.0}):
        with pytest.raises(UsageError, match="alpha_ct in"):
            Weights(**wrong)
    with pytest.raises(InputError, match="no operating point"):
        _score(ONE)
    with pytest.raises(InputError, match="lasts nan s"):
        psds(ONE, [ONE], classes=CLASSES, durations_s={"a": math.nan})


class _Made(Sequence[dict[str, list[Event]]]):
    """Operating points made as they are asked for; it knows how many of them are still there."""

    def __init__(self, count: int) -> None:
        self.count, self.alive, self.most = count, weakref.WeakSet[_Point](), 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self.count:
            raise IndexError(index)
        point = _Point({"a": events([(1.0, 2.0 + 0.1 * index, "bark")])})
        self.alive.add(point)
        self.most = max(self.most, len(self.alive))
        return point


class _Point(dict[str, list[Event]]):
    __hash__ = object.__hash__


def test_points_are_asked_for_one_at_a_time() -> None:
    points = _Made(40)
    found = psds(ONE, points, classes=CLASSES, durations_s={"a": 10.0})
    assert found.value == psds(ONE, list(_Made(40)), classes=CLASSES, durations_s={"a": 10.0}).value
    assert points.most <= 2
