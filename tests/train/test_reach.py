"""A model file of a network of finite memory says how far it looks, and its chunks equal the whole recording."""

from pathlib import Path

import numpy as np
import pytest

from soli.dsp.levels import difference_db
from soli.modelfile import ModelInfo, write_metadata
from soli.separation.chunks import Chunked
from soli.separation.model import Model, open_model
from soli.train.export import describe, to_onnx
from soli.train.families import FAMILIES
from soli.train.network import build, example
from soli.train.run import RunSettings

RATE = 8000


def made(folder: Path, family: str, **network: object) -> tuple[ModelInfo, Model]:
    """A model file of a network with fresh weights, described as a run's export does, and opened."""
    settings = RunSettings(
        name="tiny",
        family=family,
        preset="small",
        sources=("voice", "noise"),
        rest="noise",
        network={"sample_rate": RATE, **network},
        objective={"waveform_snr": 1},
        export={"chunk_s": 1.0},
    )
    net = build(settings).eval()
    info = describe(settings, net, data={}, scores={})
    path = folder / "tiny.soli.onnx"
    path.write_bytes(write_metadata(to_onnx(net, example(settings, seconds=0.5), kind=info.kind), info))
    return info, open_model(path, threads=1)


def test_chunks_of_a_network_of_finite_memory_equal_the_whole(tmp_path: Path) -> None:
    info, model = made(tmp_path, "wave_unet", levels=5, channels=4)
    assert (info.hop, info.window_s) == (32, None)
    assert info.past_s * RATE == pytest.approx(503 + 31)
    mixture = (0.1 * np.random.default_rng(0).standard_normal((1, 5 * RATE + 123))).astype(np.float32)
    whole = model.network.separate(mixture)
    assert difference_db(whole, Chunked(model.network, chunk_s=0.3).separate(mixture)) < -110


def test_networks_that_remember_without_end_get_windows(tmp_path: Path) -> None:
    for family, row in FAMILIES.items():
        if row.kind == "waveform" and row.reach is None:
            info, _ = made(tmp_path, family)
            assert (info.window_s, info.overlap_s, info.hop) == (6.0, 1.5, 1)
