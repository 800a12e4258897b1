"""Cut and whole are the same; a stream's blocks leave no trace; memory is that of a chunk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import RATE, make_all, model_info, recurrent_model, save
from soli.dsp.levels import difference_db
from soli.errors import UsageError
from soli.separation.chunks import Chunked
from soli.separation.model import Model, open_model
from soli.types import Array, Context


def noise(*shape: int, seed: int = 0) -> Array:
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


class Smear:
    """A separator with known context: the sum over `past` samples before and `future` after, exact in integers.

    It also refuses to be given a chunk that does not start on its hop: each sample holds its own position.
    """

    sample_rate = 1000
    sources = ("voice",)

    def __init__(self, past: int, future: int, hop: int) -> None:
        self.context = Context(past, future, hop)
        self.longest = 0

    def separate(self, mixture: Array) -> Array:
        assert (mixture[:, 0] % self.context.hop == 0).all()
        self.longest = max(self.longest, mixture.shape[-1])
        kernel = np.ones(self.context.past + self.context.future + 1)
        after = self.context.future
        full = [np.convolve(channel, kernel)[after : after + mixture.shape[-1]] for channel in mixture]
        return np.stack(full)[None].astype(np.float32)


def cut(samples: Array, lengths: list[int]) -> Iterator[Array]:
    """The samples in blocks of the given lengths, over and over."""
    start, turn = 0, 0
    while start < samples.shape[-1]:
        yield samples[:, start : start + lengths[turn % len(lengths)]]
        start += lengths[turn % len(lengths)]
        turn += 1


@settings(deadline=None)
@given(
    past=st.integers(0, 40),
    future=st.integers(0, 40),
    hop=st.integers(1, 13),
    chunk=st.integers(1, 90),
    length=st.integers(0, 400),
    batch=st.integers(1, 4),
    blocks=st.lists(st.integers(1, 60), min_size=1, max_size=4),
)
def test_no_cut_changes_a_sample(
    past: int, future: int, hop: int, chunk: int, length: int, batch: int, blocks: list[int]
) -> None:
    """Positions as samples: sums over the context are whole numbers, so that any wrong sample shows exactly."""
    separator = Smear(past, future, hop)
    mixture = np.stack([np.arange(length), np.arange(length)]).astype(np.float32)
    chunked = Chunked(separator, chunk_s=chunk / 1000, batch=batch)
    parts = list(chunked.stream(cut(mixture, blocks)))
    got = np.concatenate([np.zeros((1, 2, 0), np.float32), *parts], axis=-1)
    assert got.shape == (1, 2, length)
    if length:
        assert (got == separator.separate(mixture)).all()
        assert (chunked.separate(mixture) == got).all()


@settings(deadline=None)
@given(hop=st.integers(1, 30), chunk=st.integers(1, 300), past=st.integers(0, 90), future=st.integers(0, 90))
def test_no_run_is_longer_than_a_chunk_and_its_context(hop: int, chunk: int, past: int, future: int) -> None:
    separator = Smear(past, future, hop)
    list(
        Chunked(separator, chunk_s=chunk / 1000).stream(
            cut(np.arange(12 * (chunk + hop), dtype=np.float32)[None], [77])
        )
    )
    core, fade = max(hop, chunk + hop / 2), 20  # a core is a whole number of hops
    assert separator.longest <= past + hop + core + fade + future


@pytest.fixture(params=make_all(), scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(save(tmp_path_factory.mktemp("models"), make_all()[request.param]()), threads=1)


@pytest.mark.parametrize("chunk_s", [0.001, 0.3, 1.0, 7.3])
def test_chunked_is_whole(model: Model, chunk_s: float) -> None:
    """To the rounding of float32 for masks that know no context, below -100 dB for the recurrent one."""
    mixture = noise(2, 4 * RATE + 123)
    whole = model.network.separate(mixture)
    assert difference_db(whole, Chunked(model.network, chunk_s=chunk_s).separate(mixture)) < -100


@settings(max_examples=25, deadline=None)
@given(
    chunk_s=st.floats(0.05, 2.0),
    batch=st.integers(1, 4),
    blocks=st.lists(st.integers(1, 9000), min_size=1, max_size=3),
    length=st.integers(1, 4 * RATE),
)
def test_streams_are_whole(model: Model, chunk_s: float, batch: int, blocks: list[int], length: int) -> None:
    mixture = noise(1, length)
    whole = model.network.separate(mixture)
    chunked = Chunked(model.network, chunk_s=chunk_s, batch=batch)
    parts = list(chunked.stream(cut(mixture, blocks)))
    assert difference_db(whole, np.concatenate(parts, axis=-1)) < -100


def test_too_little_context_would_be_seen(tmp_path: Path) -> None:
    """The same recurrent network, its file saying that it has no memory: chunks then differ. The test can fail."""
    forgetful = open_model(save(tmp_path, recurrent_model(forget=0, past_s=0.0, future_s=0.0)), threads=1).network
    remembering = open_model(save(tmp_path, recurrent_model(forget=0)), threads=1).network
    mixture = noise(1, 4 * RATE)
    whole = remembering.separate(mixture)
    assert difference_db(whole, Chunked(forgetful, chunk_s=0.3).separate(mixture)) > -100
    assert difference_db(whole, Chunked(remembering, chunk_s=0.3).separate(mixture)) < -140


def test_seams_make_no_click(tmp_path: Path) -> None:
    """A steady tone stays steady even where chunks disagree: no step at a seam is larger than the tone's own steps."""
    network = open_model(save(tmp_path, recurrent_model(forget=2, past_s=0.0, future_s=0.0)), threads=1).network
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(6 * RATE) / RATE)).astype(np.float32)[None]
    estimate = Chunked(network, chunk_s=1.0).separate(tone)[0, 0]
    steps = np.abs(np.diff(estimate, n=2))
    away = np.concatenate([steps[RATE // 2 + k * RATE : RATE // 2 + k * RATE + 4000] for k in range(1, 5)])
    at_seams = np.concatenate([steps[k * RATE - 200 : k * RATE + 600] for k in range(1, 6)])
    assert at_seams.max() < 1.2 * away.max()


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_the_batch_of_chunks_changes_nothing(model: Model, batch: int) -> None:
    mixture = noise(2, 5 * RATE)
    single = Chunked(model.network, chunk_s=0.5).separate(mixture)
    assert difference_db(single, Chunked(model.network, chunk_s=0.5, batch=batch).separate(mixture)) < -100


def test_chunks_are_as_long_as_the_model_prefers(tmp_path: Path) -> None:
    network = open_model(save(tmp_path, recurrent_model(chunk_s=0.512)), threads=1).network
    first = next(Chunked(network).stream(cut(noise(1, 4 * RATE), [1000])))
    assert first.shape == (1, 1, round(0.512 * RATE))
    assert model_info().chunk_s != 0.512


@pytest.mark.parametrize(("chunk_s", "core"), [(0.1, 98), (0.001, 14), (0.104, 98), (0.106, 112)])
def test_a_core_is_a_whole_number_of_hops_and_what_a_chunk_gives(chunk_s: float, core: int) -> None:
    chunked = Chunked(Smear(past=50, future=30, hop=14), chunk_s=chunk_s)
    first, second, *_ = chunked.stream([np.arange(1000, dtype=np.float32)[None]])
    assert (chunked.core, first.shape[-1], second.shape[-1]) == (core, core, core)


def test_a_stream_takes_no_more_than_it_needs() -> None:
    """It is lazy: the first estimate comes after one chunk with its context, not at the end of the recording."""
    taken = 0

    def endless() -> Iterator[Array]:
        nonlocal taken
        while True:
            yield np.arange(taken, taken + 10, dtype=np.float32)[None]
            taken += 10

    stream = Chunked(Smear(past=50, future=30, hop=10), chunk_s=0.1).stream(endless())
    next(stream)
    assert taken <= 100 + 20 + 30
    for _ in range(100):
        next(stream)
    assert taken <= 101 * 100 + 20 + 30


@pytest.mark.parametrize("chunk_s", [0, -1, float("nan"), float("inf")])
def test_chunks_of_no_length_are_refused(chunk_s: float) -> None:
    with pytest.raises(UsageError, match="positive number of seconds"):
        Chunked(Smear(1, 1, 1), chunk_s=chunk_s)
    with pytest.raises(UsageError, match="batches of 0 chunks"):
        Chunked(Smear(1, 1, 1), batch=0)
