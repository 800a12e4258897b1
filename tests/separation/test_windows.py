"""Windows: a network that remembers for ever gives the same for a cut recording as for a whole one."""

import numpy as np
import pytest

from models import identity_model, recurrent_model, save
from soli.dsp.levels import difference_db
from soli.separation.chunks import Chunked
from soli.separation.model import open_model
from soli.separation.windows import Windowed

WINDOW_S, OVERLAP_S = 1.0, 0.25


def sound(rate: int, seconds: float, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(4)
    swell = 0.05 + np.abs(np.sin(np.arange(round(rate * seconds)) / rate * 1.7))
    return (0.1 * swell * rng.standard_normal((channels, len(swell)))).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.001, 0.2, 0.9, 1.0, 1.1, 1.76, 5.3, 12.0])
def test_windows_of_an_all_pass_are_the_sound_itself(tmp_path, seconds: float) -> None:
    network = open_model(save(tmp_path, identity_model())).network
    windowed = Windowed(network, window_s=WINDOW_S, overlap_s=OVERLAP_S)
    mixture = sound(network.sample_rate, seconds, channels=2)
    np.testing.assert_allclose(windowed.separate(mixture)[0], mixture, atol=2e-6)


@pytest.mark.parametrize("chunk_s", [1.5, 3.0, 4.7])
def test_cut_or_whole_is_the_same_however_long_the_network_remembers(tmp_path, chunk_s: float) -> None:
    network = open_model(save(tmp_path, recurrent_model(forget=8, past_s=0.0, future_s=0.0))).network
    mixture = sound(network.sample_rate, 14.3)
    assert difference_db(network.separate(mixture), Chunked(network, chunk_s=chunk_s).separate(mixture)) > -60
    windowed = Windowed(network, window_s=WINDOW_S, overlap_s=OVERLAP_S)
    whole = windowed.separate(mixture)
    assert difference_db(whole, Chunked(windowed, chunk_s=chunk_s).separate(mixture)) < -110


@pytest.mark.parametrize("chunk_s", [0.1, 1.5, 3.0])
def test_a_chunk_computes_the_windows_that_it_needs_and_no_other(tmp_path, chunk_s: float) -> None:
    network = open_model(save(tmp_path, recurrent_model(forget=8, past_s=0.0, future_s=0.0))).network
    windowed = Windowed(network, window_s=WINDOW_S, overlap_s=OVERLAP_S)
    calls: list[tuple[int, int]] = []
    chunked = Chunked(windowed.watched(lambda *call: calls.append(call)), chunk_s=chunk_s)
    mixture = sound(network.sample_rate, 14.3)
    step, parts = windowed.context.hop, []
    window = round(OVERLAP_S * network.sample_rate / 256) * 256 + step
    for part in chunked.stream([mixture]):
        items = sum(count for count, _ in calls)
        if part.shape[-1] == chunked.core:  # its own, the one before it, and the one that it fades out in
            assert items == chunked.core // step + (2 if parts else 1)
            assert {length for _, length in calls} == {window}
        parts.append(part)
        calls.clear()
    assert len(parts) > 3
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), windowed.separate(mixture), atol=1e-7)
