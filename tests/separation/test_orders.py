"""Interchangeable sources keep their order: over windows, over chunks, over channels, however a network turns them."""

from pathlib import Path

import numpy as np
import pytest

from models import RATE, save, swapping_model
from soli.dsp.levels import difference_db
from soli.separation.chunks import Chunked
from soli.separation.model import Model, open_model
from soli.separation.orders import agreed, best_order, continued
from soli.types import Array

WINDOWS = {"window_s": 1.0, "overlap_s": 0.25}


def tones(seconds: float, channels: int = 1) -> tuple[Array, Array]:
    """A low and a high tone (C, T), each with a rhythm of its own, both loud in one second and soft in the next."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    level = np.where(np.sin(2 * np.pi * time_s / 3.1) > 0, 0.5, 0.2)
    low = level * (1.1 + np.sin(7 * time_s)) * np.sin(2 * np.pi * 500 * time_s)
    high = level * (1.1 + np.sin(11 * time_s)) * np.sin(2 * np.pi * 5000 * time_s)
    return tuple(np.tile(each, (channels, 1)).astype(np.float32) for each in (low, high))


def opened(folder: Path, **changes: object) -> Model:
    return open_model(save(folder, swapping_model(**changes)), threads=1)


def worst_db(truth: tuple[Array, ...], estimates: Array) -> float:
    """The larger error of two sources, in the better of their two orders."""
    errors = [
        max(difference_db(reference, estimate) for reference, estimate in zip(truth, order, strict=True))
        for order in (estimates, estimates[::-1])
    ]
    return min(errors)


def test_the_best_order_has_the_largest_sum_and_a_tie_changes_nothing() -> None:
    assert best_order(np.array([[1.0, 5, 0], [4, 6, 0], [0, 0, 1]])) == [1, 0, 2]
    assert best_order(np.zeros((4, 4))) == [0, 1, 2, 3]


def test_a_stretch_goes_on_in_the_order_of_the_one_before() -> None:
    sources = np.random.default_rng(0).standard_normal((3, 2, 1000)).astype(np.float32)
    after = 0.9 * sources[[2, 0, 1]] + 0.1
    np.testing.assert_array_equal(after[continued(sources, after)], 0.9 * sources + np.float32(0.1))


def test_channels_agree_whatever_their_phase_and_level() -> None:
    low, high = tones(3)
    left = np.stack([low, high])[:, 0]
    right = np.stack([-0.1 * np.roll(high, 5), 0.2 * np.roll(low, -7)])[:, 0]  # swapped, soft, late, turned over
    estimates = np.stack([left, right], axis=1)
    found = agreed(estimates, estimates.sum(axis=0), sample_rate=RATE)
    np.testing.assert_array_equal(found[:, 0], left)
    np.testing.assert_array_equal(found[:, 1], right[::-1])


def test_windows_are_put_into_one_order(tmp_path: Path) -> None:
    low, high = tones(12)
    ordered = opened(tmp_path, **WINDOWS).network.separate(low + high)
    assert worst_db((low, high), ordered) < -40
    # The test can fail: taken for named sources, windows stay as the network gives them.
    as_given = opened(tmp_path, interchangeable=False, **WINDOWS).network.separate(low + high)
    assert worst_db((low, high), as_given) > -10


@pytest.mark.parametrize("chunk_s", [0.5, 1.5, 2.2, 5.0])
def test_chunks_are_in_the_order_of_the_whole(tmp_path: Path, chunk_s: float) -> None:
    gains = np.array([[1.0], [0.03]], np.float32)  # so that the network turns the channels at other times
    low, high = (gains * each for each in tones(14.3, channels=2))
    network = opened(tmp_path, **WINDOWS).network
    whole = network.separate(low + high)
    place = int(difference_db(low, whole[0]) > -20)
    for channel in range(2):
        assert difference_db(low[channel], whole[place, channel]) < -40
        assert difference_db(high[channel], whole[1 - place, channel]) < -40
    assert difference_db(whole, Chunked(network, chunk_s=chunk_s, batch=3).separate(low + high)) < -110


@pytest.mark.parametrize("chunk_s", [0.5, 1.5, 2.2, 5.0])
@pytest.mark.parametrize("silence_s", [0.3, 1.1, 2.6, 6.0])
def test_silence_of_any_length_does_not_tell_chunks_from_the_whole(
    tmp_path: Path, chunk_s: float, silence_s: float
) -> None:
    low, high = tones(16)
    mixture = low + high
    for start in (2.0, 9.1):
        mixture[:, round(start * RATE) : round((start + silence_s) * RATE)] = 0
    network = opened(tmp_path, **WINDOWS).network
    assert difference_db(network.separate(mixture), Chunked(network, chunk_s=chunk_s).separate(mixture)) < -110


def test_a_network_without_windows_keeps_its_order_from_chunk_to_chunk(tmp_path: Path) -> None:
    low, high = tones(20)
    network = opened(tmp_path).network
    assert worst_db((low, high), Chunked(network, chunk_s=0.7).separate(low + high)) < -40
    named = opened(tmp_path, interchangeable=False).network
    assert worst_db((low, high), Chunked(named, chunk_s=0.7).separate(low + high)) > -10


def test_streams_and_batches_of_chunks_keep_the_order(tmp_path: Path) -> None:
    low, high = tones(13)
    network = opened(tmp_path, **WINDOWS).network
    mixture = low + high
    blocks = [mixture[:, start : start + 7001] for start in range(0, mixture.shape[1], 7001)]
    parts = list(Chunked(network, chunk_s=1.0, batch=4).stream(blocks))
    assert difference_db(network.separate(mixture), np.concatenate(parts, axis=-1)) < -110
