"""Signal-to-noise losses in dB, on waveforms (B, S, T) or complex spectra (B, S, F, N). A value an item, (B,)."""

import torch
from torch import Tensor

_TINY = 1e-12
# Estimates this far below their target are silence: 200 dB.
_MUTE = 1e-20
# Of silence, and of what has nothing in common with the target, the SI-SDR is minus infinity; the loss has 80 dB.
_WORST = 1e-8
# Stands in for a signal of nothing at all, where target and estimate are both silent.
_ZERO = 1e-30


def soft_snr(estimate: Tensor, target: Tensor, *, mixture: Tensor, floor_db: float = -40.0) -> Tensor:
    """Energy of the error relative to the mixture, in dB, that stops rewarding below `floor_db`.

    For one target this is minus the SNR up to a constant; unlike the SNR it is defined for silent targets (items of
    noise alone) and does not let nearly perfect items rule the sum. Source: Wisdom et al. 2021, "What's all the fuss
    about free universal sound separation data?", eq. 2. `mixture` is (B, ...) without the source axis.
    """
    error = _energy(estimate - target).mean(dim=1)
    return 10 * torch.log10(error / (_energy(mixture[:, None])[:, 0] + _TINY) + 10 ** (floor_db / 10))


def negative_si_sdr(estimate: Tensor, target: Tensor, *, mixture: Tensor, floor_db: float = -40.0) -> Tensor:
    """Minus the scale-invariant SDR, limited at -`floor_db`, averaged over sources that are not silent.

    Waveforms (B, S, T), mean-centred (Le Roux et al. 2019, eq. 1). An item with no audible target gives 0. An estimate
    without anything of its target costs 80 dB, which silence does too: error and signal both vanish there, and each is
    given a floor by the target's energy, the error the higher one.
    """
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    target = target - target.mean(dim=-1, keepdim=True)
    energy = _energy(target)
    scaled = ((estimate * target).sum(dim=-1) / (energy + _TINY))[..., None] * target
    floor = _MUTE * energy
    error = _energy(estimate - scaled) + floor
    signal = _energy(scaled) + _WORST * (_energy(estimate) + floor)
    ratio = error / signal.clamp(min=_ZERO)
    value = 10 * torch.log10(ratio + 10 ** (floor_db / 10))
    # 60 dB under the mixture counts as silent: the ratio would only measure rounding.
    audible = (energy > 1e-6 * _energy(mixture[:, None])).to(value.dtype)
    return (value * audible).sum(dim=1) / audible.sum(dim=1).clamp(min=1)


def _energy(x: Tensor) -> Tensor:
    """Sum of squared magnitudes over all axes behind the source axis: (B, S, ...) to (B, S)."""
    if x.is_complex():
        x = torch.view_as_real(x)
    return x.square().flatten(2).sum(dim=-1)
