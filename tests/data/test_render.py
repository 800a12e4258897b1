"""Rendering is pure, exact to the sample, and its stems sum to the mixture."""

from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise, syllables, tone
from soli.data.effects import Band, Eq
from soli.data.levels import active_power
from soli.data.manifest import Mix, Part, Row, Synth
from soli.data.render import render
from soli.errors import DataError, InputError
from soli.media.audio import write_audio
from soli.media.resample import resample

RATE = 16000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_audio(tmp_path / "voice.wav", syllables(3.0, RATE, pitch_hz=120, seed=1)[None], sample_rate=RATE)
    write_audio(tmp_path / "rain.wav", noise(3.0, RATE, seed=2)[None], sample_rate=RATE)
    write_audio(tmp_path / "tone.wav", tone(1000, 2.0, 44100)[None], sample_rate=44100)
    wide = np.stack([tone(300, 1.0, RATE), tone(500, 1.0, RATE)])
    write_audio(tmp_path / "wide.wav", wide, sample_rate=RATE)
    return tmp_path


def row(*parts: Part, duration_s: float = 2.0, sample_rate: int = RATE, **fields: object) -> Row:
    return Row(id="r", split="test", sample_rate=sample_rate, duration_s=duration_s, parts=parts, **fields)


def voice(**fields: object) -> Part:
    return Part(**{"source": "voice", "path": "voice.wav", "duration_s": 2.0} | fields)


def rain(**fields: object) -> Part:
    return Part(**{"source": "noise", "path": "rain.wav", "duration_s": 2.0} | fields)


def peak_hz(samples: np.ndarray, sample_rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * sample_rate / len(samples)


def test_an_excerpt_is_the_files_own_samples_at_the_right_place(root: Path) -> None:
    whole = syllables(3.0, RATE, pitch_hz=120, seed=1)
    rendered = render(row(voice(start_s=0.5, onset_s=0.25, duration_s=1.0, gain_db=-6.0)), root)
    wanted = np.zeros(2 * RATE, np.float32)
    wanted[4000:20000] = np.float32(10 ** (-6 / 20)) * whole[8000:24000]
    np.testing.assert_array_equal(rendered.stems["voice"][0], wanted)


def test_stems_sum_to_the_mixture_exactly(root: Path) -> None:
    eq = Eq(kind="eq", points_hz=(100.0, 4000.0), gains_db=(-4.0, 5.0))
    rendered = render(
        row(
            voice(effects=(eq,)),
            rain(speed=1.1),
            rain(onset_s=0.7, duration_s=0.5),
            effects=(Band(kind="band", high_hz=3000.0),),
            mix=Mix(target="voice", snr_db=3.0, level_dbfs=-25.0, peak=0.99),
        ),
        root,
    )
    np.testing.assert_array_equal(rendered.mixture, rendered.stems["voice"] + rendered.stems["noise"])
    assert rendered.mixture.dtype == np.float32


def test_the_same_row_gives_the_same_samples(root: Path) -> None:
    synth = Part(source="noise", duration_s=2.0, synth=Synth(seed=7, slope_db=3.0, hum_hz=50.0, harmonics=5))
    once, again = (render(row(voice(speed=0.9), rain(), synth), root) for _ in range(2))
    np.testing.assert_array_equal(once.mixture, again.mixture)


def test_speed_raises_pitch_and_shortens_alike(root: Path) -> None:
    part = Part(source="tone", path="tone.wav", duration_s=1.5, speed=1.25)
    rendered = render(row(part, sample_rate=48000), root)
    stem = rendered.stems["tone"][0]
    assert peak_hz(stem[:48000], 48000) == pytest.approx(1250, abs=1.0)
    assert np.all(stem[72000:] == 0)
    # The file has 2 s: at 1.25 it is over after 1.6 s.
    long = render(row(part.model_copy(update={"duration_s": 2.0}), sample_rate=48000), root).stems["tone"][0]
    assert np.flatnonzero(np.abs(long) > 1e-3)[-1] == pytest.approx(1.6 * 48000, abs=40)


def test_an_excerpt_at_another_rate_agrees_with_resampling_the_whole_file(root: Path) -> None:
    write_audio(root / "wideband.wav", noise(3.0, 44100, seed=8)[None], sample_rate=44100)
    part = Part(source="noise", path="wideband.wav", start_s=1.0, duration_s=1.0)
    stem = render(row(part, duration_s=1.0, sample_rate=48000), root).stems["noise"]
    whole = resample(noise(3.0, 44100, seed=8)[None], 44100, 48000)
    error = stem[0] - whole[0, 48000:96000]
    assert 10 * np.log10(np.mean(error**2) / np.mean(whole**2)) < -80


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_the_snr_is_that_of_the_active_speech_in_the_band_that_is_left(root: Path, snr_db: float) -> None:
    band = Band(kind="band", high_hz=2000.0, order=40)
    mix = Mix(target="voice", snr_db=snr_db)
    stems = render(row(voice(), rain(), effects=(band,), mix=mix), root).stems
    power, share = active_power(stems["voice"], sample_rate=RATE)
    assert 0.3 < share < 0.9
    assert 10 * np.log10(power / np.mean(stems["noise"] ** 2)) == pytest.approx(snr_db, abs=0.01)
    spectrum = np.abs(np.fft.rfft(stems["noise"][0] * np.hanning(2 * RATE))) ** 2
    assert np.sum(spectrum[len(spectrum) * 5 // 16 :]) < 1e-6 * np.sum(spectrum)


def test_the_level_is_the_mixtures_and_its_peak_has_a_ceiling(root: Path) -> None:
    quiet = render(row(voice(), rain(), mix=Mix(target="voice", snr_db=10.0, level_dbfs=-40.0, peak=0.9)), root)
    assert 10 * np.log10(np.mean(quiet.mixture**2)) == pytest.approx(-40.0, abs=0.01)
    loud = render(row(voice(), rain(), mix=Mix(target="voice", snr_db=10.0, level_dbfs=0.0, peak=0.9)), root)
    assert np.max(np.abs(loud.mixture)) == pytest.approx(0.9, abs=1e-3)
    # The ceiling moves both stems alike: their ratio stays.
    ratio = np.mean(quiet.stems["voice"] ** 2) / np.mean(quiet.stems["noise"] ** 2)
    assert np.mean(loud.stems["voice"] ** 2) / np.mean(loud.stems["noise"] ** 2) == pytest.approx(ratio, rel=1e-4)


def test_a_source_without_parts_is_a_silent_stem(root: Path) -> None:
    rendered = render(row(rain(), sources=("voice", "noise"), mix=Mix(target="voice", snr_db=5.0)), root)
    assert list(rendered.stems) == ["voice", "noise"]
    assert not np.any(rendered.stems["voice"])
    np.testing.assert_array_equal(rendered.mixture, rendered.stems["noise"])


def test_parts_beyond_the_ends_are_cut(root: Path) -> None:
    whole = noise(3.0, RATE, seed=2)
    stem = render(row(rain(onset_s=-0.5), rain(onset_s=1.75)), root).stems["noise"][0]
    wanted = np.zeros(2 * RATE, np.float32)
    wanted[: 3 * RATE // 2] += whole[RATE // 2 : 2 * RATE]
    wanted[7 * RATE // 4 :] += whole[: RATE // 4]
    np.testing.assert_array_equal(stem, wanted)


def test_a_repeated_excerpt_is_not_changed_by_its_repetition(root: Path) -> None:
    once = render(row(rain(duration_s=0.5, fade_s=0.1, gain_db=-3.0)), root).stems["noise"][0, : RATE // 2]
    twice = render(
        row(rain(duration_s=0.5, fade_s=0.1, gain_db=-3.0), rain(onset_s=1.0, duration_s=0.5, fade_s=0.1)), root
    )
    np.testing.assert_array_equal(twice.stems["noise"][0, : RATE // 2], once)
    assert twice.stems["noise"][0, 0] == 0.0


def test_mono_parts_are_heard_in_every_channel_of_a_wide_row(root: Path) -> None:
    wide = Part(source="music", path="wide.wav", duration_s=1.0)
    rendered = render(row(voice(), wide), root)
    assert rendered.mixture.shape == (2, 2 * RATE)
    np.testing.assert_array_equal(rendered.stems["voice"][0], rendered.stems["voice"][1])
    assert peak_hz(rendered.stems["music"][0, :RATE], RATE) == pytest.approx(300, abs=1)
    assert peak_hz(rendered.stems["music"][1, :RATE], RATE) == pytest.approx(500, abs=1)


def test_coloured_noise_has_its_slope_and_hum_its_partials(root: Path) -> None:
    pink = Part(source="noise", duration_s=8.0, synth=Synth(seed=1, slope_db=3.0))
    samples = render(row(pink, duration_s=8.0, sample_rate=48000), root).stems["noise"][0]
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(1.0, abs=1e-3)
    power = np.abs(np.fft.rfft(samples)) ** 2
    octaves = [10 * np.log10(np.mean(power[8 * low : 16 * low])) for low in (125, 250, 500, 1000, 2000, 4000)]
    np.testing.assert_allclose(np.diff(octaves), -3.0, atol=0.5)
    hum = Part(source="noise", duration_s=8.0, synth=Synth(seed=1, hum_hz=50.0, harmonics=3, hum_db=40.0))
    spectrum = np.abs(np.fft.rfft(render(row(hum, duration_s=8.0, sample_rate=48000), root).stems["noise"][0]))
    assert set(np.argsort(spectrum)[-3:] / 8) == {50.0, 100.0, 150.0}


def test_what_cannot_be_rendered_is_said(root: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.wav"):
        render(row(voice(path="nothing.wav")), root)
    with pytest.raises(DataError, match=r"voice\.wav ends before 30\.000 s"):
        render(row(voice(start_s=30.0)), root)
    with pytest.raises(DataError, match="target speech is no stem; wanted one of voice, noise"):
        render(row(voice(), rain(), mix=Mix(target="speech", snr_db=0.0)), root)
