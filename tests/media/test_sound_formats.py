"""What is written is what is read: exact where the format is lossless, aligned and of exact length everywhere."""

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import lag, music, snr_db

from soli.errors import OutputError, UsageError
from soli.media import ffmpeg, sndfile
from soli.media.audio import probe, read_audio, write_audio
from soli.media.formats import FORMATS

RATES = (8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000)
LOSSLESS = [("wav", "float32"), ("wav", "pcm24"), ("wav", "pcm16"), ("flac", "pcm24"), ("flac", "pcm16")]


def quantised(samples: np.ndarray, subtype: str) -> np.ndarray:
    if subtype == "float32":
        return samples
    steps = 2.0 ** (int(subtype[3:]) - 1)
    return (np.rint(samples.astype(np.float64) * steps) / steps).astype(np.float32)


@pytest.mark.parametrize(("form", "subtype"), LOSSLESS)
@pytest.mark.parametrize("rate", RATES)
def test_a_sine_survives_each_lossless_format_bit_for_bit(tmp_path: Path, form: str, subtype: str, rate: int) -> None:
    samples = 0.9 * np.sin(2 * np.pi * 440 * np.arange(rate // 2 + 1) / rate, dtype=np.float64)[None].astype(np.float32)
    path = tmp_path / f"sine.{form}"
    write_audio(path, samples, sample_rate=rate, subtype=subtype)
    audio = read_audio(path)
    assert audio.sample_rate == rate
    assert audio.samples.dtype == np.float32
    np.testing.assert_array_equal(audio.samples, quantised(samples, subtype))
    info = probe(path)
    assert (info.frames, info.channels, info.container, info.subtype) == (rate // 2 + 1, 1, form, subtype)


@pytest.mark.parametrize(("form", "subtype"), LOSSLESS)
@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("frames", [1, 4097])
def test_every_channel_keeps_its_place(tmp_path: Path, form: str, subtype: str, channels: int, frames: int) -> None:
    samples = music(channels, frames, 48000)
    path = tmp_path / f"x.{form}"
    write_audio(path, samples, sample_rate=48000, subtype=subtype)
    wanted = quantised(samples, subtype)
    np.testing.assert_array_equal(read_audio(path).samples, wanted)
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32", always_2d=True)[0].T, wanted)


def test_python_itself_reads_what_we_call_pcm16(tmp_path: Path) -> None:
    samples = np.array([[-1.0, -0.5, 0.0, 0.5, 32767 / 32768], [0.0, 0.1, 0.2, 0.3, 0.4]], np.float32)
    write_audio(tmp_path / "x.wav", samples, sample_rate=16000, subtype="pcm16")
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 16000, 5)
        integers = np.frombuffer(file.readframes(5), "<i2").reshape(-1, 2).T
    np.testing.assert_array_equal(integers[0], [-32768, -16384, 0, 16384, 32767])


@pytest.mark.parametrize(("form", "subtype"), LOSSLESS)
def test_equal_samples_give_equal_bytes(tmp_path: Path, form: str, subtype: str) -> None:
    for name in ("a", "b"):
        write_audio(tmp_path / f"{name}.{form}", music(2, 3000, 44100), sample_rate=44100, subtype=subtype)
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()


def test_float_keeps_what_is_beyond_full_scale(tmp_path: Path) -> None:
    samples = np.array([[-3.5, 7.25, 1e-30, 0.0]], np.float32)
    write_audio(tmp_path / "x.wav", samples, sample_rate=48000)
    np.testing.assert_array_equal(read_audio(tmp_path / "x.wav").samples, samples)


# dB below the sound at which each codec's error lies at least; measured 3 dB or more above.
LOSSY_SNR_DB = {"ogg": 18, "opus": 12, "mp3": 18, "m4a": 18}


@pytest.mark.parametrize("form", sorted(LOSSY_SNR_DB))
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_lossy_format_keeps_length_time_and_quality(tmp_path: Path, form: str, rate: int, channels: int) -> None:
    samples = music(channels, rate + 77, rate)
    path = tmp_path / f"x.{form}"
    limits = FORMATS[form]
    if channels > limits.max_channels or (limits.rates is not None and rate not in limits.rates):
        with pytest.raises(OutputError, match="choose wav or flac"):
            write_audio(path, samples, sample_rate=rate)
        assert not list(tmp_path.iterdir())
        return
    write_audio(path, samples, sample_rate=rate)
    audio = read_audio(path)
    assert audio.sample_rate == rate
    assert audio.samples.shape == samples.shape
    for index in range(channels):
        if channels == 6 and index == 3:  # the fourth of six is the bass channel, which codecs filter
            continue
        assert lag(samples[index], audio.samples[index]) == 0
        assert snr_db(samples[index], audio.samples[index]) > LOSSY_SNR_DB[form]


@pytest.mark.parametrize("form", ["m4a", "ogg", "flac"])
@pytest.mark.parametrize("frames", [1, 2, 1023, 1024, 1025, 5000])
def test_lengths_around_a_codec_block(tmp_path: Path, form: str, frames: int) -> None:
    write_audio(tmp_path / f"x.{form}", music(1, frames, 44100), sample_rate=44100)
    assert read_audio(tmp_path / f"x.{form}").samples.shape == (1, frames)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64", "W64"])
def test_two_decoders_agree_on_every_sample_format(tmp_path: Path, form: str, subtype: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, music(2, 5000, 44100).T, 44100, format=form, subtype=subtype)
    with path.open("rb") as one, path.open("rb") as two:
        by_sndfile, by_ffmpeg = sndfile.SndfileDecoder(one, "x"), ffmpeg.FfmpegDecoder(two, "x")
        assert by_sndfile.info.subtype == by_ffmpeg.info.subtype
        np.testing.assert_array_equal(by_sndfile.read(5000), by_ffmpeg.read(5000))


@pytest.mark.parametrize("form", ["AIFF", "AU", "CAF", "FLAC"])
def test_two_decoders_agree_on_other_containers(tmp_path: Path, form: str) -> None:
    path = tmp_path / "x"
    soundfile.write(path, music(2, 5000, 44100).T, 44100, format=form, subtype="PCM_24")
    with path.open("rb") as one, path.open("rb") as two:
        np.testing.assert_array_equal(
            sndfile.SndfileDecoder(one, "x").read(5000), ffmpeg.FfmpegDecoder(two, "x").read(5000)
        )


@pytest.mark.parametrize("form", ["ogg", "opus"])
@pytest.mark.parametrize("channels", range(1, 9))
def test_two_decoders_agree_on_the_order_of_channels(tmp_path: Path, form: str, channels: int) -> None:
    samples = music(channels, 48000, 48000)
    path = tmp_path / f"x.{form}"
    write_audio(path, samples, sample_rate=48000)
    with path.open("rb") as one, path.open("rb") as two:
        by_sndfile = sndfile.SndfileDecoder(one, "x").read(48000).T
        by_ffmpeg = ffmpeg.FfmpegDecoder(two, "x").read(48000).T
    for index in range(channels):
        assert snr_db(by_sndfile[index], by_ffmpeg[index]) > 25
        closest = max(range(channels), key=lambda other: float(by_sndfile[index] @ samples[other]))
        assert closest == index


@pytest.mark.parametrize("channels", range(1, 9))
def test_m4a_keeps_up_to_eight_channels_in_order(tmp_path: Path, channels: int) -> None:
    samples = music(channels, 24000, 48000)
    write_audio(tmp_path / "x.m4a", samples, sample_rate=48000)
    read = read_audio(tmp_path / "x.m4a").samples
    assert read.shape == samples.shape
    for index in range(channels):
        if channels < 6 or index != 3:  # the bass channel
            assert snr_db(samples[index], read[index]) > 15


def test_unknown_formats_and_subtypes_name_what_there_is(tmp_path: Path) -> None:
    samples = np.zeros((1, 8), np.float32)
    with pytest.raises(UsageError, match="did you mean flac"):
        write_audio(tmp_path / "x", samples, sample_rate=48000, format="flc")
    with pytest.raises(UsageError, match="flac has pcm24, pcm16"):
        write_audio(tmp_path / "x.flac", samples, sample_rate=48000, subtype="float32")
    with pytest.raises(UsageError, match="leave the subtype away"):
        write_audio(tmp_path / "x.ogg", samples, sample_rate=48000, subtype="pcm16")
    with pytest.raises(OutputError, match="mp3 holds at most 2 channels, not 3"):
        write_audio(tmp_path / "x.mp3", np.zeros((3, 8), np.float32), sample_rate=48000)
    with pytest.raises(OutputError, match="768000"):
        write_audio(tmp_path / "x.flac", samples, sample_rate=768000)
    assert not list(tmp_path.iterdir())
