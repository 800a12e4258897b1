import json
import math
from pathlib import Path

import golden_cases as cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.errors import InputError
from soli.metrics import bss
from soli.metrics._filters import BLOCKS, N_FFT, correlations, filtered

GOLDEN = Path(__file__).parent / "golden"

EXPECTED = json.loads((GOLDEN / "golden.json").read_text())


def _decibel(part: np.ndarray, rest: np.ndarray) -> float:
    return 10 * math.log10(np.sum(part**2) / np.sum(rest**2))


def _noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("case", cases.VERSION_3)
def test_version_3_agrees_with_mir_eval(case: str) -> None:
    golden = EXPECTED["version_3"][case]
    scores = bss.bss_eval(*cases.VERSION_3[case]())
    assert list(scores.permutation) == golden["permutation"]
    for name in ("sdr", "sir", "sar"):
        assert getattr(scores, name) == pytest.approx(golden[name], abs=0.01)


@pytest.mark.parametrize(("case", "hop"), [("second", cases.RATE), ("overlap", cases.RATE // 2)])
def test_version_4_agrees_with_museval_also_on_which_windows_count(case: str, hop: int) -> None:
    scores = bss.bss_eval_framewise(*cases.stereo(), window=cases.RATE, hop=hop)
    for name in ("sdr", "isr", "sir", "sar"):
        for found, wanted in zip(getattr(scores, name), EXPECTED["version_4"][case][name], strict=True):
            assert [value is None for value in found] == [value is None for value in wanted]
            assert [v for v in found if v is not None] == pytest.approx([v for v in wanted if v is not None], abs=0.01)


def _apart(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three stretches so far apart in time that no 512-tap filter carries one into another: exactly orthogonal."""
    parts = np.zeros((3, 9000))
    for index, part in enumerate(parts):
        part[3000 * index : 3000 * index + 2000] = _noise(seed + index, 2000)
    return parts[:2], parts[2]


def test_scores_of_orthogonal_parts_are_their_level_differences() -> None:
    (target, other), artefact = _apart(1)
    estimate = target + 0.1 * other + 0.03 * artefact
    scores = bss.bss_eval(np.stack([target, other]), np.stack([estimate, other]), permute=False)
    assert scores.sdr[0] == pytest.approx(_decibel(target, 0.1 * other + 0.03 * artefact), abs=1e-6)
    assert scores.sir[0] == pytest.approx(_decibel(target, 0.1 * other), abs=1e-6)
    assert scores.sar[0] == pytest.approx(_decibel(target + 0.1 * other, 0.03 * artefact), abs=1e-6)


def test_a_filter_of_512_taps_is_no_distortion_and_one_tap_more_is() -> None:
    source = np.concatenate([_noise(2, 1, 4000), np.zeros((1, 1000))], axis=1)
    filtering = np.zeros(512)
    filtering[[0, 40, 511]] = 0.3, -1.0, 0.5
    inside = np.convolve(source[0], filtering)[None, :5000]
    beyond = np.roll(source, 512)
    assert bss.bss_eval(source, inside).sdr[0] > 200
    assert bss.bss_eval(source, beyond).sdr[0] < 0


def _dense(references: np.ndarray, estimate: np.ndarray, taps: int) -> np.ndarray:
    """The projection of (C, T) by a dense least-squares fit on the delayed rows of (R, T); the slow, plain route."""
    total = references.shape[-1] + taps - 1
    columns = [np.pad(row, (delay, total - len(row) - delay)) for row in references for delay in range(taps)]
    basis = np.stack(columns, axis=1)
    padded = np.pad(estimate, ((0, 0), (0, taps - 1))).T
    return (basis @ np.linalg.lstsq(basis, padded, rcond=None)[0]).T


@pytest.mark.parametrize("channels", [1, 2])
def test_agrees_with_dense_least_squares(channels: int) -> None:
    taps, shape = 12, (3, channels, 260)
    references = _noise(3, *shape)
    estimates = references + 0.5 * references[[1, 2, 0]] + 0.2 * _noise(4, *shape)
    scores = bss.bss_eval(references, estimates, taps=taps, permute=False)
    for index, estimate in enumerate(estimates):
        padded = np.pad(estimate, ((0, 0), (0, taps - 1)))
        every = _dense(references.reshape(-1, shape[-1]), estimate, taps)
        own = _dense(references[index], estimate, taps)
        assert scores.sdr[index] == pytest.approx(_decibel(own, padded - own), abs=1e-8)
        assert scores.sir[index] == pytest.approx(_decibel(own, every - own), abs=1e-8)
        assert scores.sar[index] == pytest.approx(_decibel(every, padded - every), abs=1e-8)


@settings(deadline=None, max_examples=15)
@given(order=st.permutations(range(4)), gains=st.lists(st.floats(0.01, 100), min_size=4, max_size=4))
def test_any_order_and_gain_of_estimates_is_found(order: list[int], gains: list[float]) -> None:
    references = _noise(5, 4, 900)
    estimates = references + 0.1 * _noise(6, 4, 900)
    plain = bss.bss_eval(references, estimates, taps=16)
    shuffled = bss.bss_eval(references, (np.array(gains)[:, None] * estimates)[order], taps=16)
    assert plain.permutation == (0, 1, 2, 3)
    assert [order[index] for index in shuffled.permutation] == [0, 1, 2, 3]
    for name in ("sdr", "sir", "sar"):
        assert getattr(shuffled, name) == pytest.approx(getattr(plain, name), abs=1e-7)


def test_framewise_also_finds_the_order() -> None:
    references, estimates = cases.shuffled()
    plain = bss.bss_eval_framewise(references, estimates[[1, 3, 0, 2]], window=8000, hop=8000, taps=64)
    found = bss.bss_eval_framewise(references, estimates, window=8000, hop=8000, taps=64, permute=True)
    assert found.permutation == (1, 3, 0, 2)
    assert found.sdr == plain.sdr


def test_one_window_over_all_has_the_sir_and_sar_of_version_3() -> None:
    references, estimates = cases.short()
    whole = bss.bss_eval(references, estimates, permute=False)
    framed = bss.bss_eval_framewise(references, estimates, window=10**6, hop=10**6).medians()
    assert framed["sir"] == pytest.approx(whole.sir)
    assert framed["sar"] == pytest.approx(whole.sar)


def test_silent_reference_scores_none_and_leaves_the_others_alone() -> None:
    references, estimates = cases.short()
    alone = bss.bss_eval(references[:1], estimates[:1])
    silence = np.zeros((1, references.shape[-1]))
    both = bss.bss_eval(np.concatenate([silence, references[:1]]), np.concatenate([estimates[1:], estimates[:1]]))
    assert (both.sdr[0], both.sir[0], both.sar[0]) == (None, None, None)
    assert both.sdr[1:] == pytest.approx(alone.sdr)
    assert both.permutation == (0, 1) or both.permutation == (1, 0)
    assert both.sir[1] == math.inf
    nothing = bss.bss_eval(np.zeros((2, 700)), estimates)
    assert nothing.sdr == [None, None]


def test_silent_estimate_scores_none() -> None:
    references, estimates = cases.short()
    estimates[1] = 0
    scores = bss.bss_eval(references, estimates)
    assert scores.sdr[1] is None
    assert scores.permutation == (0, 1)
    framed = bss.bss_eval_framewise(references, estimates, window=200, hop=200)
    assert framed.sir[1] == [None] * 3
    assert all(value is not None for value in framed.sir[0])


def test_two_equal_channels_score_as_one() -> None:
    references, estimates = cases.short()
    mono = bss.bss_eval(references, estimates)
    stereo = bss.bss_eval(np.stack([references] * 2, axis=1), np.stack([estimates] * 2, axis=1))
    assert stereo.sdr == pytest.approx(mono.sdr, abs=0.01)
    assert stereo.sar == pytest.approx(mono.sar, abs=0.01)


def test_improvement_is_measured_from_the_mixture() -> None:
    (target, other), _ = _apart(7)
    references = np.stack([target, other])
    scores = bss.evaluate(references, references + 0.1 * references[::-1], mixture=target + other)
    assert scores["sdr_improvement"] == pytest.approx([20.0, 20.0], abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(total=st.integers(1, 3000), taps=st.integers(1, 40), seed=st.integers(0, 99))
def test_block_correlation_and_filtering_equal_the_direct_ones(total: int, taps: int, seed: int) -> None:
    left, right = _noise(seed, 2, total), _noise(seed + 1, 1, total)
    found = correlations(left, right, taps)[1, 0]
    direct = np.correlate(np.pad(right[0], taps - 1), left[1], "valid")
    assert found == pytest.approx(direct, abs=1e-9)
    filters = _noise(seed + 2, 3, 2, taps)
    joined = np.concatenate([block for _, block in filtered(left, filters)], axis=1)
    assert joined[2] == pytest.approx(
        np.convolve(left[0], filters[2, 0]) + np.convolve(left[1], filters[2, 1]), abs=1e-9
    )


def test_block_borders_do_not_show() -> None:
    total = (BLOCKS + 3) * N_FFT
    signal = _noise(8, 1, total)
    found = correlations(signal, signal, 3)[0, 0]
    assert found == pytest.approx([signal[0, k:] @ signal[0, : total - k] for k in (2, 1, 0, 1, 2)])
    filters = _noise(9, 1, 1, 3)
    joined = np.concatenate([block for _, block in filtered(signal, filters)], axis=1)[0]
    assert joined == pytest.approx(np.convolve(signal[0], filters[0, 0]), abs=1e-9)


def test_windows_are_whole_and_at_least_one() -> None:
    assert bss.windows(10, 4, 3) == [slice(0, 4), slice(3, 7), slice(6, 10)]
    assert bss.windows(9, 4, 3) == [slice(0, 4), slice(3, 7)]
    assert bss.windows(3, 4, 3) == [slice(0, 3)]


def test_median_leaves_out_what_is_undefined() -> None:
    assert bss.median([None, 1.0, math.inf, 3.0, None]) == 3.0
    assert bss.median([1.0, 2.0]) == 1.5
    assert bss.median([None]) is None
    assert bss.median([math.inf, math.inf]) == math.inf


def test_wrong_calls_are_named() -> None:
    with pytest.raises(InputError, match="shape"):
        bss.bss_eval(np.ones((2, 10)), np.ones((2, 11)))
    with pytest.raises(InputError, match="shape"):
        bss.BssEval(np.ones((2, 10))).score(np.ones((3, 10)))
    with pytest.raises(InputError, match="taps"):
        bss.bss_eval(np.ones((2, 10)), np.ones((2, 10)), taps=0)
    with pytest.raises(InputError, match="hop"):
        bss.bss_eval_framewise(np.ones((2, 10)), np.ones((2, 10)), window=5, hop=0)
