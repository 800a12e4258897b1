"""Losses on bands: the same error as in bins, pitches that are those of the tones, labels that are distributions."""

import numpy as np
import pytest
import torch

from soli.dsp.logfreq import from_log_bands, log_band_centres
from soli.train import features
from soli.train.losses.pitch import band_snr, bands_of, pitch_entropy, pitches_of, smooth
from soli.train.losses.ratio import soft_snr
from soli.types import StftSettings

RATE, LOWEST, PER_OCTAVE = 16000, 80.0, 36
STFT = StftSettings(n_fft=4096, hop=1024, window="hann")
CENTRES = log_band_centres(lowest_hz=LOWEST, highest_hz=7000, per_octave=PER_OCTAVE)
FROM_BANDS = torch.from_numpy(from_log_bands(STFT, sample_rate=RATE, centres_hz=CENTRES))
STEPS = [round(PER_OCTAVE * np.log2(h)) for h in range(1, 13)]
COUNT = 120


def tone(pitch_hz: float, *, fading: float = 0.6, seconds: float = 2.0) -> torch.Tensor:
    time_s = np.arange(round(seconds * RATE)) / RATE
    partials = [fading**h * np.sin(2 * np.pi * pitch_hz * (h + 1) * time_s + h * h) for h in range(12)]
    return torch.tensor(sum(partials), dtype=torch.float32)


def spectra(*sources: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mixture (1, F, N) and targets (1, S, F, N)."""
    targets = features.stft(torch.stack(sources)[None], STFT)
    return targets.sum(dim=1), targets


def band(pitch_hz: float) -> int:
    return round(PER_OCTAVE * np.log2(pitch_hz / LOWEST))


def test_the_error_of_bands_is_an_upper_bound_of_that_of_bins_and_near_it() -> None:
    torch.manual_seed(0)
    mixture, targets = spectra(tone(220), tone(311))
    masks = torch.rand(1, 2, len(CENTRES), mixture.shape[-1])
    estimate = (FROM_BANDS @ masks) * mixture[:, None]
    bound = band_snr(masks, bands_of(mixture, targets, FROM_BANDS))
    exact = soft_snr(estimate, targets, mixture=mixture)
    assert exact <= bound + 0.01
    held = band_snr(torch.full_like(masks, 0.5), bands_of(mixture, targets, FROM_BANDS))
    torch.testing.assert_close(held, soft_snr(0.5 * targets * 0 + 0.5 * mixture[:, None], targets, mixture=mixture))


@pytest.mark.parametrize("pitch_hz", [87.3, 110.0, 233.1, 440.0, 740.0])
@pytest.mark.parametrize("fading", [0.3, 0.8])
def test_a_tone_has_its_own_pitch(pitch_hz: float, fading: float) -> None:
    mixture, targets = spectra(tone(pitch_hz, fading=fading), torch.zeros(2 * RATE))
    found = pitches_of(bands_of(mixture, targets, FROM_BANDS), count=COUNT, steps=STEPS)
    inner = found[0, :, 3:-3]
    assert (inner[0] - band(pitch_hz)).abs().max() <= 1
    assert (inner[1] == COUNT).all(), "silence has no pitch"


def test_a_clarinet_without_even_partials_has_its_own_pitch() -> None:
    time_s = np.arange(2 * RATE) / RATE
    odd = sum(0.8**h * np.sin(2 * np.pi * 196 * h * time_s) for h in range(1, 12, 2))
    mixture, targets = spectra(torch.tensor(odd, dtype=torch.float32))
    found = pitches_of(bands_of(mixture, targets, FROM_BANDS), count=COUNT, steps=STEPS)
    assert (found[0, 0, 3:-3] - band(196)).abs().max() <= 1


def test_labels_are_distributions() -> None:
    pitches = torch.tensor([[[0, 5, COUNT - 1, COUNT]]])
    labels = smooth(pitches, count=COUNT)
    assert labels.shape == (1, 1, COUNT + 1, 4)
    torch.testing.assert_close(labels.sum(dim=2), torch.ones(1, 1, 4))
    assert labels[0, 0, 4:7, 1].tolist() == pytest.approx([0.2, 0.6, 0.2])
    assert labels[0, 0, COUNT, 3] == 1
    assert labels[0, 0, COUNT, 2] == 0, "none is no neighbour of the highest pitch"


def test_knowing_the_pitch_costs_least() -> None:
    bands = bands_of(*spectra(tone(220), tone(330)), FROM_BANDS)
    pitches = pitches_of(bands, count=COUNT, steps=STEPS)
    knowing = smooth(pitches, count=COUNT).clamp(min=1e-9).log()
    octave_off = knowing.roll(PER_OCTAVE, dims=2)
    values = [float(pitch_entropy(x, bands, steps=STEPS)) for x in (knowing, torch.zeros_like(knowing), octave_off)]
    assert values[0] < 1.0 < np.log(COUNT + 1) == pytest.approx(values[1], abs=1e-4)
    assert values[2] > values[1]
