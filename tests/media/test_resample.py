"""The resampler against what physics says, and against itself in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import lag, music, snr_db

from soli.errors import InputError
from soli.media.resample import StreamResampler, resample, resampled_length

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)


def in_pieces(samples: np.ndarray, rate_in: int, rate_out: int, sizes: list[int]) -> np.ndarray:
    stream = StreamResampler(rate_in, rate_out, len(samples))
    parts, start, turn = [], 0, 0
    while start < samples.shape[1]:
        size = sizes[turn % len(sizes)]
        parts.append(stream.process(samples[:, start : start + size]))
        start, turn = start + size, turn + 1
    return np.concatenate([*parts, stream.flush()], axis=1)


@pytest.mark.parametrize("rate_in", RATES)
@pytest.mark.parametrize("rate_out", RATES)
def test_pieces_equal_the_whole_and_lengths_are_exact(rate_in: int, rate_out: int) -> None:
    for frames in (1, 2, 997, 5003):
        samples = music(2, frames, rate_in)
        whole = resample(samples, rate_in, rate_out)
        assert whole.shape == (2, int(np.floor(frames * rate_out / rate_in + 0.5)))
        assert whole.shape[1] == resampled_length(frames, rate_in, rate_out)
        np.testing.assert_allclose(in_pieces(samples, rate_in, rate_out, [331, 1, 64]), whole, atol=1e-6)


ODD_RATES = (1000, 1001, 7999, 12000, 22050, 37000, 44056, 47952, 48000, 88200, 192000, 768000)


@pytest.mark.parametrize("rate_in", ODD_RATES)
def test_short_recordings_have_the_exact_length_at_odd_rates_too(rate_in: int) -> None:
    for rate_out in ODD_RATES:
        # The lengths that end on half a sample, which soxr may round the other way, and some others.
        halves = [frames for frames in range(1, 300) if (2 * frames * rate_out) % (2 * rate_in) == rate_in]
        for frames in (1, 2, 3, 17, 190, *halves[:5]):
            samples = np.ones((1, frames), np.float32)
            wanted = (2 * frames * rate_out + rate_in) // (2 * rate_in)
            assert resample(samples, rate_in, rate_out).shape == (1, wanted)
            assert in_pieces(samples, rate_in, rate_out, [1, 5]).shape == (1, wanted)


def test_a_length_that_soxr_rounds_down() -> None:
    """190 samples are 1396.5 at the other rate. The end is that of the same sound going on in silence."""
    samples = music(1, 190, 12000)
    out = resample(samples, 12000, 88200)
    assert out.shape == (1, 1397)
    longer = resample(np.pad(samples, ((0, 0), (0, 100))), 12000, 88200)
    np.testing.assert_allclose(out, longer[:, :1397], atol=1e-6)


@pytest.mark.parametrize("rate_in", [16000, 44100])
def test_samples_too_large_to_resample_are_called_so(rate_in: int) -> None:
    tone = np.sin(np.arange(rate_in) * 0.1)[None].astype(np.float32)
    assert np.isfinite(resample(tone * np.float32(1e30), rate_in, 48000)).all()
    with pytest.raises(InputError, match=r"as large as 3e\+38 \(770 dBFS\).*overflows 32-bit float; scale"):
        resample(tone * np.float32(3e38), rate_in, 48000)


@given(
    rates=st.tuples(st.sampled_from(RATES), st.sampled_from(RATES)),
    frames=st.integers(1, 4000),
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=5).filter(any),
)
@settings(max_examples=60, deadline=None)
def test_block_sizes_do_not_matter(rates: tuple[int, int], frames: int, sizes: list[int]) -> None:
    samples = music(1, frames, rates[0])
    pieces = in_pieces(samples, *rates, sizes)
    assert pieces.shape[1] == resampled_length(frames, *rates)
    np.testing.assert_allclose(pieces, resample(samples, *rates), atol=1e-6)


@pytest.mark.parametrize("rate_out", [8000, 16000, 44100, 96000])
def test_a_tone_keeps_its_pitch_phase_and_level(rate_out: int) -> None:
    def tone(rate: int) -> np.ndarray:
        return (0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate))[None].astype(np.float32)

    out = resample(tone(48000), 48000, rate_out)
    inner = slice(rate_out // 10, -rate_out // 10)
    assert snr_db(tone(rate_out)[:, inner], out[:, inner]) > 100


def test_what_lies_above_the_new_band_is_gone() -> None:
    tone = np.sin(2 * np.pi * 6000 * np.arange(48000) / 48000)[None].astype(np.float32)
    inner = resample(tone, 48000, 8000)[:, 800:-800]
    assert 20 * np.log10(np.abs(inner).max()) < -100


def test_there_and_back_is_aligned_and_close() -> None:
    samples = music(2, 30000, 44100)
    back = resample(resample(samples, 44100, 48000), 48000, 44100)
    assert back.shape == samples.shape
    assert lag(samples[0], back[0]) == 0
    assert snr_db(samples[:, 500:-500], back[:, 500:-500]) > 90


def test_equal_rates_change_nothing() -> None:
    samples = music(2, 100, 8000)
    assert resample(samples, 8000, 8000) is samples
    np.testing.assert_array_equal(in_pieces(samples, 8000, 8000, [7]), samples)


def test_a_flushed_stream_begins_anew() -> None:
    samples = music(1, 1000, 16000)
    stream = StreamResampler(16000, 44100, 1)
    runs = [np.concatenate([stream.process(samples), stream.flush()], axis=1) for _ in range(2)]
    np.testing.assert_array_equal(runs[0], runs[1])


def test_nothing_gives_nothing_and_a_wrong_shape_is_refused() -> None:
    stream = StreamResampler(16000, 44100, 2)
    assert stream.flush().shape == (2, 0)
    with pytest.raises(ValueError, match=r"wanted \(2, T\)"):
        stream.process(np.zeros((1, 5), np.float32))
