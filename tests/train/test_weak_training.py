"""From labelled clips to a model file of sound events: the whole thread, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from made_clips import CLASSES, RATE, SECONDS, write_clips

from soli.data.manifest import read_manifest, relocated, write_manifest
from soli.data.render import render
from soli.dsp.masks import as_planes
from soli.dsp.mel import mel_matrix
from soli.dsp.stft import stft
from soli.errors import DataError, UsageError
from soli.modelfile import read_model
from soli.train.assemble import assemble
from soli.train.export import export
from soli.train.loop import Training, train
from soli.train.run import RunSettings, check_settings

GIVEN: dict[str, Any] = {
    "name": "tiny-events",
    "family": "weak_cnn",
    "preset": "small",
    "sources": [],
    "objective": {"tag_bce": 0.7, "absent_l1": 0.3},
    "data": {"workers": 0},
    "optim": {"steps": 3, "batch": 4, "warmup": 0},
    "watch": {"valid_every": 3, "log_every": 1},
}


def settings(**changes: Any) -> RunSettings:
    return check_settings({**GIVEN, **changes}, where="a test")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


def trained(clips: Path, run: Path, **changes: Any) -> Training:
    training = assemble(settings(**changes), data=clips, out=run)
    training.folder.create(training.settings, training.data_record)
    train(training, resume=False)
    return training


def run_graph(path: Path, samples: np.ndarray) -> list[np.ndarray]:
    info, graph = read_model(path)
    assert info.stft is not None
    session = onnxruntime.InferenceSession(graph)
    assert [output.name for output in session.get_outputs()] == ["masks", "tags"]
    return session.run(None, {"spectrum": as_planes(stft(samples, info.stft))})


@pytest.mark.parametrize("family", ["weak_cnn", "weak_crnn", "weak_dnn"])
def test_clips_become_a_model_file_that_hears_their_classes(clips: Path, tmp_path: Path, family: str) -> None:
    steps = {"steps": 60, "batch": 8, "warmup": 0, "lr": 5e-3, "ema": 0.5}
    training = trained(clips, tmp_path / "run", family=family, optim=steps, watch={"valid_every": 60})
    assert training.settings.sources == CLASSES
    info = export(tmp_path / "run", tmp_path / "x.soli.onnx")
    read, _ = read_model(tmp_path / "x.soli.onnx")
    assert read == info
    assert (info.kind, info.format_version, info.sources, info.rest) == ("events", 3, CLASSES, None)
    assert info.detection is not None
    assert len(info.detection.tag) == 3

    manifest = read_manifest(clips)
    found, truth = [], []
    for row in manifest.split("valid"):
        mixture = render(row, manifest.root).mixture
        masks, tags = run_graph(tmp_path / "x.soli.onnx", mixture)
        assert masks.shape == (1, 3, info.detection.mel.bands, 95)
        assert (masks >= 0).all()
        assert (masks <= 1).all()
        found.append(tags[0])
        truth.append([name in row.labels for name in CLASSES])
    scores, known = np.array(found), np.array(truth)
    for k, name in enumerate(CLASSES):
        assert scores[known[:, k], k].mean() > scores[~known[:, k], k].mean() + 0.01, name


def test_the_scaler_is_that_of_the_training_clips_and_travels_along(clips: Path, tmp_path: Path) -> None:
    training = trained(clips, tmp_path / "run")
    front: Any = training.network.front_end
    values: Any = training.network.settings
    manifest = read_manifest(clips)
    matrix = mel_matrix(values.stft, values.front_end.mel, sample_rate=RATE)
    bands = np.concatenate(
        [
            np.log(matrix @ np.abs(stft(render(row, manifest.root).mixture[0], values.stft)) + 1e-8)
            for row in manifest.split("train")
        ],
        axis=1,
    )
    np.testing.assert_allclose(front.mean.numpy(), bands.mean(axis=1), rtol=1e-3)
    np.testing.assert_allclose(front.deviation.numpy(), bands.std(axis=1), rtol=1e-3)
    from safetensors.torch import load_file

    saved = load_file(tmp_path / "run" / "weights.safetensors")
    assert torch.equal(saved["front_end.mean"], front.mean)


def test_recordings_with_nothing_but_labels_are_enough(tmp_path: Path) -> None:
    clips = write_clips(tmp_path, parts=False)
    training = trained(clips, tmp_path / "run")
    assert training.settings.sources == CLASSES
    item = training.mixtures[0]
    assert isinstance(item, tuple)
    assert item[0].shape == (round(RATE * SECONDS),)
    assert (item[2] == -1).all()  # when anything sounds is not known


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(clips: Path, tmp_path: Path) -> None:
    whole = trained(clips, tmp_path / "whole")
    parts = assemble(settings(), data=clips, out=tmp_path / "parts")
    parts.folder.create(parts.settings, parts.data_record)
    train(parts, resume=False, stop=lambda: True)
    again = assemble(settings(), data=clips, out=tmp_path / "parts")
    again.folder.go_on(again.settings, again.data_record)
    assert train(again, resume=True).step == 3
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_strong_labels_train_too_where_a_set_has_them(clips: Path, tmp_path: Path) -> None:
    training = assemble(settings(objective={"tag_bce": 1, "frame_bce": 1}), data=clips, out=tmp_path / "run")
    item = training.mixtures[3]
    assert isinstance(item, tuple)
    _, tags, active = item
    assert torch.equal(active.amax(dim=1), tags)
    rate_hz = RATE / 128
    for k in range(3):
        if tags[k]:
            assert abs(float(active[k].sum()) / rate_hz - 0.5) < 2 / rate_hz


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rest": "hum", "sources": ["beep", "hum"]}, "rest: hum; the sources of weak_cnn are classes"),
        ({"sources": ["beep", "hum"], "consistent": True}, "consistent: True; the sources of weak_cnn"),
        ({"sources": ["beep", "hum"], "interchangeable": True}, "interchangeable"),
        ({"objective": {"soft_snr": 1}}, '"soft_snr" compares separated sources'),
        ({"family": "unet", "objective": {"tag_bce": 1}}, '"tag_bce" compares what is said of classes'),
        ({"family": "unet", "objective": {"soft_snr": 1}}, "sources: \\[\\]; wanted at least one"),
        ({"data": {"remix": True}}, "data.remix"),
        ({"export": {"window_s": None}}, "export.window_s: null; the tags of weak_cnn are those of a window"),
        ({"data": {"leave_out": 1}}, "data.leave_out is for songs"),
        ({"network": {"sample_rate": 16000}}, "8000 Hz, the network is set to 16000 Hz"),
        ({"network": {"channel": 3}}, 'weak_cnn has no setting "network.channel"; did you mean channels'),
        ({"network": {"front_end": {"mel": {"bands": 200}}}}, "mel bands would hold no bin"),
    ],
)
def test_settings_that_do_not_fit_are_named(clips: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        assemble(settings(**changes), data=clips, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": ["beep", "gong"]}, "no clip to train on is labelled gong; wanted clips of beep, gong"),
        ({"sources": ["beep", "hum"]}, 'is labelled "Hi-hat", which is no class'),
        ({"data": {"split": "trian"}}, 'no rows of split "trian"'),
        ({"data": {"valid_split": "dev"}}, 'no rows of split "dev" to validate on'),
        ({"data": {"valid_rows": 1}}, "none of the 3 classes can be scored"),
    ],
)
def test_data_that_do_not_fit_are_named(clips: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        assemble(settings(**changes), data=clips, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("bark/growl", 'the label "bark/growl" cannot name a class'),
        ("HUM", '"HUM" and "hum" differ in capital letters'),
    ],
)
def test_labels_that_cannot_name_a_class_are_named(clips: Path, tmp_path: Path, label: str, message: str) -> None:
    manifest = read_manifest(clips)
    first, *others = relocated(manifest.rows, manifest.root, tmp_path)
    write_manifest(tmp_path / "odd.jsonl", [first.model_copy(update={"labels": (label,)}), *others])
    with pytest.raises(DataError, match=message):
        assemble(settings(), data=tmp_path / "odd.jsonl", out=tmp_path / "run")


def test_clips_without_labels_and_files_that_vanished_are_named(tmp_path: Path) -> None:
    clips = write_clips(tmp_path, parts=False)
    rows = list(read_manifest(clips).rows)
    bare = tmp_path / "bare.jsonl"
    write_manifest(bare, [row.model_copy(update={"labels": ()}) for row in rows])
    with pytest.raises(DataError, match="none of the 24 rows to train on has a label"):
        assemble(settings(), data=bare, out=tmp_path / "run")
    (tmp_path / str(rows[5].mixture)).unlink()
    with pytest.raises(DataError, match=f"no file .*{rows[5].mixture}; 1 of the 39 files"):
        assemble(settings(), data=clips, out=tmp_path / "run")
