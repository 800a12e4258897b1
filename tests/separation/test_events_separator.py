"""Stems of classes of sounds: what their masks take, what absence does, and that windows leave no trace."""

from pathlib import Path

import numpy as np
import pytest

from models import RATE, events_model, save
from soli.dsp.levels import difference_db, peak_db, rms_db
from soli.dsp.stft import stft
from soli.errors import InputError, ModelFileError
from soli.modelfile import DetectionInfo
from soli.separation.events import EventsSeparator, Heard
from soli.separation.model import Model, open_model
from soli.separation.stream import StreamSeparator
from soli.separation.windows import Windowed, cut
from soli.types import Array


def burst(hz: float, onset_s: float, duration_s: float, *, length_s: float, rate: int = RATE) -> Array:
    """A tone (T,) in silence, 20 ms from nothing to full."""
    time_s = np.arange(round(length_s * rate)) / rate
    gate = np.clip(np.minimum(time_s - onset_s, onset_s + duration_s - time_s) / 0.02, 0, 1)
    return (0.3 * gate * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Class s0 is what lies below 2 kHz, s1 what lies above."""
    return open_model(save(tmp_path_factory.mktemp("events"), events_model(lowest_hz=100.0)), threads=1)


@pytest.fixture(scope="module")
def network(model: Model) -> EventsSeparator:
    assert isinstance(model.network, Windowed)
    assert isinstance(model.network.network, EventsSeparator)
    return model.network.network


def test_each_class_takes_its_sound_and_the_rest_is_what_is_left(model: Model) -> None:
    low, high = burst(500, 0.5, 1, length_s=6), burst(5000, 3.5, 1, length_s=6)
    hum = 0.1 * np.sin(2 * np.pi * 30 * np.arange(len(low)) / RATE, dtype=np.float32)
    s0, s1, rest = model.separate((low + high + hum)[None])
    assert model.sources == ("s0", "s1", "rest")
    for stem, source in ((s0, low), (s1, high), (rest, hum)):
        assert difference_db(source[None], stem) < -30


@pytest.mark.parametrize(("rate", "channels", "length"), [(RATE, 1, 100), (44100, 2, 200_000), (8000, 3, 70_001)])
def test_stems_sum_to_the_mixture_at_any_rate_and_length(model: Model, rate: int, channels: int, length: int) -> None:
    mixture = (0.2 * np.random.default_rng(0).standard_normal((channels, length))).astype(np.float32)
    mixture[0, : length // 3] = 0
    parts = list(StreamSeparator(model.residual, sample_rate=rate).stream([mixture]))
    assert difference_db(mixture, np.concatenate(parts, axis=-1).sum(axis=0)) < -120


def test_an_absent_class_is_silent(model: Model) -> None:
    """Though its mask is not 0: the tag says so, in the window in which it is."""
    mixture = burst(500, 0.5, 1, length_s=3)[None]
    _, s1, _ = model.separate(mixture)
    assert not s1.any()


def tagged(network: EventsSeparator, *tag: float) -> DetectionInfo:
    return network.detection.model_copy(update={"tag": tag})


def test_thresholds_decide_what_is_absent(network: EventsSeparator) -> None:
    mixture = burst(500, 0.5, 1, length_s=2)[None]
    assert network.separate(mixture)[0].any()
    none, both = (network.with_thresholds(tagged(network, tag, tag)) for tag in (1.0, 0.0))
    assert not none.separate(mixture).any()
    little = both.separate(mixture)[1]  # that its mask lets through
    assert little.any()
    assert peak_db(little) < -40
    assert network.separate(mixture)[0].any()
    with pytest.raises(InputError, match="1 thresholds for 2 classes"):
        network.with_thresholds(tagged(network, 0.5))


def test_masks_that_claim_more_than_there_is_share_it(network: EventsSeparator) -> None:
    mixture = burst(3000, 0.2, 0.6, length_s=1)[None]
    spectrum = stft(mixture, network.info.stft)
    masks = np.ones((1, 2, len(network.bands), spectrum.shape[-1]), np.float32)
    masks[:, 1] = 0.5
    tags = np.ones((1, 2), np.float32)
    s0, s1 = network.stems(Heard(masks, tags, spectrum), mixture.shape[-1])[0]
    assert difference_db(mixture[0] * 2 / 3, s0) < -100
    assert difference_db(mixture[0] / 3, s1) < -100
    alone = network.stems(Heard(masks, tags * np.float32([0, 1]), spectrum), mixture.shape[-1])[0]
    assert difference_db(mixture[0] / 2, alone[1]) < -100, "who is absent claims nothing"


def test_some_classes_alone_are_as_they_are_among_all(network: EventsSeparator) -> None:
    mixture = np.stack([burst(500, 0.5, 1, length_s=2) + burst(3000, 0.2, 1, length_s=2)] * 2)
    alone = network.only(("s1",))
    assert (alone.sources, network.sources) == (("s1",), ("s0", "s1"))
    assert np.array_equal(alone.separate(mixture), network.separate(mixture)[1:])
    assert np.array_equal(alone.hear(mixture).tags, network.hear(mixture).tags)


def test_what_is_heard_of_silence_is_nothing(network: EventsSeparator) -> None:
    heard = network.hear(np.stack([burst(500, 0.5, 1, length_s=2), np.zeros(2 * RATE, np.float32)]))
    assert heard.tags[0, 0] > 0.9
    assert not heard.masks[1].any()
    assert not heard.tags[1].any()


@pytest.mark.parametrize("length", [1, 5000, 32000, 32001, 40000, 56000, 56001, 200_000])
@pytest.mark.parametrize("block", [999, 64_000])
def test_a_stream_is_cut_into_the_windows_of_the_whole(model: Model, length: int, block: int) -> None:
    seen: list[int] = []
    mixture = np.random.default_rng(0).standard_normal((1, length)).astype(np.float32)
    assert isinstance(model.network, Windowed)
    step, overlap = model.network.step, model.network.overlap
    model.network.watched(lambda items, samples: seen.extend(items * [samples])).separate(mixture)
    blocks = (mixture[:, start : start + block] for start in range(0, length, block))
    windows = list(cut(blocks, step=step, overlap=overlap))
    assert [part.shape[-1] for _, part in windows] == seen
    for index, (start, part) in enumerate(windows):
        assert start == index * step
        assert np.array_equal(part, mixture[:, start : start + part.shape[-1]])
    assert windows[-1][0] + windows[-1][1].shape[-1] == length


@pytest.mark.parametrize("chunk_s", [None, 3])
@pytest.mark.parametrize("length", [20 * RATE, 20 * RATE + 7000, 32_000, 56_000, 56_001, 900])
def test_stems_do_not_depend_on_chunks(model: Model, chunk_s: float | None, length: int) -> None:
    """Nor on there being none, where every window is taken apart once."""
    mixture = 0.2 * np.random.default_rng(1).standard_normal((2, 20 * RATE + 7000)).astype(np.float32)
    mixture = (mixture * np.float32(np.sin(np.arange(20 * RATE + 7000) / RATE) > 0))[:, :length]
    whole = model.network.separate(mixture)
    parts = list(StreamSeparator(model.residual, sample_rate=RATE, chunk_s=chunk_s).stream([mixture]))
    assert rms_db(whole) > -60
    assert difference_db(whole, np.concatenate(parts, axis=-1)[:2]) < -100


def test_bad_mixtures_and_bad_networks_are_named(tmp_path: Path, network: EventsSeparator) -> None:
    broken = burst(500, 0.5, 1, length_s=2)[None].copy()
    broken[0, 700] = np.nan
    with pytest.raises(InputError, match="NaN or infinite samples"):
        network.hear(broken)
    wild = open_model(save(tmp_path, events_model(gain=2.0), "wild"), threads=1)
    with pytest.raises(ModelFileError, match="wanted masks and tags from 0 to 1"):
        wild.separate(burst(500, 0.5, 1, length_s=2)[None])
    with pytest.raises(ModelFileError, match="without windows; its tags are those of a window"):
        open_model(save(tmp_path, events_model(window_s=None, overlap_s=0.0), "endless"))
    with pytest.raises(ModelFileError, match="mel bands would hold no bin"):
        open_model(save(tmp_path, events_model(claimed_bands=300), "narrow"))
