"""Cleaning measures what is in a sound and leaves out what is none."""

import numpy as np
import pytest

from made_sounds import noise, syllables, tone
from soli.data.corpora.clean import PEAK, Unusable, bandwidth_hz, clean, clipped_share, to_mono, trim_silence

RATE = 44100


def low_passed(samples: np.ndarray, cutoff_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    spectrum[round(cutoff_hz * len(samples) / RATE) :] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


@pytest.mark.parametrize("cutoff_hz", [3400, 8000, 15000])
def test_bandwidth_is_where_the_band_ends(cutoff_hz: int) -> None:
    # Nine bins are averaged and the window leaks: 9 bins of 21.5 Hz are what the edge may seem to be moved by.
    assert bandwidth_hz(low_passed(noise(2.0, RATE, seed=1), cutoff_hz), RATE) == pytest.approx(cutoff_hz, abs=200)


def test_bandwidth_of_white_noise_is_half_the_rate() -> None:
    assert bandwidth_hz(noise(2.0, RATE, seed=1), RATE) == pytest.approx(RATE / 2, abs=50)


def test_level_and_activity_leave_pauses_out() -> None:
    half = np.concatenate([tone(500, 1.0, RATE), np.zeros(RATE, np.float32)])
    cleaned = clean(half[None], RATE, trim=False)
    assert np.max(np.abs(cleaned.samples)) == pytest.approx(PEAK, abs=1e-4)
    assert cleaned.active == pytest.approx(0.5, abs=0.02)
    # A sine's level is 3 dB under its peak, which is at -1 dBFS.
    assert cleaned.level_rms_dbfs == pytest.approx(-4.0, abs=0.1)
    assert cleaned.gain_db == pytest.approx(-1.0 + 6.02, abs=0.05)
    assert cleaned.floor_db < -100


def test_floor_tells_how_noisy_a_recording_is() -> None:
    for floor, wanted in ((1e-3, -42), (1e-2, -22)):
        cleaned = clean(syllables(2.0, RATE, pitch_hz=120, seed=1, floor=floor)[None], RATE, trim=False)
        assert cleaned.floor_db == pytest.approx(wanted, abs=4)


@pytest.mark.parametrize("floor", [0.0, 3e-4])
def test_silence_at_both_ends_is_cut_but_for_a_moment(floor: float) -> None:
    silence = np.zeros(RATE, np.float32)
    sound = np.concatenate([silence, tone(300, 0.5, RATE, amplitude=0.2), silence]) + noise(
        2.5, RATE, seed=1, amplitude=floor
    )
    floor_db = 20 * np.log10(max(floor, 1e-7))
    trimmed = trim_silence(sound, RATE, floor_db=floor_db)
    assert len(trimmed) / RATE == pytest.approx(0.6, abs=0.021)
    np.testing.assert_array_equal(clean(trimmed[None], RATE, trim=True).samples.shape, trimmed.shape)


def test_channels_become_one_without_combing() -> None:
    left, other = tone(400, 0.5, RATE), noise(0.5, RATE, seed=2)
    np.testing.assert_allclose(to_mono(np.stack([left, 0.99 * left])), 0.995 * left, atol=1e-6)
    np.testing.assert_array_equal(to_mono(np.stack([left, other])), left)
    np.testing.assert_array_equal(to_mono(np.stack([0 * left, other])), other)


def test_clipping_is_flat_tops_not_peaks() -> None:
    loud = np.clip(3 * tone(200, 1.0, RATE), -1, 1)
    assert clipped_share(loud) > 0.3
    assert clipped_share(tone(200, 1.0, RATE, amplitude=1.0)) < 0.05
    assert clipped_share(noise(1.0, RATE, seed=1)) == 0.0


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(RATE, np.float32), "silent"),
        (np.full(RATE, 0.3, np.float32), "silent"),
        (tone(300, 0.1, RATE), "too short"),
        (np.clip(5 * syllables(1.0, RATE, pitch_hz=100, seed=1), -0.5, 0.5), "clipped"),
        (np.zeros(0, np.float32), "empty"),
    ],
)
def test_what_is_no_use_is_left_out_with_its_reason(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        clean(samples[None], RATE, trim=True)
