"""Losses between spectra. Each takes estimate and target (B, S, F, N) complex and gives a value an item, (B,)."""

from torch import Tensor


def l1_magnitude(estimate: Tensor, target: Tensor, *, mixture: Tensor) -> Tensor:
    """Mean absolute difference of magnitudes (Jansson et al. 2017, eq. 2), over the mixture's mean magnitude.

    The division makes quiet and loud items count alike; `mixture` is (B, F, N).
    """
    difference = (estimate.abs() - target.abs()).abs().mean(dim=(1, 2, 3))
    return difference / (mixture.abs().mean(dim=(1, 2)) + _TINY)


def compressed_magnitude(estimate: Tensor, target: Tensor, *, mixture: Tensor, power: float = 0.3) -> Tensor:
    """Mean squared difference of magnitudes raised to `power`, which weighs quiet bins as the ear does.

    Magnitudes are taken relative to the mixture's root mean square over all bins, so that the level of the recording
    does not matter; `mixture` is (B, F, N). Source: Ephrat et al. 2018, "Looking to listen", section 4.
    """
    level = _power(mixture).mean(dim=(1, 2))[:, None, None, None] + _TINY
    # The root's slope is infinite at zero: the floor (60 dB under the mixture) keeps gradients finite.
    compressed = [(_power(x) / level + 1e-6) ** (power / 2) for x in (estimate, target)]
    return (compressed[0] - compressed[1]).square().mean(dim=(1, 2, 3))


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


_TINY = 1e-12
