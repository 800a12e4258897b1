"""A picture's columns stand for the same stretch of the recording, however long it is, and none is lost."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_events import bursts
from models import RATE, events_model, save
from soli.detection.listening import Listener
from soli.detection.overview import Overview, Shrinking
from soli.detection.seen import Seen
from soli.separation.model import open_model
from soli.types import Array


def mean(values: Array) -> Array:
    found: Array = values.mean(axis=-1)
    return found


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 9))
def test_columns_are_means_of_as_many_values_each(lengths: list[int], columns: int) -> None:
    values = np.random.default_rng(0).standard_normal((2, sum(lengths))).astype(np.float32)
    shrinking = Shrinking(mean, columns=columns)
    for part in np.split(values, np.cumsum(lengths)[:-1], axis=-1):
        shrinking.push(part)
    found, size = shrinking.columns(), shrinking.values_a_column
    assert found.shape[-1] == -(-values.shape[-1] // size)
    assert found.shape[-1] <= 2 * columns + 1
    assert size == 1 or found.shape[-1] >= columns
    wanted = [values[:, start : start + size].mean(axis=-1) for start in range(0, values.shape[-1], size)]
    np.testing.assert_allclose(found.T.reshape(-1, 2), np.reshape(wanted, (-1, 2)), atol=1e-5)


def seen(folder: Path, mixture: Array, *, columns: int) -> Seen:
    listener = Listener(open_model(save(folder, events_model()), threads=1))
    step, overlap = listener.frames
    network = listener.network
    overview = Overview(network.bands, step=step, overlap=overlap, hop=network.hop, columns=columns)
    for window in listener.windows([mixture], sample_rate=RATE):
        overview.add(window)
    return overview.seen(sample_rate=RATE)


@pytest.mark.parametrize("samples", [1, 3000, 32_000, 32_001, 56_000, 56_001, 300_000])
@pytest.mark.parametrize("columns", [50, 100_000])
def test_every_sample_is_seen_once(tmp_path: Path, samples: int, columns: int) -> None:
    mixture = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    found = seen(tmp_path, mixture, columns=columns)
    size = round(found.peak_s * RATE)
    assert len(found.highest) == len(found.lowest) == -(-samples // size)
    for index in (0, len(found.highest) // 2, len(found.highest) - 1):
        part = mixture[:, index * size : (index + 1) * size]
        assert (found.highest[index], found.lowest[index]) == (part.max(), part.min())
    frames = round(found.frame_s * RATE / 256)
    assert found.levels.shape == (32, -(-(-(-samples // 256) + 1) // frames))
    assert found.masks.shape == (2, *found.levels.shape)


def test_bursts_are_where_they_are(tmp_path: Path) -> None:
    mixture = bursts(("s0", 5.0, 6.0), ("s1", 20.0, 21.0), length_s=30)
    found = seen(tmp_path, np.concatenate([mixture, 0 * mixture]), columns=100)
    for k, onset_s in enumerate((5.0, 20.0)):
        bright = np.flatnonzero(found.masks[k].max(axis=0) > 0.5) * found.frame_s
        assert bright.min() == pytest.approx(onset_s, abs=2 * found.frame_s)
        assert bright.max() == pytest.approx(onset_s + 1, abs=2 * found.frame_s)
    loud = np.flatnonzero(found.highest > 0.1) * found.peak_s
    assert (loud.min(), loud.max()) == pytest.approx((5.0, 21.0), abs=2 * found.peak_s)
    low_is_loudest = found.levels[:, round(5.5 / found.frame_s)].argmax()
    assert low_is_loudest < found.levels[:, round(20.5 / found.frame_s)].argmax()
