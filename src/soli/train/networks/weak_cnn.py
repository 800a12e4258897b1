"""The segmentation network of Kong, Xu, Sobieraj, Wang, Plumbley (2018, "Sound event detection and time-frequency
segmentation from weakly labelled data", arXiv 1804.04715): a mask for every class, trained by the tags of a clip alone.

Blocks of convolutions over mel bands and frames keep the resolution of the picture; a last convolution gives a map a
class, whose sigmoid is the mask; a pooling makes the clip's tags of the masks (`soli.train.networks.pooling`). What
the EPFL thesis system varies of it are settings: kernels, dropout, activation, pooling between blocks, a channel that
tells the frequency, a softmax over the classes.

Presets: `paper` has the published blocks, two convolutions of 3 x 3 each in 32, 64, 128, 128 channels, and with 41
classes the published 588 thousand parameters; `thesis` has 5 x 5 kernels in 64, 64 channels and one map a class, as the
thesis has them, with its front end. Differences from both: frames are centred on multiples of the hop, so that a clip
of 10 s has 314 of them instead of 311.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.front_ends import EventsSettings, FrontEnd
from soli.train.networks.pooling import PoolingSettings, make_pooling, usual_thresholds

_LEAK = 0.01
Halving = tuple[int, int]


class WeakCnnSettings(EventsSettings):
    """What makes one network of masks differ from another.

    `pool` holds for each block by how much bands and frames are averaged after it; masks are brought back to full
    resolution by repetition.
    """

    channels: tuple[int, ...] = Field((32, 64, 128, 128), min_length=1)
    convolutions: int = Field(2, gt=0, description="of each block")
    kernel: int = Field(3, gt=0, description="bands and frames; odd")
    last_kernel: int = Field(1, gt=0, description="of the convolution that gives a map a class; odd")
    activation: Literal["relu", "leaky_relu"] = "relu"
    norm: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    pool: tuple[Halving, ...] = ()
    frequency_channel: bool = Field(False, description="tell the network where on the frequency axis it is")
    output: Literal["sigmoid", "softmax"] = Field("sigmoid", description="softmax: the masks of a bin sum to one")
    pooling: PoolingSettings = PoolingSettings()

    @model_validator(mode="after")
    def _fitting(self) -> "WeakCnnSettings":
        if self.kernel % 2 == 0 or self.last_kernel % 2 == 0:
            raise ValueError(f"kernels of {self.kernel} and {self.last_kernel}; wanted odd ones")
        if self.pool and len(self.pool) != len(self.channels):
            raise ValueError(f"pool for {len(self.pool)} of {len(self.channels)} blocks; wanted one each, or none")
        if any(size < 1 for pair in self.pool for size in pair):
            raise ValueError(f"pool {self.pool}; wanted whole numbers from 1 on")
        if self.output == "softmax" and self.outputs < 2:
            raise ValueError("a softmax over one class is 1 everywhere; wanted two classes or more, or a sigmoid")
        return self

    @property
    def shrink(self) -> Halving:
        """By how much all blocks together average bands and frames."""
        bands = frames = 1
        for by_bands, by_frames in self.pool:
            bands, frames = bands * by_bands, frames * by_frames
        return bands, frames


class WeakCnn(nn.Module):
    """Spectrum (B, 2, F, N) to masks (B, K, M, N) and tags (B, K), both in (0, 1)."""

    def __init__(self, settings: WeakCnnSettings) -> None:
        super().__init__()
        self.settings = settings
        bands = settings.bands
        self.front_end = FrontEnd(settings)
        self.register_buffer("thresholds", usual_thresholds(settings.outputs))
        self.register_buffer("heights", torch.linspace(-1, 1, bands)[:, None], persistent=False)
        widths = [2 if settings.frequency_channel else 1, *settings.channels]
        pools = settings.pool or ((1, 1),) * len(settings.channels)
        places = zip(widths[:-1], widths[1:], pools, strict=True)
        self.blocks = nn.Sequential(*(Block(before, after, settings, pool) for before, after, pool in places))
        self.last = nn.Conv2d(widths[-1], settings.outputs, settings.last_kernel, padding=settings.last_kernel // 2)
        self.pooling = make_pooling(settings.pooling, classes=settings.outputs, bands=bands, features=widths[-1])

    def forward(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        x = self.front_end(spectrum)[:, None]  # (B, 1, M, N)
        bands, frames = x.shape[2:]
        if self.settings.frequency_channel:
            x = torch.cat([x, self.heights.expand_as(x)], dim=1)
        by_bands, by_frames = self.settings.shrink
        x = functional.pad(x, (0, (-frames) % by_frames, 0, (-bands) % by_bands))
        x = self._full(self.blocks(x))[:, :, :bands, :frames]  # (B, D, M, N)
        scores = self.last(x).float()  # half precision would round what is nearly 0 or 1
        masks = scores.sigmoid() if self.settings.output == "sigmoid" else scores.softmax(dim=1)
        return masks, self.pooling(masks, x)

    def _full(self, x: Tensor) -> Tensor:
        by_bands, by_frames = self.settings.shrink
        if by_bands == by_frames == 1:
            return x
        return functional.interpolate(x, scale_factor=(float(by_bands), float(by_frames)), mode="nearest")


class Block(nn.Module):
    """Convolutions with norm and activation, then dropout and an average: (B, D, M, N) to (B, D', M', N')."""

    def __init__(self, channels: int, wider: int, settings: WeakCnnSettings, pool: Halving) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(settings.convolutions):
            inputs = wider if index else channels
            half = settings.kernel // 2
            layers.append(nn.Conv2d(inputs, wider, settings.kernel, padding=half, bias=not settings.norm))
            if settings.norm:
                layers.append(nn.BatchNorm2d(wider))
            layers.append(nn.ReLU() if settings.activation == "relu" else nn.LeakyReLU(_LEAK))
        if settings.dropout:
            layers.append(nn.Dropout(settings.dropout))
        if pool != (1, 1):
            layers.append(nn.AvgPool2d(pool))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            # Channels last in memory: a third faster on a processor, and the same numbers.
            x = layer(x.contiguous(memory_format=torch.channels_last))
        return x
