from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sed_golden import GOLDEN

from soli.errors import InputError
from soli.metrics.ranking import average_precision, roc_auc
from soli.metrics.streaming import StreamingScores
from soli.metrics.tagging import Table, evaluate

FIGURES = ("precision", "recall", "f1")


def _names(count: int) -> list[str]:
    return [f"class{number}" for number in range(count)]


def _streamed(truth: np.ndarray, scores: np.ndarray, threshold: Any) -> Table:
    stream = StreamingScores(_names(truth.shape[1]), threshold=threshold)
    for first in range(0, len(truth), 7):
        stream.add(truth[first : first + 7].T, scores[first : first + 7].T)
    return stream.result()


@pytest.mark.parametrize("case", GOLDEN["tagging"])
@pytest.mark.parametrize("streamed", [False, True])
def test_agrees_with_scikit_learn(case: dict[str, Any], streamed: bool) -> None:
    truth, scores = np.array(case["truth"]), np.array(case["scores"])
    for at in case["at"]:
        if streamed:
            table = _streamed(truth, scores, at["threshold"])
        else:
            table = evaluate(truth, scores, classes=_names(truth.shape[1]), threshold=at["threshold"])
        golden = {kind: dict(zip(FIGURES, values, strict=True)) for kind, values in at["figures"].items()}
        for name in ("roc_auc", "average_precision"):
            for kind, value in case[name].items():
                golden[kind][name] = value
        assert table.macro() == pytest.approx(golden["macro"], abs=1e-6)
        assert table.micro.figures() == pytest.approx(golden["micro"], abs=1e-6)
        assert table.weighted() == pytest.approx(golden["weighted"], abs=1e-6)
        for name, values in golden["classes"].items():
            assert [getattr(row, name) for row in table.classes.values()] == pytest.approx(values, abs=1e-6)


def test_classes_that_are_nowhere_or_everywhere_have_no_rank() -> None:
    truth = np.array([[0, 1, 1], [0, 1, 0]])
    scores = np.array([[0.9, 0.6, 0.7], [0.1, 0.4, 0.2]])
    table = evaluate(truth, scores, classes=["never", "always", "once"], threshold=0.5)
    never, always, once = table.classes.values()
    assert (never.roc_auc, never.average_precision, never.recall, never.f1) == (None,) * 4
    assert never.precision == 0.0
    assert (always.roc_auc, always.average_precision) == (None, None)
    assert always.f1 == pytest.approx(2 / 3)
    assert (once.roc_auc, once.average_precision, once.f1) == (1.0, 1.0, 1.0)
    assert table.macro()["roc_auc"] == table.weighted()["roc_auc"] == 1.0
    assert table.macro()["f1"] == pytest.approx(5 / 6)
    assert table.weighted()["f1"] == pytest.approx((2 * 2 / 3 + 1) / 3)
    assert table.as_dict()["classes"]["never"]["estimate"] == 1


def test_no_clips_have_no_scores() -> None:
    table = evaluate(np.zeros((0, 2)), np.zeros((0, 2)), classes=["one", "two"])
    assert set(table.macro().values()) == set(table.weighted().values()) == {None}


def test_a_score_on_the_threshold_is_not_above_it() -> None:
    assert evaluate([[1]], [[0.5]], classes=["one"], threshold=0.5).micro.recall == 0.0
    assert evaluate([[1]], [[0.5]], classes=["one"], threshold=0.49).micro.recall == 1.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(items: list[tuple[bool, int]]) -> None:
    positives = [score for there, score in items if there]
    negatives = [score for there, score in items if not there]
    pairs = [(a > b) + 0.5 * (a == b) for a in positives for b in negatives]
    found = roc_auc([there for there, _ in items], [score for _, score in items])
    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)
    opposite = roc_auc([there for there, _ in items], [-score for _, score in items])
    assert (opposite is None) if found is None else opposite == pytest.approx(1 - found)


@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_average_precision_of_scores_without_ties_is_the_mean_precision_at_each_hit(truth: list[bool]) -> None:
    ranks = [sum(truth[: place + 1]) / (place + 1) for place, there in enumerate(truth) if there]
    found = average_precision(truth, -np.arange(len(truth)))
    assert found == (pytest.approx(np.mean(ranks)) if any(truth) and not all(truth) else None)


@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([[1, 0]], [[0.5, np.nan]], "NaN or infinity at 1 of 2 places"),
        ([[1, 0]], [[0.5]], "the same shape of both"),
        ([[2, 0]], [[0.5, 0.5]], "other values than 0 and 1"),
        ([1, 0], [0.5, 0.5], "a column a class"),
        ([[1, 0, 0]], [[0.5, 0.5, 0.5]], "a column a class"),
    ],
)
def test_wrong_arrays_are_named_in_one_line(truth: Any, scores: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        evaluate(truth, scores, classes=["one", "two"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("threshold", [[0.1], [0.1, 0.2, 0.3], np.nan])
def test_thresholds_are_one_or_one_a_class(threshold: Any) -> None:
    with pytest.raises(InputError, match="threshold"):
        evaluate([[1, 0]], [[0.5, 0.5]], classes=["one", "two"], threshold=threshold)
