"""A light network of masks for sound events: convolutions, a recurrence, and masks by a product of two views.

Convolutions halve the bands as they go; the frames are halved once, at the start. A recurrence along the frames sees
the last, coarsest level and says what each class looks like at that time, as D numbers; the convolutions say of every
band and frame of a finer level, `mask_level`, what is there, as D numbers, too. A class's mask is the sigmoid of their
product. So what tells one class from another costs a product a frame, not a picture a class, and the full resolution is
only touched by the first convolution.

Tags are pooled from the masks before these are brought to all bands and frames: the same values, several times fewer.
`pooling.r` is that of the full picture all the same.
"""

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.front_ends import EventsSettings, FrontEnd
from soli.train.networks.pooling import PoolingSettings, make_pooling, usual_thresholds

_HALVED = 2  # frames, by the first level


class WeakCrnnSettings(EventsSettings):
    """What makes one light network of masks differ from another."""

    channels: tuple[int, ...] = Field((16, 32, 48, 64), min_length=1, description="each level has half of the bands")
    mask_level: int = Field(2, gt=0, description="the level whose bands the masks have")
    hidden: int = Field(64, gt=0, description="GRU cells a direction")
    dimensions: int = Field(32, gt=0, description="D, of the product that makes a mask")
    dropout: float = Field(0.0, ge=0, lt=1)
    pooling: PoolingSettings = PoolingSettings()

    @model_validator(mode="after")
    def _fitting(self) -> "WeakCrnnSettings":
        bands, levels = self.bands, len(self.channels)
        if bands % 2**levels:
            raise ValueError(f"{bands} mel bands are halved {levels} times; wanted a multiple of {2**levels}")
        if self.mask_level > levels:
            raise ValueError(f"mask_level {self.mask_level} of {levels} levels")
        return self

    @property
    def coarse(self) -> PoolingSettings:
        """The pooling of masks that have one value where the full picture has several: as deep a rank by share."""
        values = _HALVED * 2**self.mask_level
        return self.pooling.model_copy(update={"r": math.exp(values * math.log(self.pooling.r))})


class WeakCrnn(nn.Module):
    """Spectrum (B, 2, F, N) to masks (B, K, M, N) and tags (B, K), both in (0, 1)."""

    def __init__(self, settings: WeakCrnnSettings) -> None:
        super().__init__()
        self.mask_level, self.dimensions, classes = settings.mask_level, settings.dimensions, settings.outputs
        bands, channels = settings.bands, settings.channels
        self.front_end = FrontEnd(settings)
        self.register_buffer("thresholds", usual_thresholds(settings.outputs))
        self.levels = nn.ModuleList(
            Level(before, after, stride=(2, _HALVED if index == 0 else 1))
            for index, (before, after) in enumerate(zip((1, *channels), channels, strict=False))
        )
        width = channels[-1] * (bands >> len(channels))
        self.dropout = nn.Dropout(settings.dropout)
        self.gru = nn.GRU(width, settings.hidden, batch_first=True, bidirectional=True)
        self.looks = nn.Linear(2 * settings.hidden, classes * (settings.dimensions + 1))
        seen = channels[settings.mask_level - 1]
        self.places = nn.Conv2d(seen, settings.dimensions, 1)
        self.classes = classes
        coarse_bands = bands >> settings.mask_level
        self.pooling = make_pooling(settings.coarse, classes=classes, bands=coarse_bands, features=seen)

    def forward(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        x = self.front_end(spectrum)[:, None]  # (B, 1, M, N)
        bands, frames = x.shape[2:]
        x = functional.pad(x, (0, frames % _HALVED))
        seen = x
        for number, level in enumerate(self.levels, start=1):
            x = level(x)
            seen = x if number == self.mask_level else seen
        states, _ = self.gru(self.dropout(x.flatten(1, 2).transpose(1, 2)))  # (B, N', 2 H)
        masks = self.scores(states, seen).float().sigmoid()  # (B, K, M', N')
        tags = self.pooling(masks, seen)
        full = functional.interpolate(masks, scale_factor=(float(2**self.mask_level), float(_HALVED)), mode="nearest")
        return full[:, :, :bands, :frames], tags

    def scores(self, states: Tensor, seen: Tensor) -> Tensor:
        """The product of what classes look like (B, N', 2 H) and of what is there (B, D', M', N'), (B, K, M', N')."""
        looks = self.looks(states).unflatten(-1, (self.classes, -1))  # (B, N', K, D + 1)
        places = self.places(seen).permute(0, 3, 1, 2)  # (B, N', D, M')
        product = torch.matmul(looks[..., :-1], places) / math.sqrt(self.dimensions) + looks[..., -1:]
        return product.permute(0, 2, 3, 1)


class Level(nn.Module):
    """A convolution, and an average that halves: (B, D, M, N) to (B, D', M / 2, N / stride)."""

    def __init__(self, channels: int, wider: int, *, stride: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wider, 3, padding=1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(),
            nn.AvgPool2d(stride),
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            # Channels last in memory: a tenth faster on a processor, and the same numbers.
            x = layer(x.contiguous(memory_format=torch.channels_last))
        return x
