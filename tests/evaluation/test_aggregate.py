import math
from pathlib import Path

import numpy as np
import pytest
import tiny_manifest as tiny

from soli.data.manifest import Manifest
from soli.data.render import Rendered
from soli.evaluation.aggregate import conditions, statistics, summarise
from soli.evaluation.line import Line
from soli.evaluation.oracle import at_rate, ideal_ratio_estimates, mixture_estimates
from soli.evaluation.subject import subject_of
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
    assert found.std == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3)), "the deviation of a sample"
    assert statistics([1.0]).std is None
    assert (found.low, found.high) == (None, None), "four scores do not say how far a mean may be off"
    many = statistics([1.0, 2.0, 3.0, 6.0] * 3)
    assert many.low < 3.0 < many.high


def test_infinite_and_undefined_scores_are_counted_not_hidden() -> None:
    found = statistics([1.0, math.inf, None, -math.inf, 3.0])
    assert (found.mean, found.count, found.infinite, found.undefined) == (2.0, 4, 2, 1)
    assert found.median == 2.0
    nothing = statistics([None, math.inf])
    assert (nothing.mean, nothing.low, nothing.median) == (None, None, math.inf)
    assert statistics([]).median is None


def test_silent_estimates_count_and_are_told_of() -> None:
    found = summarise([_line(i, [5.0, None, -math.inf, -80.0, math.inf][i]) for i in range(5)])["voice"].scored
    scores = found.scores["si_sdr"]
    assert scores.estimate.mean == pytest.approx((5 - 60 - 60 - 60 + 100) / 5)
    assert scores.improvement.mean == pytest.approx(scores.estimate.mean - 1.0)
    assert (scores.estimate.count, scores.estimate.floored, scores.estimate.undefined) == (5, 3, 0)
    assert scores.mixture.floored == 0


def test_what_was_not_asked_for_and_medians_without_a_window_count_for_nothing() -> None:
    lines = [_line(i, 5.0).model_copy(update={"scores": {"si_sdr": 5.0, "sdr_v4": None}}) for i in range(3)]
    found = summarise(lines)["voice"].scored.scores
    assert found["sdr_v4"].estimate.mean is None
    assert found["sdr_v4"].estimate.undefined == 3
    assert "sdr" not in found


def test_a_source_alone_has_nothing_to_gain() -> None:
    alone = _line(0, math.inf).model_copy(update={"state": "alone", "mixture": {"si_sdr": math.inf}})
    found = summarise([alone])["voice"].alone.scores["si_sdr"]
    assert (found.estimate.mean, found.improvement.mean, found.improvement.count) == (100.0, None, 0)


def test_conditions_are_keys_with_few_values() -> None:
    lines = [_line(i, 1.0, snr_db=[0, 5, 10][i % 3], name=f"n{i}", tags=["a", "b"][: 1 + i % 2]) for i in range(30)]
    found = conditions(lines)
    assert list(found) == ["snr_db", "tags"]
    assert {value: len(some) for value, some in found["snr_db"].items()} == {"0": 10, "5": 10, "10": 10}
    assert {value: len(some) for value, some in found["tags"].items()} == {"a": 30, "b": 15}


def test_whom_the_items_are_of_is_no_condition_and_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    voices = rng.normal(0, 3, 10)
    scores = [float(voices[i % 10] + rng.normal(0, 0.5)) for i in range(60)]
    known = [_line(i, score, group=f"voice {i % 10}", snr_db=i % 2) for i, score in enumerate(scores)]
    unknown = [_line(i, score, snr_db=i % 2) for i, score in enumerate(scores)]
    assert list(conditions(known)) == ["snr_db"]
    apart, together = (summarise(lines)["voice"].scored.scores["si_sdr"].estimate for lines in (unknown, known))
    assert apart.mean == together.mean
    assert together.high - together.low > 2 * (apart.high - apart.low)


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


def test_the_ideal_mask_of_what_has_no_transform_has_windows_of_one_duration(tmp_path: Path) -> None:
    rows = [tiny.row("mix", [tiny.part("voice", "low.wav"), tiny.part("noise", "high.wav")])]
    oracle = subject_of("oracle", Manifest(tuple(rows), tmp_path, ""))
    for rate in (8000, 16000, 48000):
        sounds = np.random.default_rng(0).standard_normal((2, 1, rate)).astype(np.float32)
        rendered = Rendered(sounds.sum(axis=0), {"voice": sounds[0], "noise": sounds[1]}, rate)
        n_fft = round(0.064 * rate)
        expected = ideal_ratio_estimates(sounds, rendered.mixture, StftSettings(n_fft=n_fft, hop=n_fft // 4))
        np.testing.assert_array_equal(oracle.estimates(rendered, sounds), expected)


def test_windows_keep_their_duration_at_another_rate() -> None:
    settings = StftSettings(n_fft=1536, hop=768)
    assert at_rate(settings, sample_rate=48000, wanted_rate=48000) is settings
    half = at_rate(settings, sample_rate=48000, wanted_rate=16000)
    assert (half.n_fft, half.hop) == (512, 256)
    for rate in (8000, 11025, 44100, 96000):
        found = at_rate(settings, sample_rate=48000, wanted_rate=rate)
        assert found.n_fft / rate == pytest.approx(0.032, rel=0.02)
        assert found.hop * 2 <= found.n_fft
