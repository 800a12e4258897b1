"""Validation: whose estimate is whose, and which rows."""

import numpy as np
import pytest

from soli.train.assemble import spread
from soli.train.validate import best_order


def test_estimates_are_put_into_the_order_that_fits() -> None:
    rng = np.random.default_rng(0)
    references = list(rng.standard_normal((3, 400)).astype(np.float32))
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        estimates = np.stack([0.8 * references[place] for place in order])
        found = best_order(references, estimates)
        np.testing.assert_array_equal(found, 0.8 * np.stack(references))


def test_silent_and_missing_references_take_what_is_left() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.standard_normal((2, 400)).astype(np.float32)
    silent = np.zeros_like(one)
    found = best_order([silent, two], np.stack([two, one]))
    np.testing.assert_array_equal(found, [one, two])
    np.testing.assert_array_equal(best_order([two], np.stack([one, two])), [two])
    assert len(best_order([], np.stack([one, two]))) == 0


@pytest.mark.parametrize(("count", "expected"), [(0, 7), (1, 1), (3, 3), (7, 7), (50, 7)])
def test_rows_are_spread_over_the_split(count: int, expected: int) -> None:
    rows = [object() for _ in range(7)]
    found = spread(rows, count)  # type: ignore[type-var]
    assert len(found) == expected
    places = [rows.index(row) for row in found]
    assert places == sorted(set(places))
    if count == 3:
        assert places == [0, 2, 4]
