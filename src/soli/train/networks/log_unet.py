"""U-Net on logarithmic frequency with a recurrence at its bottom, for sounds with a pitch.

On an axis of `per_octave` bands to the octave the partials of a tone keep their distances at every pitch, so that a
convolution that has learnt an instrument's timbre or a voice's place in a chord knows it in every key. The U-Net of
Jansson et al. (2017, see `unet`) runs over these bands and over frames; a bidirectional LSTM at its lowest level, where
a frame is `2^time_levels` hops long, sees the whole phrase. Masks go back to the bins by interpolation.

Convolutions alone learn it slowly: to know whose a partial is, a band has to know what is an octave and a twelfth away,
which they see only where they have lost the bands. So `harmonics` of a band's frequency, and its fractions, are laid
beside it as further channels (Bittner et al. 2017, "Deep salience representations for F0 estimation in polyphonic
music"), and the first `across` levels look across all bands through a bottleneck.

Several sources share every bin (a softmax: their masks sum to one, and the stems to the mixture); a source that is
computed alone has a sigmoid. Frequency is halved at every level, time at the first `time_levels` only.

An instrument that does not play would still be given what the others leave uncertain. With `gate_db` a source whose
part of the energy around a frame is below that is taken for absent there, and its part given to the others: at use
only, since a closed gate teaches nothing.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from soli.dsp.logfreq import from_log_bands, log_band_centres, to_log_bands
from soli.train.networks.levels import log_magnitude
from soli.types import StftSettings

_KERNEL_AT_FULL_RESOLUTION = 3  # where a convolution costs most, and sees least more for it
_SLOPE = 0.2
_NARROWER, _NARROWEST = 8, 16  # the bottleneck across bands
_TINY = 1e-20
_OPENING_DB = 6.0


class LogUNetSettings(BaseModel):
    """What makes one U-Net on logarithmic frequency differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=4096, hop=1024)
    sample_rate: int = 44100
    outputs: int = 4
    lowest_hz: float = Field(50.0, gt=0)
    highest_hz: float = Field(14000.0, gt=0)
    per_octave: int = Field(36, gt=0)
    levels: int = Field(6, gt=0)
    time_levels: int = Field(3, ge=0, description="levels that halve time, too")
    channels: int = Field(16, gt=0, description="of the first level; each further one has twice as many")
    most_channels: int = Field(128, gt=0)
    kernel: int = Field(5, ge=3, description="bands and frames a convolution sees, below the full resolution; odd")
    hidden: int = Field(192, ge=0, description="LSTM cells a direction at the lowest level; 0: no recurrence")
    harmonics: tuple[float, ...] = Field((), description="other multiples of each band's frequency, seen beside it")
    across: int = Field(0, ge=0, description="levels that look across all bands at once")
    gate_db: float | None = Field(None, le=0, description="part of the energy below which a source is absent")
    gate_s: float = Field(3.0, gt=0, description="around each frame, for which the gate weighs the energies")

    @property
    def widths(self) -> list[int]:
        """Channels of the full resolution and of every level below it."""
        return [min(self.channels * 2**level, self.most_channels) for level in range(self.levels + 1)]

    @property
    def centres(self) -> Any:
        top = min(self.highest_hz, self.sample_rate / 2)
        return log_band_centres(lowest_hz=self.lowest_hz, highest_hz=top, per_octave=self.per_octave)

    @property
    def gate_frames(self) -> int:
        """Frames on either side that the gate weighs."""
        return round(self.gate_s / 2 * self.sample_rate / self.stft.hop)

    @property
    def shifts(self) -> list[int]:
        """How many bands above each band its other multiples lie."""
        return [round(self.per_octave * math.log2(multiple)) for multiple in self.harmonics]

    def stride(self, level: int) -> tuple[int, int]:
        """By how much a level halves frequency and time."""
        return (2, 2 if level < self.time_levels else 1)


class LogUNet(nn.Module):
    """Spectrum (B, 2, F, N) to real masks (B, S, 1, F, N) in (0, 1)."""

    def __init__(self, settings: LogUNetSettings) -> None:
        super().__init__()
        self.settings = settings
        where = {"sample_rate": settings.sample_rate, "centres_hz": settings.centres}
        self.register_buffer("to_bands", torch.from_numpy(to_log_bands(settings.stft, **where)), persistent=False)
        self.register_buffer("from_bands", torch.from_numpy(from_log_bands(settings.stft, **where)), persistent=False)
        bands = len(settings.centres)
        self.bands_multiple, self.frames_multiple = 2**settings.levels, 2**settings.time_levels
        self.padded = -(-bands // self.bands_multiple) * self.bands_multiple
        widths = settings.widths
        self.norm = nn.BatchNorm1d(bands)
        self.shifts = settings.shifts
        self.first = Down(1 + len(self.shifts), widths[0], stride=(1, 1), kernel=_KERNEL_AT_FULL_RESOLUTION)
        kernel = settings.kernel
        self.down = nn.ModuleList(
            Down(*pair, stride=settings.stride(i), kernel=kernel) for i, pair in enumerate(pairwise(widths))
        )
        levels = range(settings.across)
        self.across_down = nn.ModuleList(Across(widths[i], self.padded // 2**i) for i in levels)
        self.across_up = nn.ModuleList(Across(widths[i], self.padded // 2**i) for i in levels)
        self.bottom = Bottom(widths[-1], self.padded // self.bands_multiple, settings.hidden)
        self.up = nn.ModuleList()
        for level in reversed(range(settings.levels)):
            below = widths[level + 1] * (1 if level == settings.levels - 1 else 2)
            self.up.append(Up(below, widths[level], stride=settings.stride(level), kernel=kernel))
        self.last = nn.Conv2d(2 * widths[0], settings.outputs, _KERNEL_AT_FULL_RESOLUTION, padding=1)

    def forward(self, spectrum: Tensor) -> Tensor:
        bands = self.norm(self.to_bands @ log_magnitude(spectrum))  # (B, M, N)
        count, frames = bands.shape[1:]
        x = functional.pad(bands, (0, (-frames) % self.frames_multiple, 0, self.padded - count))
        x = self.scores(x[:, None])[:, :, :count, :frames]  # (B, S, M, N)
        masks = x.softmax(dim=1) if self.settings.outputs > 1 else x.sigmoid()
        masks = self.from_bands @ masks  # (B, S, F, N)
        if self.settings.gate_db is not None and not self.training:
            masks = gated(masks, spectrum, gate_db=self.settings.gate_db, reach=self.settings.gate_frames)
        return masks[:, :, None]

    def scores(self, x: Tensor) -> Tensor:
        """A picture (B, 1, M', N') to scores (B, S, M', N')."""
        x = self.first(torch.cat([x, *(moved(x, by) for by in self.shifts)], dim=1))
        skips = []
        for level, down in enumerate(self.down):
            if level < len(self.across_down):
                x = self.across_down[level](x)
            skips.append(x)
            x = down(x)
        x = self.bottom(x)
        for level, up in zip(reversed(range(len(self.up))), self.up, strict=True):
            x = up(x)
            if level < len(self.across_up):
                x = self.across_up[level](x)
            x = torch.cat([x, skips.pop()], dim=1)
        return self.last(x)


def moved(x: Tensor, by: int) -> Tensor:
    """A picture (B, D, M, N) of what lies `by` bands above each; beyond the ends there is nothing."""
    above, below = x[:, :, by:], x[:, :, :by]
    return torch.cat([above, 0 * below] if by > 0 else [0 * above, below], dim=2)


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


class Down(nn.Module):
    """(B, D, M, N) to (B, D', M / stride, N / stride)."""

    def __init__(self, channels: int, wider: int, *, stride: tuple[int, int], kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, wider, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(wider)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(x)), _SLOPE)


class Up(nn.Module):
    """(B, D, M, N) to (B, D', M x stride, N x stride)."""

    def __init__(self, channels: int, narrower: int, *, stride: tuple[int, int], kernel: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(
            channels,
            narrower,
            kernel,
            stride=stride,
            padding=kernel // 2,
            output_padding=(stride[0] - 1, stride[1] - 1),
            bias=False,
        )
        self.norm = nn.BatchNorm2d(narrower)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)).relu()


class Across(nn.Module):
    """Looks across all bands of a frame at once, through a bottleneck: (B, D, M, N) to the same.

    Partials of a tone lie octaves apart, further than convolutions reach before they have lost the bands. Source: Choi
    et al. (2020, "Investigating U-Nets with various intermediate blocks for spectrogram-based singing voice
    separation"), time-distributed fully connected layers.
    """

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        narrow = max(bands // _NARROWER, _NARROWEST)
        self.squeeze = nn.Parameter(torch.empty(narrow, bands))
        self.spread = nn.Parameter(torch.empty(bands, narrow))
        for weight in (self.squeeze, self.spread):
            nn.init.kaiming_uniform_(weight, a=5**0.5)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norms[0](torch.matmul(self.squeeze, x)).relu()
        return x + self.norms[1](torch.matmul(self.spread, inner)).relu()


class Bottom(nn.Module):
    """A recurrence over time around which the lowest level passes by: (B, D, M, N) to the same."""

    def __init__(self, channels: int, bands: int, hidden: int) -> None:
        super().__init__()
        self.lstm: nn.LSTM | None = None
        if hidden:
            width = channels * bands
            self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
            self.out = nn.Linear(2 * hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        if self.lstm is None:
            return x
        seen, _ = self.lstm(x.flatten(1, 2).transpose(1, 2))  # (B, N, 2 H)
        return x + self.out(seen).transpose(1, 2).unflatten(1, x.shape[1:3])
