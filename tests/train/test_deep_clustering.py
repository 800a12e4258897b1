"""Deep clustering from the network to a model file that gives what training was judged by."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from soli.data.manifest import Part, Row, read_manifest, write_manifest
from soli.data.render import render
from soli.errors import UsageError
from soli.media.audio import write_audio
from soli.metrics.si import si_sdr
from soli.separation.model import Model, open_model
from soli.separation.selftest import selftest
from soli.train.assemble import assemble
from soli.train.export import export
from soli.train.families import FAMILIES
from soli.train.log import read_log
from soli.train.loop import train
from soli.train.network import build, example, network_settings
from soli.train.objectives import objective_for
from soli.train.run import RunSettings
from soli.train.work import parameter_count

RATE = 8000
STFT = {"n_fft": 256, "hop": 128}


def settings(**changes: object) -> RunSettings:
    fields = {
        "name": "clusters",
        "family": "deep_clustering",
        "preset": "small",
        "sources": ("voice", "noise"),
        "objective": {"deep_clustering_weighted": 1.0},
        "network": {"hidden": 24, "layers": 1, "dimensions": 6},
        "data": {"duration_s": 1.0},
        "optim": {"lr": 1e-2, "steps": 60, "batch": 4, "warmup": 2, "ema": 0.5},
        "watch": {"valid_every": 30},
        "export": {"window_s": 2.0, "overlap_s": 0.5, "chunk_s": 4.0},
    }
    return RunSettings.model_validate({**fields, **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones that glide and come and go, over noise of the other half of the spectrum's bins, at the same level."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(3)
    time_s = np.arange(2 * RATE) / RATE
    rows = []
    for index in range(8):
        pitch_hz = rng.uniform(300, 500) + 60 * np.sin(2 * time_s)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
        tone = (0.6 + 0.4 * np.sin(9 * time_s + index)) * sum(np.sin(n * phase) for n in (1, 2, 3))
        sounds = {"voice": tone, "noise": rng.standard_normal(2 * RATE)}
        for source, samples in sounds.items():
            samples = 0.1 * samples / samples.std()
            write_audio(root / f"{source}{index}.wav", samples[None].astype(np.float32), sample_rate=RATE)
        parts = tuple(Part(source=s, path=f"{s}{index}.wav", duration_s=2.0) for s in sounds)
        split = "train" if index < 6 else "valid"
        rows.append(Row(id=f"{split}-{index}", split=split, sample_rate=RATE, duration_s=2.0, parts=parts))
    write_manifest(root / "all.jsonl", rows)
    return root / "all.jsonl"


def trained(run: RunSettings, data: Path, folder: Path) -> Model:
    training = assemble(run, data=data, out=folder / "run")
    training.folder.create(run, training.data_record)
    train(training, resume=False)
    export(folder / "run", folder / "clusters.soli.onnx")
    return open_model(folder / "clusters.soli.onnx", threads=1)


@pytest.fixture(scope="module")
def named(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """A model of two named sources, and the run that it is from."""
    folder = tmp_path_factory.mktemp("named")
    return trained(settings(), data, folder), folder / "run"


def gains(model: Model, data: Path) -> np.ndarray:
    """SI-SDR improvements in dB of the validation rows, (rows, sources)."""
    manifest = read_manifest(data)
    found = []
    for row in manifest.rows[6:]:
        item = render(row, manifest.root)
        references = np.stack([item.stems[source] for source in ("voice", "noise")])
        estimates = model.separate(item.mixture)[:2]
        floor = si_sdr(references, np.broadcast_to(item.mixture, references.shape))
        found.append(np.subtract(si_sdr(references, estimates), floor))
    return np.array(found)


def test_named_sources_are_learnt_and_come_out_under_their_names(named: tuple[Model, Path], data: Path) -> None:
    model, _ = named
    anchors = np.array(model.info.anchors)
    assert anchors.shape == (2, 6)
    assert np.linalg.norm(anchors[0] - anchors[1]) > 0.7
    assert gains(model, data).min() > 6
    assert [check.name for check in selftest(model) if not check.passed] == []


def test_validation_judged_what_the_model_file_gives(named: tuple[Model, Path], data: Path) -> None:
    """Torch and the use half: the same masks from the same embedding, so the same score but for rounding."""
    model, run = named
    manifest = read_manifest(data)
    scores = [
        si_sdr(item.stems["voice"], model.separate(item.mixture)[0])[0]
        for item in (render(row, manifest.root) for row in manifest.rows[6:])
    ]
    logged = [line for line in read_log(run / "log.jsonl") if "valid_score" in line]
    best = max(logged, key=lambda line: line["valid_score"])
    assert np.mean(scores) == pytest.approx(best["valid_si_sdr_voice"], abs=0.02)


def test_interchangeable_sources_need_no_anchors(data: Path, tmp_path: Path) -> None:
    model = trained(settings(interchangeable=True), data, tmp_path)
    assert (model.info.interchangeable, model.info.anchors) == (True, None)
    assert model.sources == ("voice", "noise")


def test_clusters_without_windows_are_refused_before_training(data: Path, tmp_path: Path) -> None:
    run = settings(export={"window_s": None})
    with pytest.raises(
        UsageError, match=r"export\.window_s: null; the clusters of deep_clustering are those of a window"
    ):
        assemble(run, data=data, out=tmp_path / "run")


def test_embeddings_have_unit_norm_and_quiet_recordings_the_same_as_loud_ones() -> None:
    run = settings()
    network = build(run).eval()
    spectrum = example(run, seconds=1.0, batch=2)
    embedding = network(spectrum)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones_like(embedding[:, 0]))
    torch.testing.assert_close(network(spectrum / 300), embedding, atol=1e-4, rtol=1e-3)


def test_the_objective_uses_the_clusters_of_the_use_half() -> None:
    """Planted: bins of two bands are embedded on the anchors, and the estimates are the mixture's bands."""

    class Bands(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("anchors", torch.eye(2))

        def forward(self, spectrum: torch.Tensor) -> torch.Tensor:
            owner = (torch.arange(spectrum.shape[2]) > 64).long()
            rows = functional.one_hot(owner, 2).float().T[None, :, :, None]
            return rows.expand(len(spectrum), 2, -1, spectrum.shape[3])

    rule = objective_for("cluster", {"deep_clustering": 1.0}, network_settings(settings()))
    time_s = torch.arange(RATE) / RATE
    low, high = (torch.sin(2 * torch.pi * hz * time_s)[None] for hz in (700, 3100))
    estimate = rule.estimate(Bands(), low + high)
    for found, truth in zip(estimate[0], (low, high), strict=True):
        assert (found - truth)[..., 300:-300].square().mean() < 1e-3 * truth.square().mean()


def test_the_paper_preset_has_the_size_of_the_published_layers() -> None:
    """By hand: four gates of 300 cells in two directions, each with two biases; then 600 x (129 x 40)."""
    run = settings(preset="paper", network={})
    first, others = 2 * (4 * 300 * (129 + 300) + 2 * 4 * 300), 2 * (4 * 300 * (600 + 300) + 2 * 4 * 300)
    linear = 600 * 129 * 40 + 129 * 40
    assert parameter_count(build(run)) == first + 3 * others + linear + 2 * 129
    assert set(FAMILIES["deep_clustering"].presets) == {"paper", "small"}
