"""Features of relative level: the recording's level is gone, silence is zero, slopes are finite."""

import torch

from soli.train.networks.levels import log_magnitude, relative_power


def test_the_level_of_an_item_is_gone_and_no_other_item_matters() -> None:
    spectrum = torch.randn(2, 2, 9, 7, dtype=torch.float64)
    scaled = spectrum * torch.tensor([1e-4, 30.0], dtype=torch.float64)[:, None, None, None]
    torch.testing.assert_close(relative_power(scaled), relative_power(spectrum))
    torch.testing.assert_close(log_magnitude(scaled), log_magnitude(spectrum))
    torch.testing.assert_close(relative_power(spectrum).mean(dim=(1, 2)), torch.ones(2, dtype=torch.float64))


def test_silence_is_zero_with_finite_slopes() -> None:
    spectrum = torch.zeros(1, 2, 9, 7, requires_grad=True)
    values = log_magnitude(spectrum)
    assert torch.equal(values, torch.zeros_like(values))
    values.sum().backward()
    assert torch.isfinite(spectrum.grad).all()


def test_log_magnitude_is_linear_below_the_knee_and_logarithmic_above() -> None:
    magnitude = torch.full((1, 2, 1, 1000), 0.0)
    magnitude[0, 0, 0] = 1.0  # the item's root mean square, but for three bins
    magnitude[0, 0, 0, :3] = torch.tensor([1e-4, 2e-4, 10.0])
    low, twice, high = (log_magnitude(magnitude) / log_magnitude(magnitude)[..., 3:4])[0, 0, :3]
    assert abs(float(twice / low) - 2) < 0.05
    assert abs(float(high) - 1.5) < 0.02  # log(1000) / log(100)
