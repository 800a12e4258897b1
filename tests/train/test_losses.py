"""Losses against values that can be worked out by hand, and the torch twins against the numpy originals."""

import math

import numpy as np
import pytest
import torch

from soli.dsp import stft as numpy_stft
from soli.train import features
from soli.train.losses.ratio import negative_si_sdr, soft_snr
from soli.train.losses.spectral import compressed_magnitude, l1_magnitude
from soli.train.run import OptimSettings
from soli.types import StftSettings


@pytest.mark.parametrize("window", ["sqrt_hann", "hann", "hamming"])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (1536, 768), (256, 64)])
@pytest.mark.parametrize("length", [1, 300, 5000])
def test_twins_agree(n_fft: int, hop: int, window: str, length: int) -> None:
    settings = StftSettings(n_fft=n_fft, hop=hop, window=window)  # type: ignore[arg-type]
    audio = np.random.default_rng(1).standard_normal((2, length)).astype(np.float32)
    ours = features.stft(torch.from_numpy(audio), settings)
    theirs = numpy_stft.stft(audio, settings)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-4)
    back = features.istft(ours, settings, length)
    np.testing.assert_allclose(back.numpy(), numpy_stft.istft(theirs, settings, length), atol=1e-5)
    np.testing.assert_allclose(back.numpy(), audio, atol=1e-5)


def sources(items: int = 3, samples: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(items, 2, samples, generator=generator)
    return target, target.sum(dim=1)


def test_soft_snr_is_the_error_relative_to_the_mixture() -> None:
    target, mixture = sources()
    wrong = target * 0.9  # the error is a tenth of the target
    expected = 10 * torch.log10((0.01 * target.square().sum(-1)).mean(1) / mixture.square().sum(-1) + 1e-4)
    torch.testing.assert_close(soft_snr(wrong, target, mixture=mixture), expected)


def test_soft_snr_stops_at_its_floor() -> None:
    target, mixture = sources()
    torch.testing.assert_close(soft_snr(target, target, mixture=mixture), torch.full((3,), -40.0))


def test_si_sdr_loss_ignores_gain_and_gives_the_ratio() -> None:
    time = torch.arange(8000) / 8000
    target = torch.sin(2 * math.pi * 100 * time)[None, None]
    noise = 0.1 * torch.sin(2 * math.pi * 200 * time)[None, None]  # orthogonal, 20 dB below
    for gain in (0.01, 1.0, 7.0):
        value = negative_si_sdr(gain * (target + noise), target, mixture=target[:, 0])
        assert value.item() == pytest.approx(-20, abs=0.05)


def test_silent_targets_give_no_si_sdr_and_no_nan() -> None:
    _, mixture = sources()
    estimate = torch.randn(3, 1, 4000, requires_grad=True)
    value = negative_si_sdr(estimate, torch.zeros(3, 1, 4000), mixture=mixture)
    value.sum().backward()
    assert torch.equal(value.detach(), torch.zeros(3))
    assert torch.isfinite(estimate.grad).all()


@pytest.mark.parametrize("loss", [l1_magnitude, compressed_magnitude])
def test_spectral_losses_do_not_see_the_level_and_vanish_at_the_target(loss: object) -> None:
    target, mixture = sources()
    settings = StftSettings(n_fft=256, hop=128)
    spectra, mixed = features.stft(target, settings), features.stft(mixture, settings)
    estimate = 0.5 * spectra
    quiet = loss(0.01 * estimate, 0.01 * spectra, mixture=0.01 * mixed)
    torch.testing.assert_close(loss(estimate, spectra, mixture=mixed), quiet, rtol=1e-3, atol=0)
    assert loss(spectra, spectra, mixture=mixed).max() == 0
    assert (quiet > 0).all()


def test_gradients_stay_finite_in_silence() -> None:
    spectrum = torch.zeros(1, 1, 9, 4, dtype=torch.complex64, requires_grad=True)
    total = sum(
        loss(spectrum, torch.zeros_like(spectrum), mixture=torch.zeros(1, 9, 4, dtype=torch.complex64)).sum()
        for loss in (compressed_magnitude, l1_magnitude, soft_snr)
    )
    total.backward()
    assert torch.isfinite(torch.view_as_real(spectrum.grad)).all()


def test_the_rate_rises_holds_and_falls_to_nothing() -> None:
    from soli.train.loop import learning_rate

    optim = OptimSettings(lr=1.0, steps=100, warmup=9, descent=0.5)
    rates = [learning_rate(step, optim) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[20] == rates[49] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.03
