"""Levels of signals whose level is known."""

import numpy as np
import pytest

from soli.dsp.levels import amplitude_db, difference_db, gain, peak_db, power_db, rms_db

SINE = np.sin(2 * np.pi * np.arange(4800) / 48).astype(np.float32)


def test_a_full_scale_sine_is_3_db_below_its_peak() -> None:
    assert peak_db(SINE) == pytest.approx(0, abs=1e-5)
    assert rms_db(SINE) == pytest.approx(-3.0103, abs=1e-4)
    assert rms_db(np.stack([SINE, SINE * 0])) == pytest.approx(-6.0206, abs=1e-4)


def test_silence_and_nothing_are_minus_infinity() -> None:
    for samples in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        assert rms_db(samples) == peak_db(samples) == -np.inf
    assert power_db(0) == amplitude_db(0) == -np.inf


def test_half_the_amplitude_is_6_db() -> None:
    assert amplitude_db(0.5) == pytest.approx(power_db(0.25))
    assert gain(amplitude_db(0.3)) == pytest.approx(0.3)
    assert rms_db(SINE / 2) - rms_db(SINE) == pytest.approx(amplitude_db(0.5), abs=1e-5)


def test_differences_are_relative_to_the_reference() -> None:
    assert difference_db(SINE, SINE) == -np.inf
    assert difference_db(SINE, SINE * np.float32(0.99)) == pytest.approx(-40, abs=1e-2)
    assert difference_db(SINE * 0, SINE) == np.inf


def test_very_loud_and_very_quiet_samples_keep_their_level() -> None:
    """Squares of float32 would overflow above 1e19 and vanish below 1e-23."""
    assert rms_db(np.full(10, 1e30, np.float32)) == pytest.approx(600)
    assert rms_db(np.full(10, 1e-30, np.float32)) == pytest.approx(-600)
