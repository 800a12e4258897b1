"""Mixture consistency: estimates that sum to the mixture, whatever the network inside gives."""

import torch
from torch import Tensor, nn


class Consistent(nn.Module):
    """Adds to each estimate an equal share of what the estimates leave of the mixture: x_s + (mixture - sum x) / S.

    The orthogonal projection onto the estimates that sum to the mixture. Source: Wisdom et al. 2019, "Differentiable
    consistency constraints for improved deep speech enhancement", equation 10 with equal weights. Waveforms: (B, 1, T)
    to (B, S, T). Masks (B, S, M, F, N) are projected onto those that sum to one, which is the same for the spectra that
    they give.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        # The number one as a mask has it: real part and imaginary part.
        self.register_buffer("one", torch.tensor([1.0, 0.0]).reshape(1, 1, 2, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        estimates = self.network(x)  # (B, S, T) or (B, S, M, F, N)
        whole = x if x.ndim == 3 else self.one[:, :, : estimates.shape[2]]
        return estimates + (whole - estimates.sum(dim=1, keepdim=True)) / estimates.shape[1]
