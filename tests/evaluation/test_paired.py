import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.evaluation.comparison import Figure
from soli.evaluation.line import Line
from soli.evaluation.paired import difference, figure, quality, snr_groups


def line(
    index: int,
    *,
    snr_db: float | None = None,
    mixture: float = 0.0,
    state: str = "scored",
    score: float | None = 3.0,
) -> Line:
    return Line(
        id=f"item-{index}",
        source="voice",
        state=state,
        scores={"si_sdr": score, "sar": 20.0},
        mixture={"si_sdr": mixture, "sar": 150.0},
        improvement={"si_sdr": None if score is None else score - mixture, "sar": -130.0},
        ceiling={},
        duration_s=1.0,
        seconds=0.1,
        meta={} if snr_db is None else {"snr_db": snr_db},
    )


def scores(values: np.ndarray) -> dict[str, float | None]:
    return {f"item-{index}": float(value) for index, value in enumerate(values)}


def test_a_constant_lead_is_seen_however_much_the_items_differ() -> None:
    hard = 10 * np.random.default_rng(0).standard_normal(40)
    ahead = difference(scores(hard + 0.5), scores(hard))
    assert (ahead.mean, ahead.low, ahead.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-5)
    assert ahead.real
    alone = figure(list(scores(hard).values()))
    assert alone.high - alone.low > 4  # each mean by itself is far too uncertain to tell half a dB


def test_chance_is_no_difference() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.standard_normal((2, 200))
    found = difference(scores(one), scores(two))
    assert found.low < 0 < found.high
    assert not found.real
    half = 1.96 * (one - two).std() / math.sqrt(200)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)
    for_all = difference(scores(one), scores(two), claims=36)
    assert for_all.high - for_all.low > 1.5 * (found.high - found.low)


def test_one_clip_proves_nothing() -> None:
    found = difference({"a": 9.0, "gone": 1.0}, {"a": 1.0})
    assert found == Figure(mean=8.0, low=None, high=None, count=1)
    assert not found.real
    assert difference({"a": 1.0}, {"b": 1.0}).mean is None


def test_a_difference_between_speakers_is_one_of_as_many_speakers() -> None:
    rng = np.random.default_rng(2)
    one = np.repeat(rng.standard_normal(8), 20) + 0.1 * rng.standard_normal(160)
    groups = {f"item-{index}": f"speaker {index // 20}" for index in range(160)}
    apart, together = (difference(scores(one), scores(0 * one), each) for each in (None, groups))
    assert together.high - together.low > 3 * (apart.high - apart.low)


@given(st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=10, max_size=30))
def test_a_difference_turned_round_changes_its_sign(values: list[float]) -> None:
    one, two = scores(np.array(values)), scores(np.array(values[::-1]))
    there, back = difference(one, two), difference(two, one)
    assert there.mean == pytest.approx(-back.mean, abs=1e-9)
    assert there.low == pytest.approx(-back.high, abs=1e-9)


def test_who_is_silent_on_the_hard_half_does_not_gain_by_it() -> None:
    good = [line(i, score=5.0 if i < 50 else -3.0) for i in range(100)]
    quiet = [line(i, score=5.0 if i < 50 else None) for i in range(100)]
    honest, mute = quality(good), quality(quiet)
    assert honest.improvements["si_sdr"].mean == 1.0
    assert mute.improvements["si_sdr"].mean == (5 * 50 - 60 * 50) / 100
    assert (honest.floored, mute.floored) == (0, 50)
    assert mute.scores["si_sdr"].count == honest.scores["si_sdr"].count == 100


def test_only_items_among_others_are_scored_and_sar_has_no_improvement() -> None:
    found = quality([line(0), line(1, state="alone"), line(2, state="silent")])
    assert found.scores["si_sdr"].count == 1
    assert found.scores["sar"].mean == 20.0
    assert list(found.improvements) == ["si_sdr", "sdr", "sir"]
    assert found.improvements["sdr"].mean is None


def test_few_snrs_are_a_group_each_in_order() -> None:
    groups, what = snr_groups([line(index, snr_db=[4, -4, 0.5][index % 3]) for index in range(7)])
    assert what == "SNR"
    assert [(group.label, len(group.ids)) for group in groups] == [("−4", 2), ("0.5", 2), ("4", 3)]


def test_many_snrs_are_put_into_bins_that_hold_every_item_once() -> None:
    values = np.random.default_rng(0).uniform(-10, 20, 100)
    groups, what = snr_groups([line(index, mixture=float(value)) for index, value in enumerate(values)])
    assert what == "SI-SDR of the mixture"
    assert 3 <= len(groups) <= 9
    assert groups[0].label == "−10 to −5"
    assert sorted(item for group in groups for item in group.ids) == sorted(f"item-{i}" for i in range(100))
    for group in groups:
        low, high = (float(end.replace("−", "-")) for end in group.label.split(" to "))
        assert all(low <= round(values[int(item.removeprefix("item-"))]) < high for item in group.ids)


def test_rows_without_a_usable_snr_are_grouped_by_the_mixture() -> None:
    lines = [line(0, mixture=1.2), line(1, snr_db=5.0, mixture=5.0), line(2, mixture=math.inf)]
    groups, what = snr_groups(lines)
    assert what == "SI-SDR of the mixture"
    assert [(group.label, group.ids) for group in groups] == [("1", ["item-0"]), ("5", ["item-1"])]


def test_items_that_are_not_scored_take_no_part_in_the_grouping() -> None:
    groups, what = snr_groups([line(0, snr_db=5.0), line(1, state="alone")])
    assert (what, [group.ids for group in groups]) == ("SNR", [["item-0"]])
