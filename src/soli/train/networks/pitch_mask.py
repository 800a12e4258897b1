"""Masks drawn from pitches: which pitch each source plays is found first, then which bins its partials own.

A network that has to learn masks alone learns late that a tone's partials belong together. Here every source is first
given a pitch, or none, in every frame: convolutions see each band beside its harmonics and fractions (Bittner et al.
2017, "Deep salience representations for F0 estimation in polyphonic music"), and a bidirectional LSTM follows the
voices, their order and their timbre. The pitches are then laid out as combs of partials on the axis of logarithmic
frequency, where a comb is the same at every pitch, and convolutions that see mixture and combs draw the masks.

Pitches and masks are learnt at once, the pitches from those of the isolated sources (`soli.train.losses.pitch`): no
score is needed, neither to train nor at use. Separation and transcription trained together help each other: Manilow,
Seetharaman, Pardo 2020, "Simultaneous separation and transcription of mixtures with multiple polyphonic and percussive
instruments".

Several sources share every bin (a softmax: their masks sum to one, and the stems to the mixture); a source that is
computed alone has a sigmoid.
"""

import math
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from soli.dsp.logfreq import from_log_bands, log_band_centres, to_log_bands
from soli.train.networks.gate import gated
from soli.train.networks.levels import relative_power
from soli.types import StftSettings

_SLOPE = 0.1
# Linear below a level of 40 dB under the recording's own, logarithmic above it.
_KNEE = 1e-2
# Channels before the bands are laid side by side for the LSTM, and how many bands one of those takes together.
_NARROW, _TOGETHER = 16, 3
# Pictures of combs for each source, with partials weighted in ways of their own.
_COMBS = 3
# What of a comb counts as no partial at all: its logarithm is the lowest score.
_NO_PARTIAL = 3e-3


class PitchMaskSettings(BaseModel):
    """What makes one network that draws masks from pitches differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=8192, hop=2048, window="hann")
    sample_rate: int = 44100
    outputs: int = 4
    lowest_hz: float = Field(50.0, gt=0, description="of the bands, and of the pitches")
    highest_hz: float = Field(14000.0, gt=0)
    highest_pitch_hz: float = Field(1800.0, gt=0)
    per_octave: int = Field(36, gt=0, multiple_of=12)
    multiples: tuple[float, ...] = Field(
        (0.5, 2.0, 3.0, 4.0, 5.0, 6.0), description="of each band's frequency, seen beside it"
    )
    partials: int = Field(12, gt=0, description="of a comb")
    channels: int = Field(16, gt=0, description="that look for pitches")
    hidden: int = Field(256, gt=0, description="LSTM cells a direction")
    layers: int = Field(2, gt=0)
    drawing_channels: int = Field(24, gt=0, description="that draw the masks")
    gate_db: float | None = Field(None, le=0, description="part of the energy below which a source is absent")
    gate_s: float = Field(3.0, gt=0, description="around each frame, for which the gate weighs the energies")

    @property
    def centres(self) -> Any:
        """Centres of the bands in Hz, (M,)."""
        top = min(self.highest_hz, self.sample_rate / 2)
        return log_band_centres(lowest_hz=self.lowest_hz, highest_hz=top, per_octave=self.per_octave)

    @property
    def pitches(self) -> int:
        """How many of the bands, from the lowest, can be a pitch: whole groups of bands."""
        below = round(self.per_octave * math.log2(self.highest_pitch_hz / self.lowest_hz))
        return min(below, len(self.centres)) // _TOGETHER * _TOGETHER

    @property
    def gate_frames(self) -> int:
        """Frames on either side that the gate weighs."""
        return round(self.gate_s / 2 * self.sample_rate / self.stft.hop)

    @property
    def partial_steps(self) -> list[int]:
        """How many bands above a pitch its partials lie, from the first, which lies at the pitch itself."""
        return [self.steps(index + 1) for index in range(self.partials)]

    def steps(self, multiple: float) -> int:
        """How many bands above a frequency its multiple lies."""
        return round(self.per_octave * math.log2(multiple))


class Heard(NamedTuple):
    """What is learnt from: masks (B, S, M, N) of the bands, and scores (B, S, P + 1, N) of pitches and of none."""

    masks: Tensor
    pitches: Tensor


class PitchMask(nn.Module):
    """Spectrum (B, 2, F, N) to real masks (B, S, 1, F, N) in (0, 1)."""

    def __init__(self, settings: PitchMaskSettings) -> None:
        super().__init__()
        self.settings = settings
        where = {"sample_rate": settings.sample_rate, "centres_hz": settings.centres}
        self.register_buffer("to_bands", torch.from_numpy(to_log_bands(settings.stft, **where)), persistent=False)
        self.register_buffer("from_bands", torch.from_numpy(from_log_bands(settings.stft, **where)), persistent=False)
        self.partial_steps = settings.partial_steps
        self.norm = nn.BatchNorm1d(len(settings.centres))
        self.look = Look(settings)
        self.follow = Follow(settings)
        self.draw = Draw(settings)

    def forward(self, spectrum: Tensor, parts: bool = False) -> Tensor | Heard:
        """The masks; with `parts` what they are made from, which losses look at."""
        bands = self.norm(self.levels(spectrum))[:, None]  # (B, 1, M, N)
        found = self.look(bands)
        pitches = self.follow(found)
        scores = self.draw(bands, found, pitches)
        masks = scores.softmax(dim=1) if self.settings.outputs > 1 else scores.sigmoid()
        if parts:
            return Heard(masks, pitches)
        masks = self.from_bands @ masks  # (B, S, F, N)
        if self.settings.gate_db is not None and not self.training:
            masks = gated(masks, spectrum, gate_db=self.settings.gate_db, reach=self.settings.gate_frames)
        return masks[:, :, None]

    def levels(self, spectrum: Tensor) -> Tensor:
        """Levels (B, M, N) of the bands in relation to the recording's own; 0 for silence."""
        power = self.to_bands @ relative_power(spectrum)
        return ((power + (1e-4 * _KNEE) ** 2).sqrt() / _KNEE - 1e-4).log1p()


class Look(nn.Module):
    """Looks at each band beside its multiples and its neighbours: (B, 1, M, N) to (B, C, M, N)."""

    def __init__(self, settings: PitchMaskSettings) -> None:
        super().__init__()
        self.steps = [settings.steps(multiple) for multiple in settings.multiples]
        self.first = Convolution(1 + len(self.steps), settings.channels, (5, 3))
        self.second = Convolution(settings.channels, settings.channels, (5, 3))

    def forward(self, bands: Tensor) -> Tensor:
        beside = torch.cat([bands, *(moved(bands, by) for by in self.steps)], dim=1)
        found: Tensor = self.second(self.first(beside))
        return found


class Follow(nn.Module):
    """Follows the voices: (B, C, M, N) to scores (B, S, P + 1, N) of each source's pitches and, last, of none.

    A pitch's score is what is found at its band, and what the whole phrase says of its semitone.
    """

    def __init__(self, settings: PitchMaskSettings) -> None:
        super().__init__()
        self.outputs, self.pitches = settings.outputs, settings.pitches
        groups = (len(settings.centres) - 1) // _TOGETHER + 1
        self.narrow = Convolution(settings.channels, _NARROW, (5, 1), stride=_TOGETHER)
        self.enter = nn.Linear(_NARROW * groups, settings.hidden)
        self.lstm = nn.LSTM(
            settings.hidden, settings.hidden, num_layers=settings.layers, batch_first=True, bidirectional=True
        )
        self.leave = nn.Linear(2 * settings.hidden, settings.outputs * (self.pitches // _TOGETHER + 1))
        self.here = nn.Conv2d(settings.channels, settings.outputs, (3, 1), padding=(1, 0))
        self.register_buffer("spread", interpolation(self.pitches // _TOGETHER, _TOGETHER), persistent=False)

    def forward(self, found: Tensor) -> Tensor:
        flat = self.narrow(found).flatten(1, 2).transpose(1, 2)  # (B, N, D)
        phrase, _ = self.lstm(functional.leaky_relu(self.enter(flat), _SLOPE))
        said = self.leave(phrase).unflatten(2, (self.outputs, -1)).permute(0, 2, 3, 1)  # (B, S, P / 3 + 1, N)
        pitches = self.here(found)[:, :, : self.pitches] + self.spread @ said[:, :, :-1]
        return torch.cat([pitches, said[:, :, -1:]], dim=2)


class Draw(nn.Module):
    """Draws the masks: bands, what is found in them, and pitches to scores (B, S, M, N).

    A source's score is the logarithm of its comb, and what convolutions that see all combs add to it.
    """

    def __init__(self, settings: PitchMaskSettings) -> None:
        super().__init__()
        count, channels = len(settings.centres), settings.drawing_channels
        self.outputs = settings.outputs
        self.register_buffer("partials", partial_matrices(settings), persistent=False)
        fading = 0.7 ** torch.arange(settings.partials)
        self.weights = nn.Parameter(0.1 * torch.randn(settings.outputs, _COMBS, settings.partials) + fading)
        self.template = nn.Parameter((-0.3 * torch.arange(settings.partials)).repeat(settings.outputs, 1))
        self.colour = nn.Parameter(torch.zeros(settings.outputs, count, 1))
        self.trust = nn.Parameter(torch.ones(()))
        self.place = nn.Parameter(torch.zeros(4, count, 1))
        seen = settings.outputs * _COMBS + 1 + settings.channels + 4
        self.first = Convolution(seen, channels, (3, 3))
        self.second = Convolution(channels, channels, (5, 3))
        self.last = nn.Conv2d(channels, settings.outputs, 1)

    def forward(self, bands: Tensor, found: Tensor, pitches: Tensor) -> Tensor:
        played = pitches.softmax(dim=2)[:, :, None, :-1]  # (B, S, 1, P, N)
        combs = self._combs(self.weights) @ played  # (B, S, K, M, N)
        template = (self._combs(self.template.exp()[:, None]) @ played)[:, :, 0]  # (B, S, M, N)
        template = functional.avg_pool2d(template, (3, 1), stride=1, padding=(1, 0))
        place = self.place + torch.zeros_like(bands)  # (B, 4, M, N)
        drawn = self.second(self.first(torch.cat([combs.flatten(1, 2), bands, found, place], dim=1)))
        scores: Tensor = self.last(drawn) + self.trust * ((template + _NO_PARTIAL).log() + self.colour)
        return scores

    def _combs(self, weights: Tensor) -> Tensor:
        """Weights (S, K, H) of partials to matrices (S, K, M, P): what is in each band for a tone of each pitch."""
        return (weights @ self.partials.flatten(1)).unflatten(2, self.partials.shape[1:])


class Convolution(nn.Module):
    """Convolution, batch norm, leaky ReLU: (B, D, M, N) to (B, D', M / stride, N)."""

    def __init__(self, channels: int, wider: int, kernel: tuple[int, int], *, stride: int = 1) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(channels, wider, kernel, stride=(stride, 1), padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(wider)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(x)), _SLOPE)


def moved(x: Tensor, by: int) -> Tensor:
    """A picture (B, D, M, N) of what lies `by` bands above each; beyond the ends there is nothing."""
    above, below = x[:, :, by:], x[:, :, :by]
    return torch.cat([above, 0 * below] if by > 0 else [0 * above, below], dim=2)


def partial_matrices(settings: PitchMaskSettings) -> Tensor:
    """(H, M, P): 1 where a band is the h-th partial of a pitch."""
    matrices = torch.zeros(settings.partials, len(settings.centres), settings.pitches)
    for index, by in enumerate(settings.partial_steps):
        reached = min(settings.pitches, len(settings.centres) - by)
        pitches = torch.arange(max(reached, 0))
        matrices[index, pitches + by, pitches] = 1
    return matrices


def interpolation(groups: int, size: int) -> Tensor:
    """(groups x size, groups): values between the middles of groups of bands, the last one's beyond the ends."""
    position = ((torch.arange(groups * size) + 0.5) / size - 0.5).clamp(0, groups - 1)
    return (1 - (position[:, None] - torch.arange(groups)).abs()).clamp(min=0)
