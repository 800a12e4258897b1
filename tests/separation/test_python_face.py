"""`soli.separate`, `soli.load` and `soli.stream` as a user calls them."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import soli
from models import RATE, half_model, identity_model, low_pass_model, recurrent_model, save
from soli.dsp.levels import difference_db, rms_db
from soli.errors import InputError, ModelFileError, UsageError
from soli.media.audio import read_audio, write_audio
from soli.separation import zoo
from soli.separation.chunks import Chunked
from soli.separation.selftest import selftest
from soli.types import Array


def noise(*shape: int, seed: int = 0) -> Array:
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    return save(tmp_path, half_model(), "half")


@pytest.mark.parametrize("shape", [(5000,), (1, 5000), (2, 5000), (8, 700), (1,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_arrays_keep_their_shape(half: Path, shape: tuple[int, ...], dtype: type) -> None:
    mixture = noise(*shape).astype(dtype)
    stems = soli.separate(mixture, sample_rate=44100, model=half)
    assert list(stems) == ["voice", "noise"]
    assert all(stem.shape == shape and stem.dtype == np.float32 for stem in stems.values())
    assert difference_db(mixture.astype(np.float32), stems["voice"] + stems["noise"]) < -120


def test_every_sort_of_source_gives_the_same(tmp_path: Path, half: Path) -> None:
    mixture = noise(2, 30_000)
    path = tmp_path / "talk ü.wav"
    write_audio(path, mixture, sample_rate=22050)
    wanted = soli.separate(mixture, sample_rate=22050, model=half)
    content = path.read_bytes()
    for source in (path, str(path), content, io.BytesIO(content)):
        stems = soli.separate(source, model=half)
        assert all((stems[name] == wanted[name]).all() for name in wanted)


def test_stems_are_chosen_by_name(half: Path) -> None:
    mixture = noise(1, 3000)
    both = soli.separate(mixture, sample_rate=RATE, model=half)
    chosen = soli.separate(mixture, sample_rate=RATE, model=half, stems=["noise"])
    assert list(chosen) == ["noise"]
    assert (chosen["noise"] == both["noise"]).all()


@pytest.mark.parametrize("shape", [(50_000,), (2, 50_000)])
def test_streams_are_what_arrays_give(half: Path, shape: tuple[int, ...]) -> None:
    mixture = noise(*shape)
    wanted = soli.separate(mixture, sample_rate=44100, model=half)
    for chunk_s in (None, 0.3):
        blocks = (mixture[..., start : start + 1000] for start in range(0, 50_000, 1000))
        parts = list(soli.stream(blocks, sample_rate=44100, model=half, chunk_s=chunk_s))
        for name, stem in wanted.items():
            assert np.allclose(np.concatenate([part[name] for part in parts], axis=-1), stem, atol=1e-6)


def test_a_stream_may_reuse_its_buffer(half: Path) -> None:
    mixture, buffer = noise(20_000), np.zeros(1000, np.float32)

    def recorder():
        for start in range(0, 20_000, 1000):
            buffer[:] = mixture[start : start + 1000]
            yield buffer

    parts = list(soli.stream(recorder(), sample_rate=RATE, model=half))
    assert difference_db(mixture, sum(np.concatenate([part[n] for part in parts]) for n in ("voice", "noise"))) < -120


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        (noise(10), {}, UsageError, "samples without their rate"),
        (noise(10), {"sample_rate": 1}, UsageError, "a sample rate of 1 Hz"),
        (noise(10), {"sample_rate": 44100.5}, UsageError, "a sample rate of 44100.5 Hz"),
        (noise(0), {"sample_rate": RATE}, InputError, "no samples"),
        (noise(100, 2), {"sample_rate": RATE}, InputError, r"\(100, 2\); wanted \(C, T\)"),
        (noise(1, 2, 3), {"sample_rate": RATE}, InputError, r"shape \(1, 2, 3\)"),
        (np.zeros(9, np.int16), {"sample_rate": RATE}, InputError, "int16; wanted floats"),
        (np.full(9, np.nan, np.float32), {"sample_rate": RATE}, InputError, "9 NaN or infinite samples"),
        (noise(10), {"sample_rate": RATE, "stems": ["voise"]}, UsageError, "did you mean voice"),
        (noise(10), {"sample_rate": RATE, "stems": "voice"}, UsageError, "a list of names"),
        (noise(10), {"sample_rate": RATE, "device": "gpu"}, UsageError, "unknown device"),
        (b"no sound", {}, InputError, "."),
        (b"no sound", {"sample_rate": RATE}, UsageError, "sample_rate was given with a file"),
        (noise(10).astype(complex), {"sample_rate": RATE}, InputError, "complex128; wanted floats with full scale 1$"),
        (np.full(9, 1e300), {"sample_rate": RATE}, InputError, "9 NaN or infinite samples"),
        ([0.1, 0.2], {"sample_rate": RATE}, UsageError, r"list where sound .* np.asarray\(samples, np.float32\)"),
        ([], {}, UsageError, "list where sound is wanted"),
        (None, {}, UsageError, "NoneType where sound is wanted; wanted a numpy array, a path"),
        (5, {"sample_rate": RATE}, UsageError, "int where sound is wanted"),
        (noise(10), {"sample_rate": "8000"}, UsageError, "sample_rate='8000'; wanted a whole number"),
        (noise(10), {"sample_rate": float("nan")}, UsageError, "a sample rate of nan Hz"),
        (noise(10), {"sample_rate": RATE, "stems": []}, UsageError, "stems=.*a list of names"),
        (noise(10), {"sample_rate": RATE, "stems": [1]}, UsageError, "a list of names"),
        (noise(10), {"sample_rate": RATE, "stems": 1}, UsageError, "a list of names"),
        (noise(10), {"sample_rate": RATE, "threads": "2"}, UsageError, "'2' threads; wanted a whole number"),
        (noise(10), {"sample_rate": RATE, "threads": 0}, UsageError, "0 threads; wanted a whole number"),
    ],
)
def test_wrong_calls_say_what_is_wrong(
    half: Path, source: object, options: dict, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        soli.separate(source, model=half, **options)


def test_a_loaded_model_takes_what_separate_takes(half: Path) -> None:
    separator = soli.load(half)
    assert separator.separate(noise(8, 100)).shape == (2, 8, 100)
    for shape in ((48000, 1), (9, 100), (0, 100)):
        with pytest.raises(InputError, match=r"wanted \(C, T\) with 1 to 8 channels; transpose \(T, C\)"):
            separator.separate(noise(*shape))
    with pytest.raises(InputError, match="no samples; wanted one at least"):
        separator.separate(noise(2, 0))
    with pytest.raises(UsageError, match=r"wanted \(C, T\)"):
        separator.separate(noise(100))


def test_a_model_of_another_type_is_named() -> None:
    with pytest.raises(UsageError, match="model=5; wanted a shipped model's name"):
        soli.load(5)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ("talk.wav", "str where blocks .* give files to soli.separate"),
        (Path("talk.wav"), "give files to soli.separate"),
        (b"RIFF", "bytes where blocks"),
        (noise(2, 100), r"one array .* write \[samples\]"),
        (5, "int where sound is wanted; wanted numpy arrays"),
    ],
)
def test_what_is_no_stream_is_told_at_once(half: Path, blocks: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        soli.stream(blocks, sample_rate=RATE, model=half)


@pytest.mark.parametrize("block", [[0.1, 0.2], 0.5, "x", None])
def test_blocks_that_are_no_arrays_are_told(half: Path, block: object) -> None:
    with pytest.raises(UsageError, match=r"wanted a numpy array \(T,\) or \(C, T\)"):
        list(soli.stream([block], sample_rate=RATE, model=half))


def test_wrong_streams_are_wrong_at_once(half: Path) -> None:
    with pytest.raises(UsageError, match="samples without their rate"):
        soli.stream([noise(10)], model=half)
    with pytest.raises(UsageError, match="unknown stem"):
        soli.stream([], sample_rate=RATE, model=half, stems=["x"])
    with pytest.raises(InputError, match="int16"):
        list(soli.stream([np.zeros(9, np.int16)], sample_rate=RATE, model=half))


def test_models_are_found_by_name_or_path(half: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown model 'voicee'"):
        soli.load("voicee")
    with pytest.raises(ModelFileError, match="No such file"):
        soli.load(tmp_path / "none.soli.onnx")
    with pytest.raises(ModelFileError, match="No such file"):
        soli.load("none.onnx")
    assert soli.load(str(half)).info.name == "tiny"


def test_models_are_kept_until_their_file_changes(half: Path) -> None:
    first = soli.load(half)
    assert soli.load(str(half)) is first
    assert soli.load(half, threads=1) is not first
    with ThreadPoolExecutor(4) as pool:
        assert all(model is first for model in pool.map(soli.load, [half] * 8))
    half.write_bytes(identity_model(name="another"))
    assert soli.load(half).info.name == "another"


def test_shipped_models_are_whole_and_keep_their_promises() -> None:
    for name in zoo.names():
        model = soli.load(name, threads=1)
        assert model.info.licence.weights
        assert model.info.data, "a card without the data it was trained on"
        assert model.info.scores["items"] >= 20, "a card without measured scores"
        assert model.path.stat().st_size <= 12_000_000
        assert model.path == zoo.path(name)
        assert [check for check in selftest(model) if not check.passed] == []


REAL = sorted((Path(__file__).parents[2] / "examples").glob("*.flac"))


def test_real_recordings_come_apart_and_together_again(tmp_path: Path) -> None:
    assert REAL
    model = save(tmp_path, recurrent_model(chunk_s=1.0))
    for path in REAL:
        recording = read_audio(path)
        stems = soli.separate(path, model=model)
        assert all(stem.shape == recording.samples.shape for stem in stems.values())
        assert difference_db(recording.samples, sum(stems.values())) < -120
        assert min(rms_db(stem) for stem in stems.values()) > rms_db(recording.samples) - 40


@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_shipped_models_are_the_same_in_chunks_on_real_recordings(name: str, path: Path) -> None:
    network = soli.load(name, threads=1).network
    mixture = read_audio(path, sample_rate=network.sample_rate).samples
    whole = network.separate(mixture)
    assert difference_db(whole, Chunked(network, chunk_s=2.0).separate(mixture)) < -60


def test_the_package_has_a_small_face() -> None:
    assert {"separate", "load", "stream", "Audio"} <= set(dir(soli))
    with pytest.raises(AttributeError, match="no attribute 'sepparate'"):
        _ = soli.sepparate


def test_importing_soli_is_free_and_using_it_brings_no_torch(tmp_path: Path) -> None:
    path = save(tmp_path, low_pass_model(1000), "low")
    code = f"""
import sys, soli
assert not {{"numpy", "onnxruntime", "scipy"}} & set(sys.modules), "import soli is not lazy"
import numpy as np
soli.separate(np.ones(4000, np.float32), sample_rate=8000, model={str(path)!r})
heavy = {{"torch", "onnx", "matplotlib", "scipy", "sklearn", "pandas"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
