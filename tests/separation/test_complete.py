"""Models whose sources are all there is: their stems alone sum to the recording, and no other is written."""

from pathlib import Path

import numpy as np
import pytest

from models import RATE, complete_model, half_model, save
from soli.dsp.levels import difference_db
from soli.errors import UsageError
from soli.media.audio import open_audio, read_audio, write_audio
from soli.separation.files import Settings, output_paths, separated
from soli.separation.model import Model, open_model
from soli.separation.residual import Residual
from soli.types import Array


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return open_model(save(tmp_path, complete_model()), threads=1)


def noise(*shape: int) -> Array:
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def test_what_is_left_is_shared_equally(model: Model) -> None:
    mixture, estimates = noise(2, 500), noise(2, 2, 500)
    shares = Residual(model.network, rest=None)
    stems = shares.fill(mixture, estimates)
    assert shares.sources == ("voice", "music")
    assert difference_db(mixture, stems.sum(axis=0)) < -130
    np.testing.assert_allclose(stems[0] - estimates[0], stems[1] - estimates[1], atol=1e-6)
    with pytest.raises(UsageError, match="each once"):
        Residual(model.network, rest=None, sources=("voice", "music", "rest"))


def written(model: Model, source: Path, out: Path) -> tuple[dict[str, Array], float | None, tuple[str, ...]]:
    out.mkdir()
    with open_audio(source) as reader:
        outputs = output_paths(reader.info, out, model.sources, Settings())
    with separated(source, outputs, model.residual, Settings(), lambda done, total: None) as done:
        done.commit()
    return {path.stem: read_audio(path).samples for path in out.iterdir()}, done.null_db, done.warnings


@pytest.mark.parametrize("rate", [8000, RATE, 44100])
def test_a_file_becomes_the_named_stems_and_nothing_else(model: Model, tmp_path: Path, rate: int) -> None:
    mixture = noise(2, 3 * rate + 17)
    write_audio(tmp_path / "in.wav", mixture, sample_rate=rate)
    stems, null_db, warnings = written(model, tmp_path / "in.wav", tmp_path / "out")
    assert set(stems) == {"voice", "music"}
    assert null_db is not None
    assert null_db < -100
    assert difference_db(mixture, stems["voice"] + stems["music"]) < -100
    # Nobody is told of a band that the model does not hear where there is none.
    assert [("8000 Hz" in warning) for warning in warnings] == [True] * (rate > RATE)


def test_the_band_above_the_model_is_in_all_stems_alike(model: Model) -> None:
    rate = 48000
    high = (0.5 * np.sin(2 * np.pi * 15000 * np.arange(2 * rate) / rate)).astype(np.float32)[None]
    stems = model.residual.fill(high, np.zeros((2, *high.shape), np.float32))
    np.testing.assert_array_equal(stems, np.stack([high / 2, high / 2]))


def test_a_model_with_a_rest_warns_of_nothing(tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", noise(1, 48000), sample_rate=48000)
    model = open_model(save(tmp_path, half_model(), "half"), threads=1)
    stems, _, warnings = written(model, tmp_path / "in.wav", tmp_path / "out")
    assert (set(stems), warnings) == ({"voice", "noise"}, ())
