"""Excerpts hold what the whole file holds there, and bad files are named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from made_sounds import noise, tone
from soli.errors import InputError
from soli.media.audio import read_audio, write_audio
from soli.media.excerpt import read_excerpt, resample_excerpt


def test_an_excerpt_equals_that_of_read_audio(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, noise(2.0, 22050, seed=1)[None], sample_rate=22050, subtype="pcm16")
    samples, index, rate = read_excerpt(path, start_s=0.5, duration_s=0.25)
    assert (index, rate) == (0, 22050)
    wanted = read_audio(path, start_s=0.5, duration_s=0.25).samples
    np.testing.assert_array_equal(samples[:, : wanted.shape[1]], wanted)


def test_the_margin_reaches_no_further_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, tone(100, 1.0, 8000)[None], sample_rate=8000)
    for start_s, frames, index in ((0.0, 4080, 0), (0.25, 4160, 80), (0.5, 4080, 80), (1.0, 0, None), (9.0, 0, None)):
        samples, found, _ = read_excerpt(path, start_s=start_s, duration_s=0.5, margin_s=0.01)
        assert samples.shape == (1, frames)
        assert index is None or found == index


def test_resampling_by_any_ratio_keeps_time() -> None:
    samples = tone(440, 1.0, 44100)[None]
    for rate_in in (44100.0, 47800.0, 39911.3):
        out = resample_excerpt(samples, rate_in, 48000, skip=4410, frames=24000)
        heard_hz = 440 * rate_in / 44100
        time = (np.arange(24000) / 48000) + 4410 / rate_in
        wanted = 0.5 * np.sin(2 * np.pi * heard_hz * time)
        # The skip falls between two output samples; half of one is what the start may be off.
        np.testing.assert_allclose(out[0], wanted, atol=0.5 * 2 * np.pi * heard_hz / 48000 * 0.5 + 1e-3)


def test_the_channels_of_a_vorbis_file_come_in_wavs_order(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    six = np.stack([tone(200 * (channel + 1), 1.0, 16000, amplitude=0.2) for channel in range(6)])
    write_audio(path, six, sample_rate=16000)
    samples, _, _ = read_excerpt(path, start_s=0.25, duration_s=0.5)
    heard_hz = 2.0 * np.abs(np.fft.rfft(samples)).argmax(axis=1)
    np.testing.assert_allclose(heard_hz, 200.0 * np.arange(1, 7), atol=4)


def test_an_excerpt_does_not_wait_for_the_rest_of_an_ogg_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    write_audio(path, noise(20.0, 16000, seed=1)[None], sample_rate=16000)
    whole, _, _ = read_excerpt(path, start_s=1.0, duration_s=0.5)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ogg is damaged: a page is spoiled"):
        read_audio(path)
    np.testing.assert_array_equal(read_excerpt(path, start_s=1.0, duration_s=0.5)[0], whole)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.ogg is cut off"):
        read_excerpt(path, start_s=1.0, duration_s=0.5)


def test_what_is_not_a_number_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = tone(100, 1.0, 8000)
    samples[6000] = np.nan
    soundfile.write(path, samples, 8000, subtype="FLOAT")
    read_excerpt(path, start_s=0.0, duration_s=0.5)
    with pytest.raises(InputError, match=r"a\.wav holds 1 sample that is NaN or infinite, the first at 0\.750000 s"):
        read_excerpt(path, start_s=0.5, duration_s=0.5)


@pytest.mark.parametrize("content", [None, b"", b"this is text"])
def test_what_is_no_sound_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.wav"):
        read_excerpt(path, duration_s=1.0)
