"""What mask networks see of a spectrum: magnitudes in relation to the recording's own level."""

from torch import Tensor

# Added to mean powers: far below the power of any recording, and enough that silence is divided by something.
_TINY = 1e-20


def relative_power(spectrum: Tensor) -> Tensor:
    """Spectrum (B, 2, F, N) to powers (B, F, N) in units of each item's mean power; an item of silence gives zeros."""
    power = spectrum.square().sum(dim=1)  # (B, F, N)
    return power / (power.mean(dim=(1, 2), keepdim=True) + _TINY)


def log_magnitude(spectrum: Tensor, *, knee: float = 1e-2) -> Tensor:
    """Spectrum (B, 2, F, N) to log(1 + |X| / knee), (B, F, N), with |X| in units of each item's root mean square.

    Linear below the knee (at the default 40 dB under the item's level), logarithmic above it, and 0 for silence.
    """
    # A bin of exact zeros has no slope of its root: 80 dB below the knee the value is bent to have one.
    magnitude = (relative_power(spectrum) + (1e-4 * knee) ** 2).sqrt() - 1e-4 * knee
    return (magnitude / knee).log1p()
