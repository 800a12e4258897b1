"""Mixture consistency: whatever the network gives, the estimates sum to the mixture, and no nearer ones do."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from soli.train import features
from soli.train.export import describe, is_complete, to_onnx
from soli.train.network import build, example, network_settings
from soli.train.networks.consistent import Consistent
from soli.train.objectives import objective_for
from soli.train.run import RunSettings


class Fixed(nn.Module):
    """Gives the same estimates whatever it is given."""

    def __init__(self, estimates: Tensor) -> None:
        super().__init__()
        self.estimates = nn.Parameter(estimates)

    def forward(self, _: Tensor) -> Tensor:
        return self.estimates


def test_waveforms_sum_to_the_mixture_each_moved_alike() -> None:
    raw, mixture = torch.randn(2, 3, 50), torch.randn(2, 1, 50)
    found = Consistent(Fixed(raw))(mixture)
    torch.testing.assert_close(found.sum(dim=1, keepdim=True), mixture)
    # The nearest estimates that sum up, by least squares: (I - 11'/S) x + 1 mixture / S.
    ones = np.ones((3, 3)) / 3
    expected = np.einsum("rs,bst->brt", np.eye(3) - ones, raw.numpy()) + mixture.numpy() / 3
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("planes", [1, 2])
def test_masks_give_spectra_that_sum_to_the_mixture(planes: int) -> None:
    masks = torch.randn(2, 3, planes, 9, 5)
    spectrum = torch.randn(2, 9, 5, dtype=torch.complex64)
    found = Consistent(Fixed(masks))(features.as_planes(spectrum))
    assert found.shape == masks.shape
    torch.testing.assert_close(features.apply_masks(found, spectrum).sum(dim=1), spectrum)


@pytest.mark.parametrize("mask", ["real", "complex"])
def test_the_projection_is_part_of_the_exported_graph(mask: str) -> None:
    settings = RunSettings(
        name="x",
        family="band_split",
        preset="small",
        sources=("a", "b"),
        consistent=True,
        network={"sample_rate": 8000, "stft": {"n_fft": 256, "hop": 128}, "mask": mask},
        objective={"si_sdr": 1},
    )
    network = build(settings).eval()
    session = onnxruntime.InferenceSession(to_onnx(network, example(settings, seconds=0.3), kind="mask"))
    inputs = example(settings, seconds=0.7, batch=2)
    (masks,) = session.run(None, {"spectrum": inputs.numpy()})
    np.testing.assert_allclose(masks.sum(axis=1)[:, 0], 1, atol=1e-5)
    np.testing.assert_allclose(masks, network(inputs).detach().numpy(), atol=1e-4)

    rule = objective_for("mask", settings.objective, network_settings(settings))
    mixture = torch.randn(1, 4000)
    torch.testing.assert_close(rule.estimate(network, mixture).sum(dim=1), mixture, atol=1e-4, rtol=0)


def run_of(family: str, **changes: object) -> RunSettings:
    network = {"sample_rate": 8000}
    values = {"name": "x", "family": family, "preset": "small", "sources": ("a", "b"), "objective": {"waveform_snr": 1}}
    return RunSettings(**{**values, "network": network, **changes})


@pytest.mark.parametrize(
    ("settings", "complete"),
    [
        (run_of("unet"), False),  # each mask is free, and something may be left
        (run_of("unet", consistent=True), True),
        (run_of("unet", rest="b"), False),  # which takes what is left
        (run_of("tasnet"), False),  # masks sum to one, but what the filter bank cannot hold is left
        (run_of("tasnet", consistent=True), True),
        (run_of("tasnet", rest="b"), False),
        (run_of("tasnet", sources=("a",)), False),
        (run_of("conv_tasnet"), False),
        (run_of("deep_clustering"), True),
        (run_of("deep_clustering", interchangeable=True), True),
    ],
    ids=lambda value: f"{value.family}-{value.rest}-{value.consistent}" if isinstance(value, RunSettings) else "",
)
def test_a_model_file_says_whether_its_sources_are_all_there_is(settings: RunSettings, complete: bool) -> None:
    assert is_complete(settings) is complete
    if settings.family == "tasnet":
        info = describe(settings, build(settings), data={}, scores={})
        assert (info.complete, info.format_version) == (complete, 2 if complete else 1)
        assert ("rest" in info.stems) is (settings.rest is None and not complete)
