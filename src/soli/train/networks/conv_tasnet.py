"""Conv-TasNet, after Luo and Mesgarani (2019, "Conv-TasNet: surpassing ideal time-frequency magnitude masking for
speech separation").

A convolution turns the waveform into frames of N weights; blocks of dilated depth-wise convolutions see further and
further around each frame; the sum of what they put aside gives each source a mask over the weights; a transposed
convolution makes waveforms of the masked weights. Symbols as in the paper's table I:

    N filters of L samples, stride L / 2      B channels between blocks       H channels inside a block
    Sc channels put aside by a block          P kernel, X blocks a repeat (dilations 1, 2 .. 2^(X - 1)), R repeats

The preset `paper` has the sizes of the best network of table II: N 512, L 16, B 128, H 512, Sc 128, P 3, X 8, R 3,
global norm, 5.1 million parameters for two sources. A ReLU follows the encoder, as in table III's third row; so it is
not the paper's best result, which leaves the ReLU out (`encoder: linear`) and has 0.1 dB more. `paper_causal` is the
causal network of the same size. Causal is the network alone: a model file of it is used in windows that overlap, as all
others are, and waits for a window's end.

With `start: filterbank` encoder and decoder start as cosines, windowed, instead of random weights.

No level is set anywhere: the encoder's weights scale with the waveform, the first norm takes the scale away before the
masks are found (section II-D), and encoder and decoder have no bias. So estimates scale with the mixture, and silence
stays silence.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.filterbank import fades, filterbank

# Added to variances: that of the encoder's weights for a waveform at -100 dBFS is about 1e-10.
_EPS = 1e-14


class ConvTasNetSettings(BaseModel):
    """What makes one Conv-TasNet differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = 8000
    outputs: int = 1
    filters: int = Field(512, gt=0, description="N")
    length: int = Field(16, gt=1, multiple_of=2, description="L, in samples; the stride is half of it")
    bottleneck: int = Field(128, gt=0, description="B")
    hidden: int = Field(512, gt=0, description="H")
    skip: int = Field(128, gt=0, description="Sc")
    kernel: int = Field(3, gt=0, description="P")
    blocks: int = Field(8, gt=0, description="X")
    repeats: int = Field(3, gt=0, description="R")
    encoder: Literal["relu", "linear"] = "relu"
    start: Literal["random", "filterbank"] = "random"
    mask: Literal["sigmoid", "relu"] = "sigmoid"
    norm: Literal["global", "cumulative"] = "global"
    causal: bool = False

    @model_validator(mode="after")
    def _norm_fits(self) -> "ConvTasNetSettings":
        if self.causal and self.norm == "global":
            raise ValueError("a causal network cannot have a norm over the whole recording: norm must be cumulative")
        if self.start == "filterbank" and (self.encoder == "linear" or self.filters % 2):
            raise ValueError("start: filterbank is for an encoder with a ReLU and an even number of filters")
        if not self.causal and self.kernel % 2 == 0:
            raise ValueError(f"a kernel of {self.kernel} frames has no middle: it must be odd, or the network causal")
        return self


class ConvTasNet(nn.Module):
    """Waveform (B, 1, T) to estimates (B, S, T)."""

    def __init__(self, settings: ConvTasNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stride = settings.length // 2
        self.encoder = nn.Conv1d(1, settings.filters, settings.length, stride=self.stride, bias=False)
        self.separator = Separator(settings)
        self.decoder = nn.ConvTranspose1d(settings.filters, 1, settings.length, stride=self.stride, bias=False)
        if settings.start == "filterbank":
            self.start_from_a_filterbank()

    @torch.no_grad()
    def start_from_a_filterbank(self) -> None:
        analysis, synthesis = filterbank(self.settings.filters, self.settings.length)
        window = fades(self.settings.length)
        self.encoder.weight.copy_((window * analysis)[:, None])
        self.decoder.weight.copy_((window * synthesis)[:, None])

    def forward(self, waveform: Tensor) -> Tensor:
        length = waveform.shape[-1]
        # Two frames over every sample, the first and the last ones too.
        padded = functional.pad(waveform, (self.stride, self.stride + (-length) % self.stride))
        weights = self.encoder(padded)  # (B, N, K)
        if self.settings.encoder == "relu":
            weights = weights.relu()
        masked = self.separator(weights) * weights[:, None]  # (B, S, N, K)
        estimates = self.decoder(masked.flatten(0, 1))  # (B x S, 1, T')
        estimates = estimates.reshape(-1, self.settings.outputs, estimates.shape[-1])  # (B, S, T')
        return estimates[..., self.stride : self.stride + length]


class Separator(nn.Module):
    """Weights (B, N, K) to masks (B, S, N, K)."""

    def __init__(self, settings: ConvTasNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.norm = NORMS[settings.norm](settings.filters)
        self.bottleneck = nn.Conv1d(settings.filters, settings.bottleneck, 1)
        self.blocks = nn.ModuleList(
            Block(settings, dilation=2**x) for _ in range(settings.repeats) for x in range(settings.blocks)
        )
        self.activation = nn.PReLU()
        self.masks = nn.Conv1d(settings.skip, settings.outputs * settings.filters, 1)

    def forward(self, weights: Tensor) -> Tensor:
        x = self.bottleneck(self.norm(weights))  # (B, B', K), B' channels
        total: Tensor | float = 0.0
        for block in self.blocks:
            x, skip = block(x)  # (B, B', K), (B, Sc, K)
            total = total + skip
        masks = self.masks(self.activation(total))  # (B, S x N, K)
        masks = masks.reshape(-1, self.settings.outputs, *weights.shape[1:])  # (B, S, N, K)
        return masks.sigmoid() if self.settings.mask == "sigmoid" else masks.relu()


class Block(nn.Module):
    """One dilated depth-wise convolution between two of kernel 1: (B, B', K) to the next block's input and a skip."""

    def __init__(self, settings: ConvTasNetSettings, *, dilation: int) -> None:
        super().__init__()
        hidden, norm = settings.hidden, NORMS[settings.norm]
        reach = (settings.kernel - 1) * dilation
        # A convolution pads both sides alike; of the causal one's output the end, which saw the future, is cut off.
        padding = reach if settings.causal else reach // 2
        self.widen = nn.Sequential(nn.Conv1d(settings.bottleneck, hidden, 1), nn.PReLU(), norm(hidden))
        self.depthwise = nn.Conv1d(hidden, hidden, settings.kernel, dilation=dilation, padding=padding, groups=hidden)
        self.after = nn.Sequential(nn.PReLU(), norm(hidden))
        # The paper's two convolutions, to the next block and to the skips, as one product. In the last block nothing
        # reads the first half of it, there as here; the paper's 5.1 million parameters count it.
        self.narrow = nn.Conv1d(hidden, settings.bottleneck + settings.skip, 1)
        self.parts = (settings.bottleneck, settings.skip)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        wide = self.widen(x)  # (B, H, K)
        seen = self.after(self.depthwise(wide)[..., : x.shape[-1]])  # (B, H, K)
        residual, skip = self.narrow(seen).split(self.parts, dim=1)
        return x + residual, skip


class GlobalNorm(nn.GroupNorm):
    """gLN, eq. 9 to 11: (B, D, K) normalised over channels and frames alike."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, eps=_EPS)


class CumulativeNorm(nn.Module):
    """cLN, eq. 12 to 14: (B, D, K), each frame normalised over the channels of itself and all frames before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        count = torch.arange(1, x.shape[-1] + 1, device=x.device)  # (K,)
        mean = x.mean(dim=1, keepdim=True).cumsum(dim=-1) / count  # (B, 1, K)
        power = x.square().mean(dim=1, keepdim=True).cumsum(dim=-1) / count  # (B, 1, K)
        variance = (power - mean.square()).clamp(min=0)
        return (x - mean) / (variance + _EPS).sqrt() * self.weight + self.bias


NORMS: Mapping[str, type[nn.Module]] = {"global": GlobalNorm, "cumulative": CumulativeNorm}
