"""Mixture consistency: whatever the network gives, the estimates sum to the mixture, and no nearer ones do."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from soli.train import features
from soli.train.export import to_onnx
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
