"""From a recording at any rate to stems at the same rate: exact length, exact sum, constant memory."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import RATE, half_model, identity_model, make_all, save
from soli.dsp.levels import difference_db, rms_db
from soli.errors import InputError, ModelFileError, UsageError
from soli.separation.model import Model, open_model
from soli.separation.residual import Residual
from soli.separation.stream import StreamSeparator
from soli.types import Array


def noise(*shape: int, seed: int = 0) -> Array:
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def cut(samples: Array, length: int) -> Iterator[Array]:
    for start in range(0, samples.shape[-1], length):
        yield samples[:, start : start + length]


def separated(model: Model, mixture: Array, rate: int, *, block: int = 4096, **options: float) -> Array:
    streamer = StreamSeparator(model.residual, sample_rate=rate, **options)
    return np.concatenate(list(streamer.stream(cut(mixture, block))), axis=-1)


def tone(hz: float, rate: int, seconds: float = 2) -> Array:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)[None]


@pytest.fixture(params=make_all(), scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(save(tmp_path_factory.mktemp("models"), make_all()[request.param]()), threads=1)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(save(tmp_path_factory.mktemp("models"), identity_model()), threads=1)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (RATE, 2), (22050, 3), (44100, 2), (48000, 8), (192000, 1)])
def test_stems_sum_to_the_input_at_any_rate(model: Model, rate: int, channels: int) -> None:
    mixture = noise(channels, rate * 2 + 17)
    stems = separated(model, mixture, rate, chunk_s=0.5)
    assert stems.shape == (len(model.sources), *mixture.shape)
    assert difference_db(mixture, stems.sum(axis=0)) < -130


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([1000, 8000, 11025, RATE, 44100, 48000, 96000, 768000]),
    length=st.integers(1, 30_000),
    block=st.integers(1, 20_000),
    channels=st.integers(1, 3),
    chunk_s=st.floats(0.02, 1.0),
    batch=st.integers(1, 3),
)
def test_length_is_exact_and_blocks_leave_no_trace(
    identity: Model, rate: int, length: int, block: int, channels: int, chunk_s: float, batch: int
) -> None:
    block = max(block, length // 20)
    mixture = noise(channels, length)
    stems = separated(identity, mixture, rate, block=block, chunk_s=chunk_s, batch=batch)
    assert stems.shape == (2, channels, length)
    assert np.isfinite(stems).all()
    whole = separated(identity, mixture, rate, block=length, chunk_s=chunk_s)
    assert np.abs(stems - whole).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, RATE, 44100])
def test_silence_is_silence_at_any_rate(model: Model, rate: int) -> None:
    assert not separated(model, np.zeros((2, 3 * rate), np.float32), rate).any()


@pytest.mark.parametrize("rate", [8000, 11025, 32000, 44100, 48000, 96000])
def test_stems_are_aligned_with_the_input(identity: Model, rate: int) -> None:
    """An all-pass model gives the input back as voice, in the band that both rates share, without delay."""
    mixture = tone(1000, rate) + tone(2500, rate)
    voice = separated(identity, mixture, rate, chunk_s=0.7)[0]
    inner = slice(rate // 10, -rate // 10)
    assert difference_db(mixture[:, inner], voice[:, inner]) < -60


def test_the_band_above_the_model_goes_to_the_rest(identity: Model) -> None:
    """The model ends at 8 kHz: a tone at 15 kHz in a 48 kHz recording is not lost, it is noise."""
    rate, low, high = 48000, tone(1000, 48000), tone(15000, 48000)
    voice, rest = separated(identity, low + high, rate)
    inner = slice(rate // 10, -rate // 10)
    assert difference_db(low[:, inner], voice[:, inner]) < -60
    assert difference_db(high[:, inner], rest[:, inner]) < -60


def test_full_scale_and_beyond_is_neither_clipped_nor_scaled(identity: Model) -> None:
    loud = 40 * tone(1000, 44100)
    voice, _ = separated(identity, loud, 44100)
    inner = slice(4410, -4410)
    assert difference_db(loud[:, inner], voice[:, inner]) < -60


def test_chunks_at_another_rate_are_as_the_whole(model: Model) -> None:
    mixture = noise(1, 44100 * 4)
    whole = separated(model, mixture, 44100, chunk_s=100)
    assert difference_db(whole, separated(model, mixture, 44100, chunk_s=0.4)) < -90


class _Cuts:
    """A resampled network's way to end early: the last samples of every estimate are missing."""

    def __init__(self, network, missing: int) -> None:
        self._network, self._missing = network, missing

    def __getattr__(self, name: str) -> object:
        return getattr(self._network, name)

    def separate(self, mixture: Array) -> Array:
        return self._network.separate(mixture)[..., : -self._missing]


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_estimates_that_lack_more_than_rounding_are_an_error_not_silence(identity: Model, rate: int) -> None:
    streamer = StreamSeparator(Residual(_Cuts(identity.network, 100)), sample_rate=rate)
    with pytest.raises(ModelFileError, match="estimates of shape"):
        list(streamer.stream([noise(1, 20_000)]))


class _Drops(StreamSeparator):
    """Loses or adds samples on the way back."""

    change = 0

    def estimates(self, blocks: Iterator[Array]) -> Iterator[Array]:
        whole = np.concatenate(list(super().estimates(blocks)), axis=-1)
        yield np.pad(whole, ((0, 0), (0, 0), (0, self.change))) if self.change > 0 else whole[..., : self.change]


@pytest.mark.parametrize("change", [-10, 10])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_shift_in_length_is_an_error(identity: Model, rate: int, change: int) -> None:
    streamer = _Drops(identity.residual, sample_rate=rate)
    streamer.change = change
    with pytest.raises(ModelFileError, match="samples from the end of the recording"):
        list(streamer.stream([noise(1, 20_000)]))


def test_nothing_in_nothing_out(model: Model) -> None:
    for rate in (RATE, 44100):
        streamer = StreamSeparator(model.residual, sample_rate=rate)
        assert list(streamer.stream([])) == []
        assert list(streamer.stream([np.zeros((2, 0), np.float32)])) == []


def test_a_streamer_can_be_used_again_and_at_once(identity: Model) -> None:
    """It keeps nothing between streams: two that run in turns do not mix."""
    streamer = StreamSeparator(identity.residual, sample_rate=44100, chunk_s=0.3)
    mixtures = [noise(1, 60_000, seed=seed) for seed in (1, 2)]
    streams = [streamer.stream(cut(mixture, 5000)) for mixture in mixtures]
    parts: list[list[Array]] = [[], []]
    for turn in zip(*streams, strict=True):
        for mine, part in zip(parts, turn, strict=True):
            mine.append(part)
    for mixture, mine in zip(mixtures, parts, strict=True):
        assert (np.concatenate(mine, axis=-1) == separated(identity, mixture, 44100, chunk_s=0.3)).all()


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_bad_blocks_are_errors(identity: Model, rate: int) -> None:
    streamer = StreamSeparator(identity.residual, sample_rate=rate)
    with pytest.raises(InputError, match="2 channels at sample 100; wanted 1 as before"):
        list(streamer.stream([noise(1, 100), noise(2, 100)]))
    broken = noise(2, 100)
    broken[1, 40:43] = np.inf
    with pytest.raises(InputError, match="3 NaN or infinite samples, the first at sample 140"):
        list(streamer.stream([noise(2, 100), broken]))


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_memory_does_not_grow_with_the_length(tmp_path: Path, rate: int) -> None:
    model = open_model(save(tmp_path, half_model(chunk_s=1.0)), threads=1)

    def peak(seconds: int) -> int:
        tracemalloc.start()
        block = noise(1, rate // 4)
        for _ in StreamSeparator(model.residual, sample_rate=rate).stream(block for _ in range(4 * seconds)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(120) < 1.05 * peak(10) + 100_000


def test_the_rest_may_stand_anywhere(identity: Model) -> None:
    mixture = noise(2, 1000)
    residual = Residual(identity.network, rest="noise", sources=("noise", "voice"))
    stems = residual.fill(mixture, identity.network.separate(mixture))
    assert difference_db(mixture, stems[1]) < -120
    assert rms_db(stems[0]) < -120
    with pytest.raises(UsageError, match="each once"):
        Residual(identity.network, rest="voice")
    with pytest.raises(UsageError, match="each once"):
        Residual(identity.network, rest="noise", sources=("voice", "music", "noise"))
