"""The U-Net against figure 1 of Jansson et al. (2017), and what was added to it: any size, any level."""

import pytest
import torch
from torch import nn

from soli.train.families import FAMILIES
from soli.train.networks.unet import UNet, UNetSettings
from soli.types import StftSettings


def outputs_of(layers: nn.ModuleList, run) -> list[tuple[int, ...]]:
    shapes = []
    hooks = [layer.register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:]))) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    return shapes


@torch.no_grad()
def test_every_level_has_the_published_shape() -> None:
    network = UNet(UNetSettings(**FAMILIES["unet"].presets["paper"])).eval()
    patch = torch.rand(1, 1, 512, 128)
    down = outputs_of(network.down, lambda: network.masks(patch))
    assert down == [(16, 256, 64), (32, 128, 32), (64, 64, 16), (128, 32, 8), (256, 16, 4), (512, 8, 2)]
    up = outputs_of(network.up, lambda: network.masks(patch))
    assert up == [(256, 16, 4), (128, 32, 8), (64, 64, 16), (32, 128, 32), (16, 256, 64)]
    assert network.masks(patch).shape == (1, 1, 512, 128)
    # With the skip, each gets twice the channels that the one before it gave.
    assert [layer.conv.in_channels for layer in network.up] == [512, 512, 256, 128, 64]
    assert network.last.in_channels == 32


def test_layers_are_the_published_ones() -> None:
    network = UNet(UNetSettings(**FAMILIES["unet"].presets["paper"]))
    convolutions = [layer.conv for layer in (*network.down, *network.up)]
    assert all(layer.kernel_size == (5, 5) and layer.stride == (2, 2) for layer in convolutions)
    dropouts = [0 if isinstance(layer.dropout, nn.Identity) else layer.dropout.p for layer in network.up]
    assert dropouts == [0.5, 0.5, 0.5, 0, 0]


def test_dropout_takes_single_values_and_not_whole_channels() -> None:
    network = UNet(UNetSettings(**FAMILIES["unet"].presets["paper"]))
    torch.manual_seed(0)
    dropped = network.up[0].dropout(torch.ones(1, 8, 16, 16)).mean(dim=(2, 3))
    assert (dropped > 0.5).all()
    assert (dropped < 1.5).all()


@pytest.mark.parametrize("frames", [1, 31, 32, 33])
@pytest.mark.parametrize("n_fft", [62, 64, 66, 100])
@torch.no_grad()
def test_any_size_gets_a_mask_of_its_size(n_fft: int, frames: int) -> None:
    settings = UNetSettings(stft=StftSettings(n_fft=n_fft, hop=16), channels=2, levels=5, outputs=2)
    network, bins = UNet(settings).eval(), settings.stft.bins
    masks = network(torch.randn(3, 2, bins, frames))
    assert masks.shape == (3, 2, 1, bins, frames)
    assert ((masks > 0) & (masks < 1)).all()
    assert torch.equal(masks[..., -1, :], masks[..., -2, :])  # the topmost bin


@torch.no_grad()
def test_one_level_is_a_network_too() -> None:
    network = UNet(UNetSettings(channels=2, levels=1)).eval()
    assert network(torch.randn(1, 2, 513, 5)).shape == (1, 1, 1, 513, 5)
