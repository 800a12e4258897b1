"""A gate for sources that do not play: what a network gives them out of doubt goes to those that do.

Masks that share every bin leave an absent source what the others leave uncertain. A source whose part of the energy
around a frame is below a threshold is taken for absent there. At use only: a closed gate teaches nothing.
"""

import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-20
_OPENING_DB = 6.0


def gated(masks: Tensor, spectrum: Tensor, *, gate_db: float, reach: int) -> Tensor:
    """Masks (B, S, F, N) of a spectrum (B, 2, F, N) without those of absent sources; sums over sources stay.

    A frame's gates weigh the energies of `reach` frames on either side, so that they do not depend on how a recording
    is cut, and open from `gate_db` to 6 dB above it. Where all are shut (silence), all stay as they are.
    """
    power = spectrum.square().sum(dim=1, keepdim=True)  # (B, 1, F, N)
    part = _around((masks.square() * power).sum(dim=2), reach) / (_around(power.sum(dim=2), reach) + _TINY)  # (B, S, N)
    opening = ((10 * (part + _TINY).log10() - gate_db) / _OPENING_DB).clamp(0, 1)
    opening = torch.where(opening.sum(dim=1, keepdim=True) > 0, opening, 1.0)[:, :, None]  # (B, S, 1, N)
    left = masks * opening
    total = left.sum(dim=1, keepdim=True)
    return left * (masks.sum(dim=1, keepdim=True) / total.clamp(min=_TINY))


def _around(x: Tensor, reach: int) -> Tensor:
    """Means (B, S, N) over `reach` frames on either side, with zeros beyond the ends."""
    return functional.avg_pool1d(x, 2 * reach + 1, stride=1, padding=reach)
