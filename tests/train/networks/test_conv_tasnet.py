"""Conv-TasNet against table II of Luo and Mesgarani (2019): sizes and reach; causal means causal."""

import pytest
import torch
from torch import nn

from soli.errors import UsageError
from soli.train.families import read_settings
from soli.train.networks.conv_tasnet import ConvTasNet, ConvTasNetSettings, CumulativeNorm, GlobalNorm
from soli.train.work import parameter_count

NAMES = ("filters", "length", "bottleneck", "hidden", "skip", "kernel", "blocks", "repeats")
# N, L, B, H, Sc, P, X, R: millions of parameters, receptive field in s. Of the table's rows one is left out: for
# N 512, L 40, B 128, H 256, Sc 256, X 7, R 2 it has 2.4 million, and the formula that fits all others gives 2.24.
TABLE_II = {
    (128, 40, 128, 256, 128, 3, 7, 2): (1.5, 1.28),
    (256, 40, 128, 256, 128, 3, 7, 2): (1.5, 1.28),
    (512, 40, 128, 256, 128, 3, 7, 2): (1.7, 1.28),
    (512, 40, 128, 512, 128, 3, 7, 2): (3.1, 1.28),
    (512, 40, 128, 512, 512, 3, 7, 2): (6.2, 1.28),
    (512, 40, 256, 256, 256, 3, 7, 2): (3.2, 1.28),
    (512, 40, 256, 512, 256, 3, 7, 2): (6.0, 1.28),
    (512, 40, 256, 512, 512, 3, 7, 2): (8.1, 1.28),
    (512, 40, 128, 512, 128, 3, 6, 4): (5.1, 1.27),
    (512, 40, 128, 512, 128, 3, 4, 6): (5.1, 0.46),
    (512, 40, 128, 512, 128, 3, 8, 3): (5.1, 3.83),
    (512, 32, 128, 512, 128, 3, 8, 3): (5.1, 3.06),
    (512, 16, 128, 512, 128, 3, 8, 3): (5.1, 1.53),
}
TINY = {"filters": 12, "length": 8, "bottleneck": 6, "hidden": 10, "skip": 7, "blocks": 3, "repeats": 2}
CAUSAL = {**TINY, "norm": "cumulative", "causal": True}


@pytest.mark.parametrize("row", TABLE_II)
def test_sizes_are_those_of_the_table(row: tuple[int, ...]) -> None:
    with torch.device("meta"):
        network = ConvTasNet(ConvTasNetSettings(**dict(zip(NAMES, row, strict=True)), outputs=2))
    assert round(parameter_count(network) / 1e6, 1) == TABLE_II[row][0]


def without_norms(settings: ConvTasNetSettings) -> ConvTasNet:
    """A gLN lets every frame see all others: without it, what is seen is what the convolutions see."""
    network = ConvTasNet(settings).double()
    network.separator.norm = nn.Identity()
    for block in network.separator.blocks:
        block.widen[2] = block.after[1] = nn.Identity()
    return network


def seen(network: ConvTasNet, length: int, sample: int) -> tuple[int, int]:
    """First and last of `length` samples that the estimate at `sample` depends on."""
    waveform = torch.rand(1, 1, length, dtype=torch.float64, requires_grad=True)
    network(waveform)[0, 0, sample].backward()
    found = waveform.grad[0, 0].nonzero()
    return int(found[0]), int(found[-1])


@pytest.mark.parametrize("row", [row for row in TABLE_II if row[0] == 512 and row[6] * row[7] == 24])
def test_receptive_fields_are_those_of_the_table(row: tuple[int, ...]) -> None:
    values = dict(zip(NAMES, row, strict=True)) | {
        "filters": 3,
        "bottleneck": 2,
        "hidden": 2,
        "skip": 2,
        "mask": "relu",
    }
    network = without_norms(ConvTasNetSettings(**values))
    with torch.no_grad():
        for value in network.parameters():
            value.abs_()  # so that no ReLU cuts anything off
    first, last = seen(network, 40000, 20000)
    assert abs((last - first) / 8000 - TABLE_II[row][1]) < 0.015


def test_every_block_has_the_published_layers() -> None:
    network = ConvTasNet(ConvTasNetSettings())
    dilations = [block.depthwise.dilation[0] for block in network.separator.blocks]
    assert dilations == 3 * [1, 2, 4, 8, 16, 32, 64, 128]
    assert all(block.depthwise.groups == 512 for block in network.separator.blocks)
    frames = []
    network.encoder.register_forward_hook(lambda _, __, y: frames.append(y.shape))
    network.separator.blocks[0].register_forward_hook(lambda _, __, y: frames.extend(part.shape for part in y))
    with torch.no_grad():
        assert network(torch.randn(1, 1, 800)).shape == (1, 1, 800)
    assert frames == [(1, 512, 101), (1, 128, 101), (1, 128, 101)]


@torch.no_grad()
def test_a_causal_network_knows_no_later_frame() -> None:
    """A frame of L samples is seen as a whole: estimates L samples and more before a change stay, to the last bit."""
    network = ConvTasNet(ConvTasNetSettings(**CAUSAL)).eval()
    waveform = torch.randn(1, 1, 400)
    for change in (200, 201, 207):
        changed = waveform.clone()
        changed[..., change:] = torch.randn(400 - change)
        difference = (network(waveform) - network(changed))[0, 0].nonzero()
        assert change - 8 < int(difference[0]) <= change


@torch.no_grad()
def test_a_network_with_a_global_norm_knows_all() -> None:
    network = ConvTasNet(ConvTasNetSettings(**TINY)).eval()
    waveform = torch.randn(1, 1, 4000)
    changed = waveform.clone()
    changed[..., 3990:] *= 3
    assert (network(waveform)[..., :100] != network(changed)[..., :100]).any()


def test_the_cumulative_norm_is_the_formula_of_the_paper() -> None:
    norm = CumulativeNorm(5).double()
    x = 2 + torch.randn(2, 5, 40, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.uniform_(), norm.bias.uniform_()
        found = norm(x)
    for k in range(40):
        past = x[:, :, : k + 1]
        mean, deviation = past.mean(dim=(1, 2)), past.var(dim=(1, 2), correction=0).sqrt()
        expected = (x[:, :, k] - mean[:, None]) / deviation[:, None] * norm.weight[:, 0] + norm.bias[:, 0]
        torch.testing.assert_close(found[:, :, k], expected)


def test_the_global_norm_is_the_cumulative_one_at_the_end() -> None:
    x = torch.randn(2, 5, 40)
    torch.testing.assert_close(GlobalNorm(5)(x)[..., -1], CumulativeNorm(5)(x)[..., -1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{"mask": "relu"}, {"encoder": "linear"}, CAUSAL, {"outputs": 3}])
@pytest.mark.parametrize("length", [1, 7, 8, 9, 100])
@torch.no_grad()
def test_variants_give_estimates_of_any_length(options: dict[str, object], length: int) -> None:
    network = ConvTasNet(ConvTasNetSettings(**{**TINY, **options})).eval()
    estimates = network(torch.randn(2, 1, length))
    assert estimates.shape == (2, options.get("outputs", 1), length)
    assert torch.isfinite(estimates).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"causal": True}, "norm must be cumulative"),
        ({"kernel": 4}, "odd"),
        ({"length": 15}, "multiple of 2"),
        ({"mask": "softmax"}, "sigmoid"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_settings("conv_tasnet", given)
