"""Notes sound at their pitch, without aliases, with the vibrato asked for and none that was recorded."""

from pathlib import Path

import numpy as np
import pytest
from made_fonts import CUTOFF, KEYS, MODES, SAMPLE, Made, harmonics, plain_zone, quartet_patches, sf2, span
from numpy.typing import NDArray

from soli.data.corpora.fonts import samplers
from soli.data.corpora.sampler import RATE, Sampler
from soli.data.corpora.soundfont import SoundFont
from soli.types import Array


def sampler(path: Path, zones: list[dict[int, int]], samples: list[Made]) -> Sampler:
    return Sampler(SoundFont.open(sf2(path / "font.sf2", {40: zones}, samples)).instrument(40))


def plain(tmp_path: Path, made: Made | None = None) -> Sampler:
    return sampler(tmp_path, [plain_zone()], [made or Made()])


def steady(pitch: float, seconds: float = 2.0) -> NDArray[np.float64]:
    return np.full(round(seconds * RATE), pitch)


def spectrum(sound: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and levels in dB of the loudest, finely spaced."""
    window = np.kaiser(len(sound), 14)
    power = np.abs(np.fft.rfft(sound * window, 8 * len(sound)))
    return np.fft.rfftfreq(8 * len(sound), 1 / RATE), 20 * np.log10(power / power.max() + 1e-12)


def peak_hz(sound: Array) -> float:
    frequencies, levels = spectrum(sound)
    return float(frequencies[levels.argmax()])


def cents(hz: float, wanted_hz: float) -> float:
    return float(1200 * np.log2(hz / wanted_hz))


@pytest.mark.parametrize("pitch", [45, 69, 69.25, 81, 93])
def test_pitch_is_exact(tmp_path: Path, pitch: float) -> None:
    """Within a cent, up to two octaves from the recording: the bar for A4 and more."""
    sound = plain(tmp_path).note(steady(pitch), velocity=90)
    assert cents(peak_hz(sound[RATE // 2 :]), 440 * 2 ** ((pitch - 69) / 12)) == pytest.approx(0, abs=0.2)


def test_a_patch_and_a_sound_font_of_one_sound_play_alike(tmp_path: Path) -> None:
    ours = plain(tmp_path).note(steady(72), velocity=90)
    theirs = samplers(quartet_patches(tmp_path / "pats"))[40].note(steady(72), velocity=90)
    np.testing.assert_allclose(ours[1000:20000], theirs[1000:20000], atol=0.02)


def test_a_recording_out_of_tune_is_played_in_tune(tmp_path: Path) -> None:
    made = Made(harmonics(440 * 2 ** (20 / 1200), seconds=1.0), loop=(22050, 44100))
    sound = plain(tmp_path, made).note(steady(69), velocity=90)
    assert cents(peak_hz(sound[RATE // 2 :]), 440) == pytest.approx(0, abs=1)


def wobbling(depth_cents: float, rate_hz: float = 5.0) -> Made:
    """A recording with vibrato, whose loop is one cycle of it."""
    times_s = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * 440 * times_s
    swing = depth_cents / 1200 * np.log(2) * 440 / rate_hz
    sound = 0.5 * np.sin(phase - swing * np.cos(2 * np.pi * rate_hz * times_s))
    return Made(sound.astype(np.float32), loop=(RATE, RATE + round(RATE / rate_hz)))


def pitch_course(sound: Array) -> NDArray[np.float64]:
    """Cents above 440 Hz in time, from zero crossings of a sine."""
    negative = sound < 0
    at = np.flatnonzero(negative[:-1] & ~negative[1:])
    exact = at - sound[at] / (sound[at + 1] - sound[at])
    return 1200 * np.log2(RATE / np.diff(exact) / 440)


def test_recorded_vibrato_stays_or_goes(tmp_path: Path) -> None:
    instrument = plain(tmp_path, wobbling(30))
    kept = pitch_course(instrument.note(steady(69), velocity=90, kept=1.0)[RATE // 2 :])
    gone = pitch_course(instrument.note(steady(69), velocity=90, kept=0.0)[RATE // 2 :])
    assert np.ptp(kept) == pytest.approx(60, abs=6)
    assert np.ptp(gone) < 6
    assert np.mean(gone) == pytest.approx(0, abs=1)


def test_a_recording_that_begins_sharp_is_in_tune_all_along(tmp_path: Path) -> None:
    """What is slower than vibrato is no expression that could be kept: it would be wrong at every other length."""
    times_s = np.arange(2 * RATE) / RATE
    hz = 440 * 2 ** (25 * np.exp(-times_s / 0.3) / 1200)
    made = Made((0.5 * np.sin(2 * np.pi * np.cumsum(hz) / RATE)).astype(np.float32), loop=(66150, 88200))
    cents = pitch_course(plain(tmp_path, made).note(steady(69), velocity=90, kept=1.0))
    assert np.abs(cents[round(0.25 * 440) : round(0.6 * 440)]).max() < 4
    assert np.abs(cents[300:-20]).max() < 2


def test_a_high_note_does_not_alias(tmp_path: Path) -> None:
    """Partials up to 20 kHz, played an octave higher: those beyond 22 kHz are gone, and nothing else has come."""
    partials = [1.0 / (n + 1) for n in range(45)]
    sound = plain(tmp_path, Made(harmonics(440, partials=partials) * np.float32(0.5))).note(steady(81), velocity=90)
    frequencies, levels = spectrum(sound[RATE // 2 :])
    off_partials = np.abs(frequencies / 880 - np.rint(frequencies / 880)) * 880 > 60
    assert levels[off_partials].max() < -66
    tenth = levels[np.abs(frequencies - 8800) < 30].max()
    assert tenth == pytest.approx(-20, abs=0.5)


def test_a_note_is_as_loud_as_any_other(tmp_path: Path) -> None:
    """Recordings differ in level; notes do not, so that dynamics are the performance's."""
    zones = [{KEYS: span(0, 60), MODES: 1, SAMPLE: 0}, {KEYS: span(61, 127), MODES: 1, SAMPLE: 1}]
    instrument = sampler(tmp_path, zones, [Made(), Made(harmonics(440) * np.float32(0.05))])
    levels = [float(np.std(instrument.note(steady(pitch), velocity=90)[RATE:])) for pitch in (50, 75)]
    assert levels == pytest.approx([1, 1], abs=0.01)


def test_layers_have_their_own_levels_and_an_attack_makes_the_note_no_quieter(tmp_path: Path) -> None:
    """A recording 20 dB quieter than the one it is laid over stays so; what is not looped counts for no level."""
    quiet = Made(harmonics(880) * np.float32(0.1))
    loud, soft, once = ({KEYS: span(0, 127), MODES: mode, SAMPLE: n} for mode, n in ((1, 0), (1, 1), (0, 1)))
    both = sampler(tmp_path, [loud, soft], [Made(), quiet]).note(steady(69), velocity=90)
    frequencies, levels = spectrum(both[RATE:])
    assert levels[np.abs(frequencies - 880) < 5].max() == pytest.approx(-20, abs=0.2)
    assert float(np.std(both[RATE:])) == pytest.approx(1, abs=0.01)
    struck = sampler(tmp_path, [loud, once], [Made(), quiet]).note(steady(69), velocity=90)
    assert float(np.std(struck[RATE:])) == pytest.approx(1, abs=0.01)
    assert float(np.std(struck[: RATE // 3] - both[: RATE // 3])) < 0.02


def test_the_fonts_filter_is_heard(tmp_path: Path) -> None:
    zone = {KEYS: span(0, 127), CUTOFF: round(1200 * np.log2(440 / 8.176)), MODES: 1, SAMPLE: 0}
    made = Made(harmonics(440, partials=(0.4, 0.4, 0.4, 0.4)))
    sound = sampler(tmp_path, [zone], [made]).note(steady(69), velocity=90)
    frequencies, levels = spectrum(sound[RATE // 2 :])
    fourth = levels[np.abs(frequencies - 1760) < 20].max()
    assert fourth == pytest.approx(-21, abs=1)  # two octaves of 12 dB, against 3 dB at the cutoff


def test_what_is_not_looped_ends(tmp_path: Path) -> None:
    zone = {KEYS: span(0, 127), SAMPLE: 0}
    sound = sampler(tmp_path, [zone], [Made()]).note(steady(69), velocity=90)
    assert np.abs(sound[: RATE // 3]).max() > 0.5
    assert np.abs(sound[RATE * 6 // 10 :]).max() == 0


def test_a_shift_plays_another_recording_at_the_same_pitch(tmp_path: Path) -> None:
    zones = [{KEYS: span(0, 70), MODES: 1, SAMPLE: 0}, {KEYS: span(71, 127), MODES: 1, SAMPLE: 1}]
    instrument = sampler(tmp_path, zones, [Made(), Made(harmonics(440, partials=(0.9, 0.6)))])
    plain_note = instrument.note(steady(69), velocity=90)
    shifted = instrument.note(steady(69), velocity=90, shift=3)
    assert peak_hz(shifted[RATE // 2 :]) == pytest.approx(peak_hz(plain_note[RATE // 2 :]), rel=1e-3)
    assert np.abs(shifted - plain_note)[RATE // 2 :].max() > 0.3
