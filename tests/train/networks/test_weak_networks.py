"""Networks of sound events: published sizes, settings of the thesis, and masks through ONNX with every pooling."""

from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from soli.errors import UsageError
from soli.train.export import to_onnx
from soli.train.families import FAMILIES, read_settings
from soli.train.networks.weak_cnn import WeakCnn, WeakCnnSettings
from soli.train.work import macs, parameter_count

EVENTS = [name for name, row in FAMILIES.items() if row.kind == "events"]
SMALL = FAMILIES["weak_cnn"].presets["small"]


def network(name: str, preset: str, outputs: int = 3, **changes: Any) -> torch.nn.Module:
    row = FAMILIES[name]
    torch.manual_seed(0)
    return row.network(read_settings(name, {**row.presets[preset], "outputs": outputs, **changes})).eval()


def test_the_published_network_has_its_published_size() -> None:
    """Kong et al. 2018: 4 blocks of 2 convolutions of 3 x 3 in 32, 64, 128, 128 channels, 41 classes; 588 thousand."""
    widths = [1, 32, 64, 128, 128]
    blocks = sum(9 * a * b + 9 * b * b + 4 * b for a, b in pairwise(widths))
    assert parameter_count(network("weak_cnn", "paper", 41)) == blocks + 128 * 41 + 41
    assert round((blocks + 129 * 41) / 1000) == 588


def test_the_network_of_the_thesis_has_its_layers() -> None:
    """5 x 5 in 64, 64 and K maps, batch norm, LeakyReLU."""
    made = network("weak_cnn", "thesis", 16)
    assert parameter_count(made) == 25 * 64 + 2 * 64 + 25 * 64 * 64 + 2 * 64 + 25 * 64 * 16 + 16
    assert [tuple(m.kernel_size) for m in made.modules() if isinstance(m, torch.nn.Conv2d)] == [(5, 5)] * 3
    assert sum(isinstance(m, torch.nn.LeakyReLU) for m in made.modules()) == 2
    values = read_settings("weak_cnn", FAMILIES["weak_cnn"].presets["thesis"])
    assert (values.sample_rate, values.stft.n_fft, values.stft.hop, values.bands) == (16000, 1024, 512, 64)


def test_a_light_network_does_a_hundredth_of_the_work() -> None:
    clip = torch.randn(1, 2, 1025, 314)
    reference, light = (
        macs(network(name, preset, 10), clip) for name, preset in (("weak_cnn", "paper"), ("weak_crnn", "full"))
    )
    assert light < reference / 50


def spectrum(frames: int, items: int = 1) -> torch.Tensor:
    return torch.randn(items, 2, 129, frames, generator=torch.Generator().manual_seed(frames))


def check_onnx(made: torch.nn.Module) -> None:
    session = onnxruntime.InferenceSession(to_onnx(made, spectrum(33), kind="events"))
    for frames, items in ((14, 1), (107, 3)):
        inputs = spectrum(frames, items)
        with torch.no_grad():
            expected = made(inputs)
        found = session.run(["masks", "tags"], {"spectrum": inputs.numpy()})
        for output, wanted in zip(found, expected, strict=True):
            assert output.shape == wanted.shape
            assert np.linalg.norm(output - wanted.numpy()) < 1e-4 * np.linalg.norm(wanted.numpy())


@pytest.mark.parametrize(
    "kind", ["gmp", "gap", "gwrp", "adaptive_gwrp", "dense", "sorted_dense", "cnn", "rnn", "attention"]
)
@pytest.mark.parametrize("name", EVENTS)
def test_every_pooling_is_the_same_in_onnx_at_lengths_it_has_not_seen(name: str, kind: str) -> None:
    check_onnx(network(name, "small", pooling={"kind": kind, "r": 0.99}))


@pytest.mark.parametrize(
    "changes",
    [
        {"pool": [[2, 2], [2, 1]]},
        {"frequency_channel": True, "norm": False},
        {"output": "softmax", "activation": "leaky_relu", "dropout": 0.3},
        {"front_end": {"mel": {"bands": 32, "lowest_hz": 60.0, "scale": "htk"}, "compression": "pcen"}},
    ],
    ids=str,
)
def test_configured_blocks_give_masks_of_full_resolution(changes: dict[str, Any]) -> None:
    made = network("weak_cnn", "small", **changes)
    for frames in (1, 2, 7, 40):
        masks, tags = made(spectrum(frames, 2))
        assert masks.shape == (2, 3, 32, frames)
        assert tags.shape == (2, 3)
    if "output" in changes:
        torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 32, 40))
    check_onnx(made)


def test_blocks_that_average_hear_in_steps() -> None:
    made = network("weak_cnn", "small", pool=[[2, 4], [2, 1]], last_kernel=1)
    masks, _ = made(spectrum(40))
    assert torch.equal(masks[..., ::4], masks[..., 3::4])
    assert torch.equal(masks[:, :, ::4], masks[:, :, 3::4])


@torch.no_grad()
def test_a_frequency_channel_tells_bands_apart_that_sound_alike() -> None:
    """Under a mean of nothing at all, every band looks the same to a convolution, away from the edges."""
    flat = torch.zeros(1, 2, 129, 40)
    plain, told = (network("weak_cnn", "small", frequency_channel=each)(flat)[0][0, 0] for each in (False, True))
    assert float((plain[8:24] - plain[16]).abs().max()) < 1e-5
    assert float((told[8:24] - told[16]).abs().max()) > 1e-5


def test_the_baseline_says_the_same_of_every_band() -> None:
    masks, tags = network("weak_dnn", "small")(spectrum(50))
    assert torch.equal(masks, masks[:, :, :1].expand_as(masks))
    torch.testing.assert_close(tags, masks.mean(dim=(2, 3)))  # GAP


def test_the_light_network_pools_as_if_at_full_resolution() -> None:
    """Each value of the coarse masks stands for 2 x 2 of the full ones, so the same part of them is looked at."""
    made = network("weak_crnn", "small", pooling={"kind": "gwrp", "r": 0.999})
    masks, tags = made(spectrum(64))
    values = masks.flatten(2).sort(dim=-1, descending=True)[0]
    weights = 0.999 ** torch.arange(values.shape[-1])
    torch.testing.assert_close(tags, (values * weights).sum(dim=-1) / weights.sum(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("weak_cnn", {"kernel": 4}, "network: kernels of 4 and 1; wanted odd ones"),
        ("weak_cnn", {"pool": [[2, 2]]}, "pool for 1 of 2 blocks"),
        ("weak_cnn", {"pool": [[2, 0], [1, 1]]}, "wanted whole numbers from 1 on"),
        ("weak_cnn", {"output": "softmax", "outputs": 1}, "softmax over one class"),
        ("weak_cnn", {"pooling": {"kind": "max"}}, "network.pooling.kind"),
        ("weak_crnn", {"mask_level": 4}, "mask_level 4 of 3 levels"),
        ("weak_crnn", {"channels": [4] * 6}, "32 mel bands are halved 6 times"),
        ("weak_dnn", {"front_end": {"mel": {"bands": 300}}}, "mel bands would hold no bin"),
    ],
)
def test_settings_that_make_no_sense_are_named(name: str, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_settings(name, {**FAMILIES[name].presets["small"], "outputs": 3, **wrong})


def test_one_class_is_a_network_too() -> None:
    made = WeakCnn(WeakCnnSettings.model_validate({**SMALL, "outputs": 1}))
    masks, tags = made(spectrum(5))
    assert masks.shape == (1, 1, 32, 5)
    assert tags.shape == (1, 1)
