"""Masks drawn from pitches: any size, masks that share, combs at a pitch's partials, pitches that can be learnt."""

import math

import pytest
import torch

from soli.train.networks.pitch_mask import PitchMask, PitchMaskSettings, interpolation, moved, partial_matrices
from soli.types import StftSettings

TINY = PitchMaskSettings(
    sample_rate=8000,
    stft=StftSettings(n_fft=512, hop=128),
    lowest_hz=80,
    highest_hz=4000,
    highest_pitch_hz=500,
    per_octave=12,
    multiples=(0.5, 2.0, 3.0),
    partials=5,
    channels=4,
    hidden=6,
    layers=1,
    drawing_channels=4,
)


@pytest.mark.parametrize("frames", [1, 7, 33])
@torch.no_grad()
def test_masks_of_several_sources_sum_to_one(frames: int) -> None:
    masks = PitchMask(TINY).eval()(torch.randn(2, 2, 257, frames))
    assert masks.shape == (2, 4, 1, 257, frames)
    assert masks.min() > 0
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 1, 257, frames))


@torch.no_grad()
def test_parts_are_masks_of_bands_and_scores_of_pitches_and_of_none() -> None:
    heard = PitchMask(TINY).eval()(torch.randn(2, 2, 257, 9), True)
    assert TINY.pitches == 30  # of 31.7 bands to 500 Hz, in whole groups of three
    assert heard.masks.shape == (2, 4, len(TINY.centres), 9)
    assert heard.pitches.shape == (2, 4, 31, 9)


@torch.no_grad()
def test_the_level_of_the_recording_does_not_matter() -> None:
    network = PitchMask(TINY).eval()
    spectrum = torch.randn(1, 2, 257, 20)
    torch.testing.assert_close(network(1e-3 * spectrum), network(spectrum), rtol=1e-3, atol=1e-4)


def test_a_band_sees_what_is_an_octave_away() -> None:
    picture = torch.zeros(1, 1, 40, 2)
    picture[:, :, 20] = 1
    steps = [TINY.steps(multiple) for multiple in TINY.multiples]
    assert steps == [-12, 12, 19]
    for by in steps:
        found = moved(picture, by)
        assert found.shape == picture.shape
        assert found[0, 0, :, 0].nonzero().flatten().tolist() == [20 - by]
    assert not moved(picture, 21).any()


def test_a_comb_has_its_partials_where_multiples_of_the_pitch_lie() -> None:
    matrices = partial_matrices(TINY)
    assert matrices.shape == (5, len(TINY.centres), TINY.pitches)
    for pitch in (0, 11, 29):
        for index in range(5):
            hit = matrices[index, :, pitch].nonzero().flatten().tolist()
            wanted = TINY.centres[pitch] * (index + 1)
            if wanted > TINY.centres[-1] * 1.03:
                assert hit == []
            else:
                assert abs(12 * math.log2(TINY.centres[hit[0]] / wanted)) <= 0.5
                assert len(hit) == 1


def test_a_source_is_drawn_at_the_partials_of_its_pitch() -> None:
    """Before anything is learnt, too: pitches alone decide which bands a source gets."""
    network = PitchMask(TINY).eval()
    torch.nn.init.zeros_(network.draw.last.weight)
    pitches = torch.full((1, 4, 31, 5), -20.0)
    pitches[:, 0, 4], pitches[:, 1, 6], pitches[:, 2:, 30] = 20, 20, 20  # the last two play nothing
    bands, found = torch.zeros(1, 1, len(TINY.centres), 5), torch.zeros(1, 4, len(TINY.centres), 5)
    with torch.no_grad():
        masks = network.draw(bands, found, pitches).softmax(dim=1)[0, :, :, 2]
    for source, pitch in ((0, 4), (1, 6)):
        own = [pitch + by for by in TINY.partial_steps]
        assert (masks[source, own] > 0.8).all()
    assert (masks[2:].mean(dim=1) < 0.25).all()


def test_interpolation_goes_through_the_middles_of_groups() -> None:
    matrix = interpolation(4, 3)
    values = matrix @ torch.tensor([0.0, 3.0, 6.0, 0.0])
    assert matrix.shape == (12, 4)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(12))
    torch.testing.assert_close(values[1::3], torch.tensor([0.0, 3.0, 6.0, 0.0]))
    torch.testing.assert_close(values[1:5], torch.tensor([0.0, 1.0, 2.0, 3.0]))


@torch.no_grad()
def test_the_gate_is_for_use_alone() -> None:
    network = PitchMask(TINY.model_copy(update={"gate_db": -6.0}))
    spectrum = torch.randn(1, 2, 257, 16)
    network.draw.last.bias[0] += 9  # one source has nearly everything
    assert (network.eval()(spectrum)[:, 1:] == 0).all()
    assert (network.train()(spectrum) > 0).all()
