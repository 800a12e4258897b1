"""Time stretching: pitch stays, length changes, notes keep their levels and come when they should."""

import numpy as np
import pytest

from soli.dsp.stretch import stretch
from soli.types import Array

RATE = 16000


def tone(hz: float, seconds: float) -> Array:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def frequency(samples: Array) -> float:
    """The strongest frequency of (T,) in Hz, by a parabola through the logarithm of the spectrum's peak."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-9)
    peak = int(np.argmax(spectrum))
    below, at, above = spectrum[peak - 1 : peak + 2]
    return (peak + 0.5 * (below - above) / (below - 2 * at + above)) * RATE / len(samples)


def level(samples: Array) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.2])
@pytest.mark.parametrize("hz", [110.0, 997.0])
def test_a_tone_keeps_its_pitch_and_level(factor: float, hz: float) -> None:
    length = round(factor * RATE)
    found = stretch(tone(hz, 1.0)[None], length=length, sample_rate=RATE)
    assert found.shape == (1, length)
    assert found.dtype == np.float32
    middle = found[0, length // 5 : -length // 5]
    assert frequency(middle) == pytest.approx(hz, rel=1e-3)
    assert level(middle) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


def test_notes_come_when_they_should() -> None:
    """Three notes, of which each takes its third of the new length: pitch by pitch, at the level it had."""
    notes = np.concatenate([tone(hz, 0.5) for hz in (220.0, 330.0, 262.0)])[None]
    found = stretch(notes, length=round(1.8 * RATE), sample_rate=RATE)[0]
    for number, hz in enumerate((220.0, 330.0, 262.0)):
        inside = found[round((number * 0.6 + 0.1) * RATE) : round((number * 0.6 + 0.5) * RATE)]
        assert frequency(inside) == pytest.approx(hz, rel=2e-3)
        assert level(inside) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.9, 1.07, 1.41, 2.0, 4.0])
@pytest.mark.parametrize(("rate", "hop"), [(8000, 128), (44100, 512)])
def test_any_length_is_reached(rate: int, hop: int, ratio: float) -> None:
    """Whatever is left of the last hop, and however far the sound must be spread or packed for it."""
    rng = np.random.default_rng(0)
    for length in range(6 * hop, 7 * hop + 1, hop // 32 - 1):
        noise = rng.standard_normal((1, round(length * ratio))).astype(np.float32)
        found = stretch(noise, length=length, sample_rate=rate)
        assert found.shape == (1, length)
        assert level(found[0, -2 * hop :]) == pytest.approx(level(noise), rel=0.5)


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.9])
def test_a_shortened_tone_sounds_to_its_end(factor: float) -> None:
    """At 44.1 kHz for 8 seconds, where the last frames lie past the end of the sound by most of a hop."""
    rate, length = 44100, 8 * 44100
    time_s = np.arange(round(length / factor)) / rate
    sound = (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)[None]
    found = stretch(sound, length=length, sample_rate=rate)
    assert level(found[0, -rate // 5 : -rate // 50]) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


def test_channels_are_turned_alike() -> None:
    rng = np.random.default_rng(0)
    mono = rng.standard_normal(RATE).astype(np.float32)
    found = stretch(np.stack([mono, -0.5 * mono]), length=13000, sample_rate=RATE)
    np.testing.assert_allclose(found[1], -0.5 * found[0], atol=1e-5)


def test_nothing_changes_where_nothing_is_asked() -> None:
    sound = tone(440, 0.2)[None]
    np.testing.assert_array_equal(stretch(sound, length=sound.shape[1], sample_rate=RATE), sound)
    silence = stretch(np.zeros((2, 100), np.float32), length=130, sample_rate=RATE)
    assert silence.shape == (2, 130)
    assert not silence.any()
