"""Wave-U-Net, after Stoller, Ewert and Dixon (2018, "Wave-U-Net: a multi-scale neural network for end-to-end audio
source separation").

A U-Net on the waveform: on the way down a convolution and then every second sample, on the way up a linear
interpolation between samples, the opposite number's output beside it, and a convolution; last a convolution of kernel 1
over that and the waveform itself. The preset `paper` is theirs: 12 levels, 24 channels more at each, kernels of 15 down
and 5 up, leaky ReLU 0.2; 10.3 million parameters for one estimated source of one channel.

Two of the paper's variants are part of the network. "Context": no convolution pads, the network takes more samples than
it gives, and skips are cropped to what is left of them; 147443 samples give 16389. Here `forward` adds the missing
context as silence, so that output and input have one length, and `reach` says how much of its surroundings a chunk
needs to be separated as the whole recording is. "Difference": the last source is the mixture minus the others; with
`rest` a run leaves just that source to be computed so, from one output fewer.

Differences from the paper: no biases and no tanh at the end. So estimates scale with the mixture, silence stays
silence, and no level is measured, for which the network would have to hear the whole recording. Weights start with a
variance that keeps the signal's through all levels (He et al. 2015), which without biases nothing else would.
"""

from itertools import pairwise

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.reach import Reach

_SLOPE = 0.2


class WaveUNetSettings(BaseModel):
    """What makes one Wave-U-Net differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = 8000
    outputs: int = 1
    levels: int = Field(12, gt=0)
    channels: int = Field(24, gt=0, description="by how many each level has more than the one above it")
    down_kernel: int = Field(15, gt=0)
    up_kernel: int = Field(5, gt=0)

    @model_validator(mode="after")
    def _kernels_have_a_middle(self) -> "WaveUNetSettings":
        if self.down_kernel % 2 == 0 or self.up_kernel % 2 == 0:
            raise ValueError(f"kernels of {self.down_kernel} and {self.up_kernel} samples: both must be odd")
        return self

    @property
    def hop(self) -> int:
        """Samples that the lowest level advances by: where cuts fall on the same samples of every level."""
        return 2**self.levels

    @property
    def missing(self) -> int:
        """k where m samples of the lowest level, after its convolution, give hop x m - k of the output."""
        return self.up_kernel * (self.hop - 1)

    @property
    def context(self) -> int:
        """Samples that the valid convolutions take away on either side."""
        return (self.hop * (self.down_kernel - 1) + (self.down_kernel - 2 + self.up_kernel) * (self.hop - 1)) // 2


def reach(settings: WaveUNetSettings) -> Reach:
    """What an estimate depends on: the context, and up to a step of the lowest level's samples, which it may share."""
    side = settings.context + settings.hop - 1
    return Reach(past=side, future=side, hop=settings.hop)


class WaveUNet(nn.Module):
    """Waveform (B, 1, T) to estimates (B, S, T)."""

    def __init__(self, settings: WaveUNetSettings) -> None:
        super().__init__()
        self.settings = settings
        widths = [1, *(settings.channels * level for level in range(1, settings.levels + 2))]
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(_convolution(*pair, settings.down_kernel) for pair in pairs[:-1])
        self.lowest = _convolution(*pairs[-1], settings.down_kernel)
        self.up = nn.ModuleList(
            _convolution(above + below, above, settings.up_kernel) for above, below in reversed(pairs[1:])
        )
        self.last = nn.Conv1d(widths[1] + 1, settings.outputs, 1, bias=False)

    def forward(self, waveform: Tensor) -> Tensor:
        length = waveform.shape[-1]
        context = self.settings.context
        more = (-(length + self.settings.missing)) % self.settings.hop
        padded = functional.pad(waveform, (context, context + more))
        return self.valid(padded)[..., :length]

    def valid(self, waveform: Tensor) -> Tensor:
        """A waveform (B, 1, T + 2 context) of a length that halves at every level, to estimates (B, S, T)."""
        x, skips = waveform, []
        for layer in self.down:
            x = functional.leaky_relu(layer(x), _SLOPE)
            skips.append(x)
            x = x[..., ::2]
        x = functional.leaky_relu(self.lowest(x), _SLOPE)
        crop = (self.settings.down_kernel - 1) // 2
        for layer in self.up:
            # What the levels below took away on either side, in samples of this level.
            crop = 2 * crop
            x = torch.cat([_cropped(skips.pop(), crop), _interpolated(x)], dim=1)
            x = functional.leaky_relu(layer(x), _SLOPE)
            crop += (self.settings.up_kernel - 1) // 2 + (self.settings.down_kernel - 1) // 2
        return self.last(torch.cat([_cropped(waveform, self.settings.context), x], dim=1))


def _convolution(channels: int, wider: int, kernel: int) -> nn.Conv1d:
    layer = nn.Conv1d(channels, wider, kernel, bias=False)
    nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
    return layer


def _interpolated(x: Tensor) -> Tensor:
    """(B, D, n) to (B, D, 2 n - 1): between every two samples their mean."""
    between = (x[..., :-1] + x[..., 1:]) / 2
    pairs = torch.stack([x[..., :-1], between], dim=-1).flatten(2)  # (B, D, 2 n - 2)
    return torch.cat([pairs, x[..., -1:]], dim=-1)


def _cropped(x: Tensor, crop: int) -> Tensor:
    """(B, D, n) without `crop` samples on either side."""
    return x[..., crop:-crop] if crop else x
