"""Wave-U-Net against table 1 of Stoller et al. (2018): every level's size; and chunks that equal the whole."""

import pytest
import torch
from torch.nn import functional

from soli.errors import UsageError
from soli.train.families import FAMILIES, read_settings
from soli.train.networks.wave_unet import WaveUNet, WaveUNetSettings, _interpolated, reach

PAPER = FAMILIES["wave_unet"].presets["paper"]
TINY = {"levels": 3, "channels": 2}


@torch.no_grad()
def test_every_level_has_the_published_size() -> None:
    """147443 samples in, 16389 out: the paper's own figures, with 9 samples at the lowest level in between."""
    network = WaveUNet(WaveUNetSettings(**PAPER | {"channels": 1})).eval()  # lengths do not depend on channels
    lengths = []
    for layer in (*network.down, network.lowest, *network.up):
        layer.register_forward_hook(lambda _, __, y: lengths.append(y.shape[-1]))
    assert network.valid(torch.zeros(1, 1, 147443)).shape == (1, 1, 16389)
    down = [147429, 73701, 36837, 18405, 9189, 4581, 2277, 1125, 549, 261, 117, 45]
    up = [13, 21, 37, 69, 133, 261, 517, 1029, 2053, 4101, 8197, 16389]
    assert lengths == [*down, 9, *up]


def test_every_level_has_the_published_channels() -> None:
    with torch.device("meta"):
        network = WaveUNet(WaveUNetSettings(**PAPER))
    assert [(layer.out_channels, layer.kernel_size) for layer in network.down] == [
        (24 * level, (15,)) for level in range(1, 13)
    ]
    assert (network.lowest.in_channels, network.lowest.out_channels) == (288, 312)
    assert [(layer.in_channels, layer.out_channels, layer.kernel_size) for layer in network.up] == [
        (24 * level + 24 * (level + 1), 24 * level, (5,)) for level in range(12, 0, -1)
    ]
    assert (network.last.in_channels, network.last.kernel_size) == (25, (1,))


def test_interpolation_is_linear() -> None:
    x = torch.randn(2, 3, 9)
    expected = functional.interpolate(x, size=17, mode="linear", align_corners=True)
    torch.testing.assert_close(_interpolated(x), expected)


@pytest.mark.parametrize("settings", [TINY, {**TINY, "down_kernel": 5, "up_kernel": 3}, {**TINY, "levels": 1}])
def test_an_estimate_depends_on_its_reach_and_no_more(settings: dict[str, int]) -> None:
    values = WaveUNetSettings(**settings)
    network, far = WaveUNet(values).double(), reach(values)
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()  # so that no way through the network is cut off
    past, future = 0, 0
    for sample in range(600, 600 + 2 * far.hop):
        waveform = torch.rand(1, 1, 1300, dtype=torch.float64, requires_grad=True)
        network(waveform)[0, 0, sample].backward()
        found = waveform.grad[0, 0].nonzero()
        past, future = max(past, sample - int(found[0])), max(future, int(found[-1]) - sample)
    assert values.context <= past <= far.past
    assert values.context <= future <= far.future


@torch.no_grad()
def test_a_chunk_with_its_reach_gives_what_the_whole_gives() -> None:
    values = WaveUNetSettings(**TINY)
    network, far = WaveUNet(values).double().eval(), reach(values)
    waveform = torch.randn(1, 1, 3000, dtype=torch.float64)
    whole = network(waveform)
    start = -(-far.past // far.hop) * far.hop
    for cut in (0, far.hop, 40 * far.hop):
        chunk = network(waveform[..., cut : cut + start + 200 + far.future])
        core = slice(start, start + 200)
        torch.testing.assert_close(chunk[..., core], whole[..., cut:][..., core], rtol=0, atol=1e-12)


@torch.no_grad()
def test_what_lies_beyond_the_end_is_silence() -> None:
    network = WaveUNet(WaveUNetSettings(**TINY)).eval()
    waveform = torch.randn(1, 1, 301)
    padded = functional.pad(waveform, (0, 500))
    torch.testing.assert_close(network(padded)[..., :301], network(waveform))


def test_kernels_without_a_middle_are_refused() -> None:
    with pytest.raises(UsageError, match="odd"):
        read_settings("wave_unet", {"up_kernel": 4})
