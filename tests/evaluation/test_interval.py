"""Intervals hold the true mean as often as they say, also of few items and of items that hang together."""

import numpy as np
import pytest
from scipy.stats import t

from soli.evaluation.groups import group_key, groups_of
from soli.evaluation.interval import interval
from soli.evaluation.line import Line

TIMES = 600


def share(draw, *, claims: int = 1) -> float:
    """How often the interval of (values, groups) as drawn holds their true mean, 0."""
    bounds = [interval(*draw(), claims=claims) for _ in range(TIMES)]
    return sum(low <= 0 <= high for low, high in bounds) / TIMES


@pytest.mark.parametrize("count", [10, 12, 40])
def test_few_items_get_the_coverage_that_is_said(count: int) -> None:
    rng = np.random.default_rng(count)
    assert share(lambda: (rng.standard_normal(count), None)) == pytest.approx(0.95, abs=0.025)


def test_items_of_few_speakers_are_no_items_of_many() -> None:
    """Numbers of clips as a built set has them: of two of 15 speakers a third of all."""
    rng = np.random.default_rng(0)
    sizes = [62, 48, 30, 25, 20, 20, 15, 15, 15, 12, 10, 10, 8, 6, 4]
    names = np.repeat([f"speaker {i}" for i in range(15)], sizes)
    speaker = np.repeat(np.arange(15), sizes)

    def values() -> np.ndarray:
        return rng.standard_normal(15)[speaker] + rng.standard_normal(300)

    assert share(lambda: (values(), list(names))) > 0.9
    assert share(lambda: (values(), None)) < 0.6, "taken as 300 that know nothing of each other"


def test_each_item_for_itself_it_is_students() -> None:
    values = np.random.default_rng(0).standard_normal(25)
    expected = t.interval(0.95, 24, loc=values.mean(), scale=values.std(ddof=1) / 5)
    assert interval(values) == pytest.approx(expected)
    assert interval(values, [f"speaker {i}" for i in range(25)]) == pytest.approx(expected)
    fives = np.repeat(values, 5)
    assert interval(fives, [f"speaker {i // 5}" for i in range(125)]) == pytest.approx(expected)


def test_too_few_to_tell_get_none() -> None:
    assert interval([]) == (None, None)
    assert interval([1.0]) == (None, None)
    assert interval(np.arange(9.0)) == (None, None)
    assert None not in interval(np.arange(10.0))
    assert interval(np.arange(40.0), [f"speaker {i % 4}" for i in range(40)]) == (None, None)


def test_equal_methods_are_not_called_behind_the_one_that_came_out_best() -> None:
    rng = np.random.default_rng(1)
    wrong = {1: 0, 15: 0}
    for _ in range(TIMES):
        scores = rng.standard_normal((6, 60)) + rng.standard_normal(60)
        best = int(np.argmax(scores.mean(axis=1)))
        furthest = scores[best] - scores[int(np.argmin(scores.mean(axis=1)))]
        for claims in wrong:
            wrong[claims] += interval(furthest, claims=claims)[0] > 0
    assert wrong[15] / TIMES < 0.07
    assert wrong[1] / TIMES > 0.2, "what is picked out afterwards is not covered by 95 % of one"


def line(**meta: object) -> Line:
    return Line(
        id="", source="", state="scored", scores={}, mixture={}, improvement={}, ceiling={}, duration_s=1, seconds=1,
        meta=dict(meta),
    )  # fmt: skip


def test_groups_are_what_every_row_names() -> None:
    assert groups_of([line(speaker="a"), line(speaker="b")]) == ["a", "b"]
    assert group_key([line(speaker="a", group=1), line(speaker="b", group=2)]) == "group"
    assert groups_of([line(speaker="a"), line()]) is None
    assert groups_of([line(speaker=["a", "b"])]) is None
    assert groups_of([]) is None
