"""Separators on models whose answer is known, and the promises that hold for each of them."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models import (
    RATE,
    gain_model,
    identity_model,
    low_pass_model,
    make_all,
    model_info,
    recurrent_model,
    save,
    waveform_model,
)
from soli.dsp.levels import difference_db, rms_db
from soli.errors import InputError, ModelFileError, UsageError
from soli.modelfile import write_metadata
from soli.separation import separators
from soli.separation.model import Model, open_model
from soli.types import Array, StftSettings


def noise(*shape: int, seed: int = 0) -> Array:
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.fixture(params=make_all(), scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(save(tmp_path_factory.mktemp("models"), make_all()[request.param]()), threads=1)


def opened(folder: Path, data: bytes, **options: object) -> Model:
    return open_model(save(folder, data), **options)


def test_masks_do_what_they_say(tmp_path: Path) -> None:
    mixture = noise(2, RATE)
    voice = opened(tmp_path, gain_model([[0.25]])).network.separate(mixture)
    assert voice.shape == (1, 2, RATE)
    assert difference_db(mixture / 4, voice[0]) < -120


def test_a_complex_mask_turns_the_phase(tmp_path: Path) -> None:
    """Multiplied by -i, a cosine becomes a sine."""
    time = np.arange(RATE, dtype=np.float32) / RATE
    cosine = np.cos(2 * np.pi * 1000 * time)[None]
    turned = opened(tmp_path, gain_model([[-1j]])).network.separate(cosine)[0]
    inner = slice(1000, -1000)
    assert difference_db(np.sin(2 * np.pi * 1000 * time)[None, inner], turned[:, inner]) < -60


def test_a_low_pass_mask_passes_low_tones_and_stops_high_ones(tmp_path: Path) -> None:
    network = opened(tmp_path, low_pass_model(2000)).network
    time = np.arange(RATE, dtype=np.float32) / RATE
    low, high = (np.sin(2 * np.pi * hz * time)[None].astype(np.float32) for hz in (500, 5000))
    inner = slice(1000, -1000)
    assert difference_db(low[:, inner], network.separate(low)[0, :, inner]) < -60
    assert rms_db(network.separate(high)[0, :, inner]) < -60


def test_silence_gives_silence_to_the_last_bit(model: Model) -> None:
    assert not model.separate(np.zeros((2, 3 * RATE), np.float32)).any()
    assert not model.network.separate(np.zeros((1, 5), np.float32)).any()


def test_an_offset_of_the_network_is_no_sound_in_silence(tmp_path: Path) -> None:
    """One silent channel beside a sounding one: the network adds 0.5 everywhere, silence is told apart by channel."""
    network = opened(tmp_path, waveform_model([1.0], offset=0.5)).network
    mixture = noise(3, 1000)
    mixture[1] = 0
    estimate = network.separate(mixture)[0]
    assert not estimate[1].any()
    assert np.allclose(estimate[[0, 2]], mixture[[0, 2]] + 0.5)


@pytest.mark.parametrize("length", [1, 2, 255, 256, 257, 5000])
def test_lengths_are_exact(model: Model, length: int) -> None:
    stems = model.separate(noise(2, length))
    assert stems.shape == (len(model.sources), 2, length)
    assert stems.dtype == np.float32
    assert np.isfinite(stems).all()


def test_channels_are_separated_on_their_own(model: Model) -> None:
    mixture = noise(8, RATE)
    together = model.separate(mixture)
    for channel in (0, 7):
        alone = model.separate(mixture[[channel]])
        if model.info.interchangeable:  # in the order of all channels, or turned
            turned = alone[[1, 0, 2]]
            assert min(difference_db(together[:, [channel]], each) for each in (alone, turned)) < -100
        else:
            assert difference_db(together[:, [channel]], alone) < -100


def test_stems_sum_to_the_mixture(model: Model) -> None:
    mixture = noise(2, 3 * RATE)
    assert difference_db(mixture, model.separate(mixture).sum(axis=0)) < -120


def test_runs_are_the_same_bits(model: Model) -> None:
    mixture = noise(2, 3 * RATE)
    assert (model.separate(mixture) == model.separate(mixture)).all()


def test_threads_share_a_model(model: Model) -> None:
    mixtures = [noise(1, RATE + 500 * seed, seed=seed) for seed in range(8)]
    alone = [model.separate(mixture) for mixture in mixtures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(model.separate, mixtures))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


def test_calls_are_cut_to_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = noise(8, RATE)
    network = opened(tmp_path, recurrent_model()).network
    whole = network.separate(mixture)
    monkeypatch.setitem(separators._CALL_S, network.device, 3.0)  # three items a call, then two
    assert difference_db(whole, network.separate(mixture)) < -100


def test_bad_numbers_are_errors_that_name_the_cause(tmp_path: Path) -> None:
    network = opened(tmp_path, identity_model()).network
    broken = noise(1, 1000)
    broken[0, 500] = np.nan
    with pytest.raises(InputError, match="NaN or infinite samples"):
        network.separate(broken)
    with pytest.raises(ModelFileError, match="gave NaN or infinity"):
        opened(tmp_path, gain_model([[np.nan]])).network.separate(noise(1, 1000))
    with pytest.raises(ModelFileError, match=r"peaking at 77\d dBFS"):
        network.separate(np.full((1, 1000), 3e38, np.float32))


def test_a_network_of_another_shape_is_refused(tmp_path: Path) -> None:
    two_masks = gain_model([[0.5], [0.5]], sources=("voice", "music"), rest=None)
    claims_one = write_metadata(two_masks, model_info())
    with pytest.raises(ModelFileError, match="its network gave an array of"):
        opened(tmp_path, claims_one).network.separate(noise(1, 1000))


def test_a_network_of_other_inputs_is_refused(tmp_path: Path) -> None:
    graph = write_metadata(waveform_model(), model_info())  # a waveform network that claims to be a mask network
    with pytest.raises(ModelFileError, match=r"from \['waveform'\] to \['estimates'\]; wanted from 'spectrum'"):
        opened(tmp_path, graph)


def test_a_graph_that_onnxruntime_cannot_run_is_refused(tmp_path: Path) -> None:
    broken = identity_model().replace(b"ReduceSum", b"ReduceSux")
    with pytest.raises(ModelFileError, match="onnxruntime cannot load it"):
        opened(tmp_path, write_metadata(broken, model_info()))


def test_a_network_that_fails_at_a_length_is_named(tmp_path: Path) -> None:
    fixed = gain_model(np.full((1, 257), 0.5))  # one gain for each of 257 bins
    claims_more = write_metadata(fixed, model_info(stft=StftSettings(n_fft=1024, hop=512)))
    with pytest.raises(ModelFileError, match=r"its network failed on \(1, 2, 513, "):
        opened(tmp_path, claims_more).network.separate(noise(1, 1000))


def test_a_kind_that_does_not_separate_by_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="a model of kind 'audio-visual'; wanted one of mask, waveform"):
        opened(tmp_path, write_metadata(identity_model(), model_info(kind="audio-visual")))


def test_the_device_asked_for_is_the_device_used_or_an_error(tmp_path: Path) -> None:
    import onnxruntime

    assert opened(tmp_path, identity_model(), device="cpu").device == "cpu"
    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    assert opened(tmp_path, identity_model(), device="auto").device == ("cuda" if has_gpu else "cpu")
    if not has_gpu:
        with pytest.raises(UsageError, match="cuda was asked for"):
            opened(tmp_path, identity_model(), device="cuda")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        opened(tmp_path, identity_model(), device="gpu")
    with pytest.raises(UsageError, match="0 threads"):
        opened(tmp_path, identity_model(), threads=0)


def test_the_file_is_read_once_and_not_needed_afterwards(tmp_path: Path) -> None:
    path = save(tmp_path, identity_model())
    model = open_model(path)
    path.unlink()
    assert model.separate(noise(1, 1000)).shape == (2, 1, 1000)


def _digest(path: Path) -> bytes:
    return open_model(path, threads=1).separate(noise(1, 2 * RATE)).tobytes()


def test_processes_agree_to_the_bit(tmp_path: Path) -> None:
    path = save(tmp_path, recurrent_model())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_digest, (path,)) == _digest(path)


def test_a_watched_network_tells_of_each_call_and_the_one_it_was_made_of_does_not(tmp_path: Path) -> None:
    """On a CPU 7 s a call: three items of 2 s, then the other two; a silent one is in none."""
    network = opened(tmp_path, identity_model()).network
    calls: list[tuple[int, int]] = []
    watched = network.watched(lambda items, length: calls.append((items, length)))
    mixture = noise(6, 2 * RATE)
    mixture[1] = 0
    assert (watched.separate(mixture) == network.separate(mixture)).all()
    assert calls == [(3, 2 * RATE), (2, 2 * RATE)]
