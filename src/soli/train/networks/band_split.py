"""Band-split recurrent mask network, after Luo and Yu (2023, "Music source separation with band-split RNN").

The spectrum is cut into K bands, narrow at low and wide at high frequencies. Each band of each frame becomes a vector
of D features; blocks of recurrent layers then run in turn over time and over bands (the same weights for every frame),
and each band's own decoder gives its piece of the masks. The bands are taken in `time_groups` groups of neighbours that
share the weights of the recurrence over time: as many groups as bands is the paper's network; one group is a plain
recurrence over whole frames, which a processor trains several times faster. The preset `paper` has the paper's sizes
and bands, for vocals at 44.1 kHz: STFT 2048/512, 41 bands (10 of 100 Hz, 12 of 250, 8 of 500, 8 of 1000, 2 of 2000 and
the rest), 128 features, 12 blocks, LSTMs of 256 cells a direction, and its decoder of a hidden layer with tanh and an
output layer with gates (`decoder: gated`). Elsewhere bands are of equal width on the ear's scale, and the decoder has a
PReLU and no gates.

Differences from the paper: a band is described by the logarithms of its magnitudes, batch-normalised bin by bin, and by
their contrast, the distance from their mean over `contrast_s` around them, in which neither the level of the recording
nor a steady noise is left. Only for complex masks do phases enter too, faintly: at full strength they drown the
magnitudes, and the network spends its first hours as a fixed equaliser. Layer instead of group normalisation, so that a
frame's estimate does not depend on the length of the chunk. Masks are bounded, where the paper's complex ones are not.

With `causal` the recurrence over time goes forward alone, contrast is the distance from the frames before, and no level
is set (`levels_dbfs` has no say): a frame's masks depend on nothing after it.
"""

from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from soli.dsp.bands import erb_band_edges, stated_band_edges
from soli.dsp.stft import window
from soli.types import StftSettings

# A bin quieter than this (in units of the spectrum) counts as empty: about -110 dBFS for a 32 ms window.
_FLOOR = 1e-4
_TINY = 1e-20  # as a power: far below any recording's
# How strongly contrast and phases enter beside the normalised log magnitudes: contrast then spreads about as they do.
_CONTRAST_GAIN = 0.5
_PHASE_GAIN = 0.1
_LEVELS_DBFS = (-45.0, -8.0)


class BandSplitSettings(BaseModel):
    """What makes one band-split network differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=1536, hop=768)
    sample_rate: int = 48000
    outputs: int = 1
    bands: int = 36
    narrowest: int = 3
    bands_hz: tuple[tuple[int, float], ...] | None = Field(
        None,
        description="bands as (how many, how wide), from 0 Hz up, and a last one of the rest; else on an ERB scale",
    )
    features: int = 32
    blocks: int = 2
    time_groups: int = 1
    time_hidden: int = 192
    band_hidden: int = 16
    decoder_hidden: int = 64
    decoder: Literal["plain", "gated"] = "plain"
    contrast_s: float = 2.0
    levels_dbfs: tuple[float, float] = _LEVELS_DBFS
    mask: Literal["real", "complex"] = "real"
    causal: bool = False

    @model_validator(mode="after")
    def _groups_are_equal(self) -> "BandSplitSettings":
        bands = len(self.edges) - 1
        if self.bands_hz is not None and bands != self.bands:
            raise ValueError(f"bands_hz and the rest are {bands} bands, and bands says {self.bands}")
        if bands % self.time_groups:
            raise ValueError(f"{bands} bands cannot be cut into {self.time_groups} equal time_groups")
        if self.levels_dbfs[0] > self.levels_dbfs[1]:
            raise ValueError(f"levels_dbfs go from low to high, not {self.levels_dbfs}")
        if self.causal and self.levels_dbfs != _LEVELS_DBFS:
            raise ValueError("levels_dbfs are of the whole recording: a causal network cannot have them set")
        return self

    @property
    def edges(self) -> tuple[int, ...]:
        if self.bands_hz is not None:
            return stated_band_edges(self.stft, sample_rate=self.sample_rate, bands_hz=self.bands_hz)
        return erb_band_edges(self.stft, sample_rate=self.sample_rate, bands=self.bands, narrowest=self.narrowest)


class BandSplit(nn.Module):
    """Spectrum (B, 2, F, N) to masks (B, S, M, F, N): M = 1 real in (0, 1), or 2 complex with both parts in (-1, 1)."""

    def __init__(self, settings: BandSplitSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = BandEncoder(settings)
        self.blocks = nn.ModuleList(DualPathBlock(settings) for _ in range(settings.blocks))
        self.decoder = BandDecoder(settings)

    def forward(self, spectrum: Tensor) -> Tensor:
        x = self.encoder(spectrum)  # (B, N, K, D)
        for block in self.blocks:
            x = block(x)  # (B, N, K, D)
        masks: Tensor = self.decoder(x)  # (B, S, M, F, N)
        if self.settings.mask == "real":
            return masks.sigmoid()
        return masks.tanh()


class BandEncoder(nn.Module):
    """Cuts (B, 2, F, N) into bands and gives each its features (B, N, K, D)."""

    def __init__(self, settings: BandSplitSettings) -> None:
        super().__init__()
        self.edges = settings.edges
        self.phases = settings.mask == "complex"
        self.levels = settings.levels_dbfs
        self.window_energy = float(np.square(window(settings.stft)).sum())
        self.norm = nn.BatchNorm1d(settings.stft.bins)
        self.causal = settings.causal
        reach = round(settings.contrast_s * settings.sample_rate / settings.stft.hop / 2)
        self.past, self.future = (2 * reach, 0) if settings.causal else (reach, reach)
        planes = 4 if self.phases else 2
        self.layers = nn.ModuleList(
            nn.Linear(planes * (high - low), settings.features) for low, high in pairwise(self.edges)
        )

    def forward(self, spectrum: Tensor) -> Tensor:
        if not self.causal:
            spectrum = spectrum * self.gain(spectrum)
        power = spectrum.square().sum(dim=1) + _FLOOR**2  # (B, F, N)
        level = power.log()
        contrast = _CONTRAST_GAIN * (level - moving_mean(level, past=self.past, future=self.future))
        planes = [self.norm(level), contrast]
        if self.phases:
            planes += (_PHASE_GAIN * spectrum / power.sqrt()[:, None]).unbind(dim=1)
        x = torch.stack(planes, dim=1).permute(0, 3, 1, 2)  # (B, N, planes, F)
        bands = [
            layer(x[..., low:high].flatten(2))  # (B, N, D)
            for (low, high), layer in zip(pairwise(self.edges), self.layers, strict=True)
        ]
        return torch.stack(bands, dim=2)

    def gain(self, spectrum: Tensor) -> Tensor:
        """What takes each item (B, 2, F, N) to the nearest of the levels that training covers, (B, 1, 1, 1)."""
        power = spectrum.square().sum(dim=1).mean(dim=(1, 2)) / self.window_energy + _TINY
        level = 10 * power.log10()  # dBFS, by Parseval
        return (10 ** ((level.clamp(*self.levels) - level) / 20))[:, None, None, None]


def moving_mean(x: Tensor, *, past: int, future: int) -> Tensor:
    """(..., N) to the mean of each frame, up to `past` before it and up to `future` after it: of those there are.

    A difference of running sums: `AvgPool1d` gives the same, but adds up every neighbour anew for every frame. The sums
    are those of the distances from the mean of all frames (from the first one, where no future may be looked at): of
    `x` itself they would grow with N, and what is left of their digits in a difference would shrink.
    """
    whole = x.mean(dim=-1, keepdim=True) if future else x[..., :1]
    x = x - whole
    sums = torch.cat([torch.zeros_like(x[..., :1]), x.cumsum(dim=-1)], dim=-1)  # (..., N + 1)
    frames = torch.arange(x.shape[-1], device=x.device)
    first = (frames - past).clamp(min=0)
    end = (frames + future + 1).clamp(max=x.shape[-1])
    return (sums.index_select(-1, end) - sums.index_select(-1, first)) / (end - first) + whole


class DualPathBlock(nn.Module):
    """One recurrence over time and one over bands, each with a residual connection."""

    def __init__(self, settings: BandSplitSettings) -> None:
        super().__init__()
        self.groups = settings.time_groups
        grouped = settings.features * (len(settings.edges) - 1) // self.groups
        self.over_time = Recurrence(grouped, settings.time_hidden, bidirectional=not settings.causal)
        self.over_bands = Recurrence(settings.features, settings.band_hidden, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, bands, features = x.shape
        x = x.reshape(batch, frames, self.groups, -1).transpose(1, 2).flatten(0, 1)  # (B x groups, N, K / groups x D)
        x = self.over_time(x)
        x = x.unflatten(0, (batch, self.groups)).transpose(1, 2)  # (B, N, groups, K / groups x D)
        x = x.reshape(batch * frames, bands, features)
        x = self.over_bands(x)
        return x.reshape(batch, frames, bands, features)


class Recurrence(nn.Module):
    """Layer norm, LSTM and projection around a residual connection: (B, L, D) to (B, L, D)."""

    def __init__(self, features: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.lstm = nn.LSTM(features, hidden, batch_first=True, bidirectional=bidirectional)
        self.project = nn.Linear(hidden * (1 + bidirectional), features)

    def forward(self, x: Tensor) -> Tensor:
        recurrent, _ = self.lstm(self.norm(x))  # (B, L, H or 2 H)
        return x + self.project(recurrent)


class BandDecoder(nn.Module):
    """Features (B, N, K, D) to unbounded masks (B, S, M, F, N): one small network a band.

    Gated: a hidden layer with tanh, twice as many values as are wanted, one half times the sigmoid of the other.
    """

    def __init__(self, settings: BandSplitSettings) -> None:
        super().__init__()
        self.planes = (settings.outputs, 1 if settings.mask == "real" else 2)
        edges = settings.edges
        count = self.planes[0] * self.planes[1]
        gated = settings.decoder == "gated"
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(settings.features),
                nn.Linear(settings.features, settings.decoder_hidden),
                nn.Tanh() if gated else nn.PReLU(),
                nn.Linear(settings.decoder_hidden, (1 + gated) * count * (high - low)),
                *([nn.GLU()] if gated else []),
            )
            for low, high in pairwise(edges)
        )

    def forward(self, x: Tensor) -> Tensor:
        pieces = [
            layer(x[:, :, k]).unflatten(-1, (*self.planes, -1))  # (B, N, S, M, width)
            for k, layer in enumerate(self.layers)
        ]
        return torch.cat(pieces, dim=-1).permute(0, 2, 3, 4, 1)
