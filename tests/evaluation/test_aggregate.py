import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.evaluation.aggregate import bootstrap_interval, conditions, statistics, summarise
from soli.evaluation.oracle import at_rate, ideal_ratio_estimates, mixture_estimates
from soli.evaluation.results import Line
from soli.types import StftSettings


def _line(index: int, score: float | None, **meta: object) -> Line:
    scores = {"si_sdr": score}
    return Line(
        id=f"item-{index}",
        source="voice",
        state="scored",
        scores=scores,
        mixture={"si_sdr": 1.0},
        improvement={"si_sdr": None if score is None else score - 1.0},
        ceiling=scores,
        duration_s=1.0,
        seconds=0.1,
        meta=dict(meta),
    )


def test_statistics_of_known_scores() -> None:
    found = statistics([1.0, 2.0, 3.0, 6.0])
    assert (found.mean, found.median, found.count) == (3.0, 2.5, 4)
    assert found.std == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 4))
    assert found.low < 3.0 < found.high


def test_infinite_and_undefined_scores_are_counted_not_hidden() -> None:
    found = statistics([1.0, math.inf, None, -math.inf, 3.0])
    assert (found.mean, found.count, found.infinite, found.undefined) == (2.0, 4, 2, 1)
    assert found.median == 2.0
    nothing = statistics([None, math.inf])
    assert (nothing.mean, nothing.low, nothing.median) == (None, None, math.inf)
    assert statistics([]).median is None


def test_interval_is_the_normal_one_for_many_scores_and_the_same_every_time() -> None:
    values = np.random.default_rng(0).standard_normal(400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)
    assert bootstrap_interval(values) == (low, high)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=1, max_size=30))
def test_interval_lies_within_the_scores(values: list[float]) -> None:
    found = statistics(values)
    assert min(values) - 1e-4 <= found.low <= found.high <= max(values) + 1e-4


def test_conditions_are_keys_with_few_values() -> None:
    lines = [_line(i, 1.0, snr_db=[0, 5, 10][i % 3], name=f"n{i}", tags=["a", "b"][: 1 + i % 2]) for i in range(30)]
    found = conditions(lines)
    assert list(found) == ["snr_db", "tags"]
    assert {value: len(some) for value, some in found["snr_db"].items()} == {"0": 10, "5": 10, "10": 10}
    assert {value: len(some) for value, some in found["tags"].items()} == {"a": 30, "b": 15}


def test_summary_of_a_condition_is_that_of_its_items() -> None:
    lines = [_line(i, float(i), language=["de", "fr"][i // 4]) for i in range(8)]
    voice = summarise(lines)["voice"]
    assert voice.scored.scores["si_sdr"].estimate.mean == 3.5
    assert voice.conditions["language"]["de"].scores["si_sdr"].estimate.mean == 1.5
    assert voice.conditions["language"]["fr"].scores["si_sdr"].improvement.mean == 4.5
    assert voice.silent.count == voice.alone.count == 0


def test_ideal_mask_takes_apart_what_lies_apart_and_keeps_the_sum() -> None:
    time = np.arange(16000) / 16000
    sources = np.stack([np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 3000 * time)]).astype(np.float32)[:, None]
    mixture = sources.sum(0)
    estimates = ideal_ratio_estimates(sources, mixture, StftSettings(n_fft=1024, hop=256))
    assert np.abs(estimates.sum(0) - mixture).max() < 1e-5
    error = (estimates - sources)[..., 2000:-2000]
    assert 10 * np.log10(np.mean(error**2) / np.mean(sources**2)) < -40
    np.testing.assert_array_equal(mixture_estimates(sources, mixture)[1], mixture)


def test_windows_keep_their_duration_at_another_rate() -> None:
    settings = StftSettings(n_fft=1536, hop=768)
    assert at_rate(settings, sample_rate=48000, wanted_rate=48000) is settings
    half = at_rate(settings, sample_rate=48000, wanted_rate=16000)
    assert (half.n_fft, half.hop) == (512, 256)
    for rate in (8000, 11025, 44100, 96000):
        found = at_rate(settings, sample_rate=48000, wanted_rate=rate)
        assert found.n_fft / rate == pytest.approx(0.032, rel=0.02)
        assert found.hop * 2 <= found.n_fft
