"""Ideal masks on spectra whose answer is known, and what is true of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.dsp.masks import (
    IDEAL_MASKS,
    apply_masks,
    as_planes,
    binary_mask,
    complex_mask,
    mixture_consistency,
    phase_sensitive_mask,
    ratio_mask,
    wiener_mask,
)


def spectra(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def test_shares_of_magnitude_and_power() -> None:
    sources = np.array([[[3.0]], [[4.0j]]], np.complex64)
    assert ratio_mask(sources).ravel() == pytest.approx([3 / 7, 4 / 7])
    assert wiener_mask(sources).ravel() == pytest.approx([9 / 25, 16 / 25])
    assert binary_mask(sources).ravel().tolist() == [0, 1]
    # s / x = 3 / (3 + 4j) = (9 - 12j) / 25, and 4j / (3 + 4j) = (16 + 12j) / 25
    assert phase_sensitive_mask(sources).ravel() == pytest.approx([9 / 25, 16 / 25])
    assert complex_mask(sources).imag.ravel() == pytest.approx([-12 / 25, 12 / 25])


@pytest.mark.parametrize("name", IDEAL_MASKS)
def test_silence_gets_no_mask(name: str) -> None:
    sources = spectra(3, 9, 5)
    sources[:, 4] = 0
    mask = IDEAL_MASKS[name](sources)
    assert mask.shape == sources.shape
    assert np.isfinite(mask).all()
    assert not mask[:, 4].any()


@pytest.mark.parametrize("name", IDEAL_MASKS)
@settings(deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
def test_masks_share_the_whole(name: str, seed: int, count: int) -> None:
    mask = IDEAL_MASKS[name](spectra(count, 6, 4, seed=seed))
    assert np.allclose(mask.sum(axis=0), 1, atol=2e-3)


def test_the_complex_mask_gives_the_sources_back() -> None:
    sources = spectra(2, 33, 7)
    assert np.allclose(complex_mask(sources) * sources.sum(axis=0), sources, atol=1e-5)


def test_the_phase_sensitive_mask_is_the_best_real_one() -> None:
    sources = spectra(2, 33, 7)
    mixture = sources.sum(axis=0)
    best = np.abs(phase_sensitive_mask(sources) * mixture - sources) ** 2
    for name in ("ratio", "wiener", "binary"):
        assert (best <= np.abs(IDEAL_MASKS[name](sources) * mixture - sources) ** 2 + 1e-5).all()


def test_sources_that_cancel_leave_nothing_to_mask() -> None:
    sources = np.array([[[1.0]], [[-1.0]]], np.complex64)
    assert not complex_mask(sources).any()


def test_masks_are_applied_as_products() -> None:
    spectrum = spectra(2, 5, 6)
    real = np.random.default_rng(1).random((2, 3, 1, 5, 6)).astype(np.float32)
    assert np.allclose(apply_masks(real, spectrum), real[:, :, 0] * spectrum[:, None])
    both = np.random.default_rng(2).random((2, 3, 2, 5, 6)).astype(np.float32)
    wanted = (both[:, :, 0] + 1j * both[:, :, 1]) * spectrum[:, None]
    assert np.allclose(apply_masks(both, spectrum), wanted, atol=1e-5)
    with pytest.raises(ValueError, match="3 planes"):
        apply_masks(np.zeros((2, 1, 3, 5, 6), np.float32), spectrum)


def test_planes_are_real_and_imaginary_part() -> None:
    spectrum = spectra(2, 5, 6)
    planes = as_planes(spectrum)
    assert planes.flags.c_contiguous
    assert (planes[:, 0] == spectrum.real).all()
    assert (planes[:, 1] == spectrum.imag).all()


@settings(deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 5))
def test_consistent_estimates_sum_to_the_mixture_and_move_least(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    estimates = rng.standard_normal((count, 2, 50)).astype(np.float32)
    mixture = rng.standard_normal((2, 50)).astype(np.float32)
    moved = mixture_consistency(estimates, mixture)
    assert np.allclose(moved.sum(axis=0), mixture, atol=1e-5)
    # The nearest point of a plane is reached at a right angle to it: all sources move by the same amount.
    assert np.allclose(moved - estimates, (moved - estimates)[:1], atol=1e-5)
