"""Logarithmic frequency: bands where they should be, nothing made louder, and back again."""

import numpy as np
import pytest

from soli.dsp.logfreq import from_log_bands, log_band_centres, to_log_bands
from soli.types import StftSettings

SETTINGS, RATE = StftSettings(n_fft=4096, hop=1024), 44100
CENTRES = log_band_centres(lowest_hz=50, highest_hz=14000, per_octave=36)


def test_centres_are_evenly_spaced_on_a_logarithmic_axis() -> None:
    np.testing.assert_allclose(np.diff(np.log2(CENTRES)), 1 / 36, atol=1e-5)
    assert CENTRES[0] == 50
    assert 14000 / 2 ** (1 / 36) < CENTRES[-1] <= 14000


def test_every_row_of_both_matrices_is_a_mean() -> None:
    forth = to_log_bands(SETTINGS, sample_rate=RATE, centres_hz=CENTRES)
    back = from_log_bands(SETTINGS, sample_rate=RATE, centres_hz=CENTRES)
    assert forth.shape == (len(CENTRES), SETTINGS.bins) == back.shape[::-1]
    for matrix in (forth, back):
        assert matrix.min() >= 0
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 3000.0, 9000.0])
def test_a_tone_lands_in_its_own_band(frequency_hz: float) -> None:
    position = frequency_hz * SETTINGS.n_fft / RATE
    spectrum = np.maximum(0, 1 - np.abs(np.arange(SETTINGS.bins) - position))
    bands = to_log_bands(SETTINGS, sample_rate=RATE, centres_hz=CENTRES) @ spectrum
    bin_octaves = RATE / SETTINGS.n_fft / frequency_hz / np.log(2)
    assert abs(np.log2(CENTRES[bands.argmax()] / frequency_hz)) < max(1 / 36, bin_octaves)


def test_a_mask_comes_back_at_its_frequency() -> None:
    back = from_log_bands(SETTINGS, sample_rate=RATE, centres_hz=CENTRES)
    octaves = np.log2(CENTRES / CENTRES[0])
    frequency_hz = np.arange(SETTINGS.bins) * RATE / SETTINGS.n_fft
    inside = (frequency_hz > CENTRES[0]) & (frequency_hz < CENTRES[-1])
    found = back @ octaves
    np.testing.assert_allclose(found[inside], np.log2(frequency_hz[inside] / CENTRES[0]), atol=1e-3)
    assert found[0] == 0
    assert found[-1] == octaves[-1]
