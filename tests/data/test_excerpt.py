"""The fast reader reads what the careful one reads."""

from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise, tone
from soli.errors import InputError
from soli.media.audio import read_audio, write_audio
from soli.media.excerpt import pcm16_wav, read_excerpt, resample_excerpt, write_pcm16


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


def test_pcm16_is_rounded_and_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    samples = noise(0.1, 16000, seed=3, amplitude=0.2)
    digest = write_pcm16(tmp_path / "a.wav", samples, sample_rate=16000)
    assert len(digest) == 64
    back = read_audio(tmp_path / "a.wav")
    assert back.sample_rate == 16000
    np.testing.assert_allclose(back.samples[0] * 32768 / 32767, samples, atol=0.51 / 32767)
    with pytest.raises(ValueError, match=r"peak 1\.5"):
        pcm16_wav(np.array([1.5], np.float32), 16000)


@pytest.mark.parametrize("content", [None, b"", b"this is text"])
def test_what_is_no_sound_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*x\.wav"):
        read_excerpt(path, duration_s=1.0)
