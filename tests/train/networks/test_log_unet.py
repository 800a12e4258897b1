"""The U-Net on logarithmic frequency: any size, masks that share, transposition as a shift, a gate for the absent."""

import pytest
import torch

from soli.train.networks.log_unet import LogUNet, LogUNetSettings, gated, moved
from soli.types import StftSettings

TINY = LogUNetSettings(
    sample_rate=8000,
    stft=StftSettings(n_fft=512, hop=128),
    highest_hz=4000,
    per_octave=12,
    levels=3,
    time_levels=2,
    channels=4,
    most_channels=8,
    hidden=6,
)


WIDE = TINY.model_copy(update={"harmonics": (0.5, 2.0, 3.0), "across": 2})


@pytest.mark.parametrize("settings", [TINY, WIDE])
@pytest.mark.parametrize("frames", [1, 7, 8, 33])
@torch.no_grad()
def test_masks_of_several_sources_sum_to_one(frames: int, settings: LogUNetSettings) -> None:
    masks = LogUNet(settings).eval()(torch.randn(2, 2, 257, frames))
    assert masks.shape == (2, 4, 1, 257, frames)
    assert masks.min() > 0
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 1, 257, frames))


@torch.no_grad()
def test_the_level_of_the_recording_does_not_matter() -> None:
    network = LogUNet(TINY).eval()
    spectrum = torch.randn(1, 2, 257, 20)
    torch.testing.assert_close(network(1e-3 * spectrum), network(spectrum), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_shift_by_a_step_of_the_lowest_level_shifts_the_scores() -> None:
    network = LogUNet(TINY.model_copy(update={"hidden": 0})).eval()
    picture = torch.zeros(1, 1, 128, 16)
    picture[:, :, 60:68] = torch.rand(1, 1, 8, 16)
    shifted = picture.roll(8, dims=2)
    torch.testing.assert_close(
        network.scores(shifted)[:, :, 48:96], network.scores(picture)[:, :, 40:88], rtol=1e-3, atol=1e-4
    )


def test_a_band_sees_what_is_an_octave_away() -> None:
    picture = torch.zeros(1, 1, 40, 2)
    picture[:, :, 20] = 1
    assert WIDE.shifts == [-12, 12, 19]
    for by in WIDE.shifts:
        found = moved(picture, by)
        assert found.shape == picture.shape
        assert found[0, 0, :, 0].nonzero().flatten().tolist() == [20 - by]
    assert not moved(picture, 21).any()


@torch.no_grad()
def test_looking_across_reaches_every_band() -> None:
    torch.manual_seed(0)
    near, far = (
        LogUNet(TINY.model_copy(update={"hidden": 0, "levels": 1, "time_levels": 1, "across": across})).eval()
        for across in (0, 1)
    )
    for network, reached in ((near, False), (far, True)):
        pictures = torch.zeros(2, 1, network.padded, 4)
        pictures[1, :, 0] = 5
        plain, with_a_tone = network.scores(pictures)
        assert bool((plain[:, -8:] != with_a_tone[:, -8:]).any()) is reached


def test_an_absent_source_is_silenced_and_its_part_given_to_the_others() -> None:
    spectrum = torch.randn(1, 2, 9, 11)
    masks = torch.tensor([0.6, 0.39, 0.01])[None, :, None, None].expand(1, 3, 9, 11)
    found = gated(masks, spectrum, gate_db=-30, reach=3)
    assert (found[:, 2] == 0).all()  # -40 dB
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 9, 11))
    torch.testing.assert_close(found[0, 0] / found[0, 1], torch.full((9, 11), 0.6 / 0.39))
    torch.testing.assert_close(gated(masks, spectrum, gate_db=-60, reach=3), masks)
    torch.testing.assert_close(gated(masks, 0 * spectrum, gate_db=-30, reach=3), masks)


def test_a_gate_opens_for_an_entry_wherever_the_recording_is_cut() -> None:
    """A source that enters in the last frames, far below a thousandth of all the energy, is heard in any part."""
    masks = torch.full((1, 2, 9, 400), 1e-4)
    masks[:, 0, :, -8:] = 0.25
    masks[:, 1] = 1 - masks[:, 0]
    spectrum = torch.ones(1, 2, 9, 400)
    whole = gated(masks, spectrum, gate_db=-30, reach=30)
    part = gated(masks[..., -100:], spectrum[..., -100:], gate_db=-30, reach=30)
    torch.testing.assert_close(whole[..., -60:], part[..., -60:])
    torch.testing.assert_close(whole[0, 0, :, -8:], masks[0, 0, :, -8:])
    assert (whole[0, 0, :, :340] == 0).all()


@torch.no_grad()
def test_the_gate_is_for_use_alone() -> None:
    network = LogUNet(TINY.model_copy(update={"gate_db": -6.0}))
    spectrum = torch.randn(1, 2, 257, 16)
    network.last.bias[0] += 9  # one source has nearly everything
    assert (network.eval()(spectrum)[:, 1:] == 0).all()
    assert (network.train()(spectrum) > 0).all()
