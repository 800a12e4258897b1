"""Weights in half the space: the file halves, the numbers stay those of the rounded network."""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, numpy_helper

from soli.train.compact import round_weights, store_in_halves, store_sparsely
from soli.train.export import to_onnx
from soli.train.network import build, example
from soli.train.run import RunSettings


def test_a_file_of_half_the_size_gives_the_rounded_network() -> None:
    settings = RunSettings(
        name="x", family="band_split", sources=("voice", "noise"), rest="noise", objective={"soft_snr": 1}
    )
    network = build(settings).eval()
    exact = {name: value.clone() for name, value in network.state_dict().items()}
    round_weights(network)
    worst = max(float((network.state_dict()[name] - value).abs().max()) for name, value in exact.items())
    assert 0 < worst < 1e-3
    inputs = example(settings, seconds=0.3)
    whole = to_onnx(network, inputs, kind="mask")
    half = store_in_halves(whole)
    assert len(half) < 0.55 * len(whole)
    session = onnxruntime.InferenceSession(half)
    (found,) = session.run(None, {"spectrum": inputs.numpy()})
    with torch.no_grad():
        expected = network(inputs).numpy()
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-5


def test_matrices_of_zeros_cost_next_to_nothing() -> None:
    settings = RunSettings(
        name="x",
        family="pitch_mask",
        sources=("violin", "clarinet"),
        objective={"band_snr": 1},
        network={"channels": 1, "hidden": 2, "drawing_channels": 1, "stft": {"n_fft": 4096, "hop": 1024}},
    )
    network = build(settings).eval()
    round_weights(network)
    inputs = example(settings, seconds=0.3)
    whole = to_onnx(network, inputs, kind="mask")
    sparse = store_sparsely(whole)
    assert len(sparse) < 0.3 * len(whole)
    halves = store_in_halves(sparse)
    assert len(halves) < len(sparse)
    expected, *found = (
        onnxruntime.InferenceSession(graph).run(None, {"spectrum": inputs.numpy()})[0]
        for graph in (whole, sparse, halves)
    )
    for masks in found:
        assert np.abs(masks - expected).max() < 1e-6
    assert np.allclose(expected.sum(axis=1), 1, atol=1e-6), "the masks share out all there is"


def test_what_is_no_weight_stays_as_it_is() -> None:
    """Means and variances of many bands, and what float16 does not reach."""
    settings = RunSettings(
        name="x",
        family="blstm_mask",
        sources=("voice",),
        objective={"soft_snr": 1},
        network={"hidden": 4, "stft": {"n_fft": 4096, "hop": 1024}},
    )
    network = build(settings).eval()
    network.norm.running_mean.uniform_(-90, -20)
    network.norm.running_var.fill_(1e6)
    with torch.no_grad():
        network.lstm.weight_ih_l0[0, 0] = 1e5
    inputs = example(settings, seconds=0.3)
    whole = to_onnx(network, inputs, kind="mask")
    halves = onnx.load_from_string(store_in_halves(whole)).graph.initializer
    types = {tensor.name: tensor.data_type for tensor in halves}
    assert TensorProto.FLOAT16 in types.values()
    for tensor in onnx.load_from_string(whole).graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim < 2 or np.abs(values).max() > 65504:
            assert types[tensor.name] == tensor.data_type
