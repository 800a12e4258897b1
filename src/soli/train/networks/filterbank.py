"""Cosines as the first weights of a learnt encoder and decoder, so that training starts from a spectrum.

With random weights an encoder and its decoder have to become each other's inverse, and frequencies have to be found,
before any mask is worth learning: most of a short training passes with that. Ditter and Gerkmann (2020, "A multi-phase
gammatone filterbank for speech separation via TasNet") found a fixed bank of band-passes in several phases to separate
as well as learnt weights; here it is where learning starts.
"""

import torch
from torch import Tensor


def filterbank(filters: int, length: int) -> tuple[Tensor, Tensor]:
    """Weights of an encoder with a ReLU and of a decoder that undoes it: analysis and synthesis, both (N, L), N even.

    Cosines and sines at frequencies evenly spaced up to half the sample rate, each also with the other sign, for what a
    ReLU takes away. `synthesis.T @ relu(analysis @ x)` is x where N >= 2 L, and its projection on the bank otherwise.
    """
    waves = filters // 2
    count = -(-waves // 2)
    frequencies = (torch.arange(count) + 0.5) * torch.pi / count
    phases = frequencies[:, None] * (torch.arange(length) - (length - 1) / 2)
    bank = torch.stack([phases.cos(), phases.sin()], dim=1).flatten(0, 1)[:waves]  # (N / 2, L)
    bank = bank / bank.norm(dim=1, keepdim=True)
    inverse = torch.linalg.pinv(bank).T  # (N / 2, L)
    return torch.cat([bank, -bank]), torch.cat([inverse, -inverse])


def fades(length: int) -> Tensor:
    """Weights (L,) at both ends of frames that advance by L / 2: applied twice, the frames sum to what they are of."""
    return (torch.pi * (torch.arange(length) + 0.5) / length).sin()
