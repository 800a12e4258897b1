import json
import math
from pathlib import Path

import golden_cases as cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.errors import InputError
from soli.metrics import si
from soli.metrics.silence import leakage_dbfs, silent_sources

GOLDEN = Path(__file__).parent / "golden"

TIME = np.arange(8000) / 8000
FIRST, SECOND, THIRD = (np.sin(2 * np.pi * hz * TIME) for hz in (100, 200, 300))
"""Whole periods: orthogonal, without mean, each of energy 4000."""


def test_scores_of_orthogonal_parts_are_their_level_differences() -> None:
    estimate = 2.0 * (FIRST + 10 ** (-20 / 20) * SECOND + 10 ** (-30 / 20) * THIRD)
    scores = si.evaluate(np.stack([FIRST, SECOND]), np.stack([estimate, SECOND]))
    assert scores["si_sir"][0] == pytest.approx(20.0)
    assert scores["si_sar"][0] == pytest.approx(30.0)
    assert scores["si_sdr"][0] == pytest.approx(-10 * math.log10(0.01 + 0.001))
    assert scores["snr"][0] == pytest.approx(-10 * math.log10(1 + 4 * 0.011))
    assert scores["sd_sdr"][0] == pytest.approx(20 * math.log10(2) - 10 * math.log10(1 + 4 * 0.011))
    assert scores["srr"][0] == pytest.approx(-20 * math.log10(0.5))
    assert [scores[name][1] for name in si.FORMULAS] == [math.inf] * 6


@settings(deadline=None, max_examples=30)
@given(
    gain=st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    level=st.floats(1e-2, 1e3),
    seed=st.integers(0, 2**32 - 1),
)
def test_gain_of_estimate_or_recording_does_not_matter(gain: float, level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, noise = rng.standard_normal((2, 3, 500))
    plain = si.evaluate(reference, reference + 0.5 * noise)
    scaled = si.evaluate(level * reference, gain * (reference + 0.5 * noise))
    for name in ("si_sdr", "si_sir", "si_sar"):
        assert scaled[name] == pytest.approx(plain[name], abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_distortion_is_interference_plus_artefacts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.standard_normal((3, 2, 400))
    estimate = reference + 0.4 * reference[[1, 2, 0]] + 0.3 * rng.standard_normal((3, 2, 400))
    scores = si.evaluate(reference, estimate)
    for distortion, interference, artefact in zip(scores["si_sdr"], scores["si_sir"], scores["si_sar"], strict=True):
        total = 10 ** (-interference / 10) + 10 ** (-artefact / 10)
        assert distortion == pytest.approx(-10 * math.log10(total), abs=1e-9)


def test_single_functions_agree_with_evaluate() -> None:
    reference, estimate = cases.offset()
    scores = si.evaluate(reference, estimate)
    for name in si.FORMULAS:
        assert getattr(si, name)(reference, estimate) == scores[name]


@pytest.mark.parametrize("centre", [True, False])
def test_agrees_with_fast_bss_eval(centre: bool) -> None:
    golden = json.loads((GOLDEN / "golden.json").read_text())["scale_invariant"]["centred" if centre else "raw"]
    scores = si.evaluate(*cases.offset(), centre=centre)
    for name, values in golden.items():
        assert scores[name] == pytest.approx(values, abs=1e-6)


def test_channels_of_a_source_share_one_gain() -> None:
    reference = np.stack([FIRST, SECOND])[None]
    assert si.si_sdr(reference, 0.5 * reference) == [math.inf]
    lopsided = reference * np.array([1.0, 0.0])[:, None]
    assert si.si_sdr(reference, lopsided)[0] == pytest.approx(0.0)


def test_improvement_is_measured_from_the_mixture() -> None:
    reference = np.stack([FIRST, 0.5 * SECOND])
    mixture = reference.sum(0)
    scores = si.evaluate(reference, np.stack([FIRST + 0.05 * SECOND, mixture]), mixture=mixture)
    assert scores["si_sdr_improvement"][0] == pytest.approx(20.0)
    assert scores["si_sdr_improvement"][1] == pytest.approx(0.0)
    assert scores["si_sir_improvement"][0] == pytest.approx(20.0)
    stereo = np.stack([reference, reference], axis=1)
    both = si.evaluate(stereo, stereo + 0.1 * stereo[::-1], mixture=stereo.sum(0))
    assert both["si_sdr_improvement"][0] == pytest.approx(20.0)


def test_silence_has_documented_scores_and_never_nan() -> None:
    reference = np.stack([FIRST, 0 * FIRST])
    estimate = np.stack([0 * FIRST, 0.1 * SECOND])
    scores = si.evaluate(reference, estimate, mixture=FIRST)
    assert {name: scores[name][0] for name in si.FORMULAS} == {
        "si_sdr": None,
        "si_sir": None,
        "si_sar": None,
        "sd_sdr": -math.inf,
        "snr": 0.0,
        "srr": -math.inf,
    }
    assert all(values[1] is None for values in scores.values())
    assert silent_sources(reference) == (False, True)
    assert leakage_dbfs(estimate) == (-math.inf, pytest.approx(-20 - 10 * math.log10(2)))


def test_a_constant_is_silence_only_when_centred() -> None:
    constant = np.full((1, 1000), 0.3)
    assert si.snr(constant, constant) == [None]
    assert si.snr(constant, constant, centre=False) == [math.inf]


def test_references_that_repeat_one_another_count_once() -> None:
    estimate = FIRST + 0.1 * SECOND + 0.01 * THIRD
    once = si.evaluate(np.stack([FIRST, SECOND]), np.stack([estimate, SECOND]))
    twice = si.evaluate(np.stack([FIRST, SECOND, -2 * SECOND]), np.stack([estimate, SECOND, SECOND]))
    assert twice["si_sir"][0] == pytest.approx(once["si_sir"][0], abs=1e-9)


@pytest.mark.parametrize(
    ("reference", "estimate", "said"),
    [
        (np.ones((2, 10)), np.ones((2, 11)), "shape"),
        (np.ones(10), np.ones(10), "axes"),
        (np.ones((0, 10)), np.ones((0, 10)), "empty"),
        (np.ones((1, 3)), np.array([[1, np.nan, 1]]), "NaN"),
    ],
)
def test_wrong_arrays_are_named(reference: np.ndarray, estimate: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        si.evaluate(reference, estimate)
