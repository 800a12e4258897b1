"""U-Net mask network, after Jansson et al. (2017, "Singing voice separation with deep U-Net convolutional networks").

The spectrogram is a picture: `levels` convolutions of 5 x 5 halve it in frequency and in time and double its channels,
as many transposed convolutions bring it back, each also given the output of its opposite number. A sigmoid makes masks.

The paper: 8192 Hz, STFT 1024/768, patches of 512 bins x 128 frames, 6 levels of 16 to 512 channels, batch norm, leaky
ReLU 0.2, dropout 0.5 after the first three transposed convolutions; 9.8 million parameters for one source. The preset
`paper` has these settings.

Differences from the paper: a hop of half a window, as the network's masks are applied to frames that are added up again
and 768 of 1024 leaves samples that hardly any window sees. Magnitudes enter as logarithms over the item's own level, so
that a quiet recording is separated as a loud one; linear ones, which the paper scales by their maximum, leave the mask
near one half. Any number of bins and frames: they are padded with silence to what can be halved `levels`
times. As in the paper the topmost bin, at half the sample rate, is not looked at; it gets its neighbour's mask.
"""

from itertools import pairwise

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.levels import log_magnitude
from soli.types import StftSettings

_KERNEL = 5
_SLOPE = 0.2
_DROPPED = 3  # transposed convolutions with dropout, from the lowest on


class UNetSettings(BaseModel):
    """What makes one U-Net differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=1024, hop=512)
    sample_rate: int = 8192
    outputs: int = 1
    channels: int = Field(16, gt=0, description="of the first convolution; each further one has twice as many")
    levels: int = Field(6, gt=0)
    dropout: float = Field(0.5, ge=0, lt=1)


class UNet(nn.Module):
    """Spectrum (B, 2, F, N) to real masks (B, S, 1, F, N) in (0, 1)."""

    def __init__(self, settings: UNetSettings) -> None:
        super().__init__()
        self.multiple = 2**settings.levels
        widths = [1, *(settings.channels * 2**level for level in range(settings.levels))]
        self.down = nn.ModuleList(Down(*pair) for pair in pairwise(widths))
        self.up = nn.ModuleList()
        for level in range(settings.levels, 1, -1):
            lowest = level == settings.levels
            dropout = settings.dropout if settings.levels - level < _DROPPED else 0.0
            self.up.append(Up(widths[level] * (1 if lowest else 2), widths[level - 1], dropout=dropout))
        self.last = _transposed(widths[1] * (1 if settings.levels == 1 else 2), settings.outputs, bias=True)

    def forward(self, spectrum: Tensor) -> Tensor:
        x = log_magnitude(spectrum)[:, :-1]  # (B, F - 1, N)
        bins, frames = x.shape[1:]
        x = functional.pad(x, (0, (-frames) % self.multiple, 0, (-bins) % self.multiple))
        masks = self.masks(x[:, None])[:, :, :bins, :frames]  # (B, S, F - 1, N)
        return torch.cat([masks, masks[:, :, -1:]], dim=2)[:, :, None]  # (B, S, 1, F, N)

    def masks(self, x: Tensor) -> Tensor:
        """A picture (B, 1, F', N'), both multiples of 2^levels, to masks (B, S, F', N')."""
        skips = []
        for down in self.down:
            x = down(x)  # (B, channels 2^l, F' / 2^(l + 1), N' / 2^(l + 1))
            skips.append(x)
        skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)  # (B, 2 channels 2^l, F' / 2^(l + 1), N' / 2^(l + 1))
        return self.last(x).sigmoid()


class Down(nn.Module):
    """Half the size: (B, D, F, N) to (B, D', F / 2, N / 2)."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        # The batch norm has a bias.
        self.conv = nn.Conv2d(channels, wider, _KERNEL, stride=2, padding=_KERNEL // 2, bias=False)
        self.norm = nn.BatchNorm2d(wider)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(x)), _SLOPE)


class Up(nn.Module):
    """Twice the size: (B, D, F, N) to (B, D', 2 F, 2 N)."""

    def __init__(self, channels: int, narrower: int, *, dropout: float) -> None:
        super().__init__()
        self.conv = _transposed(channels, narrower, bias=False)
        self.norm = nn.BatchNorm2d(narrower)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.conv(x)).relu())


def _transposed(channels: int, narrower: int, *, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, narrower, _KERNEL, stride=2, padding=_KERNEL // 2, output_padding=1, bias=bias)
