"""TasNet, after Luo and Mesgarani (2018, "TasNet: time-domain audio separation network for real-time, single-channel
speech separation").

The waveform is cut into segments of L samples, 5 ms, each scaled to unit norm (eq. 3). A gated encoder gives it N
weights that are not negative, ReLU(x U) sigmoid(x V) (eq. 4); a stack of LSTMs gives each source a mask over them; the
masked weights, times a basis of N segments and the segment's own norm, are the source's segment (eq. 7). From the
second layer on, every second LSTM's output is added to that of two layers above.

The preset `paper` has L 40, N 500 and 4 bidirectional layers of 500 cells a direction, for 8 kHz: 23.1 million
parameters for two sources. Luo and Mesgarani (2019, Conv-TasNet, table IV) count 23.6 million for their BLSTM-TasNet;
which settings that network has besides they do not say (these with the masks of a third source have as many).

Differences from the paper: none in `paper`. Segments of unit norm carry no loudness from one to the next, which tells
speech from a steady noise: with `loudness` the LSTMs are also given each segment's level in relation to the item's.
With `start: filterbank` encoder and basis start as cosines.
"""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.filterbank import filterbank

# Norms below it are taken for it, so that silence is divided by something: a segment at -200 dBFS has more.
_TINY = 1e-10
# Segments this far (as a ratio of amplitudes) below the item's level are not told apart by loudness.
_FLOOR = 1e-3


class TasNetSettings(BaseModel):
    """What makes one TasNet differ from another; `segment` is L, `filters` is N."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = 8000
    outputs: int = 1
    segment: int = Field(40, gt=0)
    filters: int = Field(500, gt=0)
    hidden: int = Field(500, gt=0)
    layers: int = Field(4, gt=0)
    loudness: bool = False
    start: Literal["random", "filterbank"] = "random"
    causal: bool = False

    @model_validator(mode="after")
    def _loudness_fits(self) -> "TasNetSettings":
        if self.causal and self.loudness:
            raise ValueError("loudness is measured over the whole recording: a causal network cannot have it")
        if self.start == "filterbank" and self.filters % 2:
            raise ValueError(f"start: filterbank needs an even number of filters, and not {self.filters}")
        return self


class TasNet(nn.Module):
    """Waveform (B, 1, T) to estimates (B, S, T)."""

    def __init__(self, settings: TasNetSettings) -> None:
        super().__init__()
        self.settings = settings
        length, filters = settings.segment, settings.filters
        self.encoder = nn.Linear(length, filters, bias=False)
        self.gate = nn.Linear(length, filters, bias=False)
        self.norm = nn.LayerNorm(filters)
        directions = 1 if settings.causal else 2
        widths = [filters + settings.loudness] + [directions * settings.hidden] * (settings.layers - 1)
        self.lstms = nn.ModuleList(
            nn.LSTM(width, settings.hidden, batch_first=True, bidirectional=not settings.causal) for width in widths
        )
        self.masks = nn.Linear(directions * settings.hidden, settings.outputs * filters)
        self.decoder = nn.Linear(filters, length, bias=False)
        if settings.start == "filterbank":
            self.start_from_a_filterbank()

    @torch.no_grad()
    def start_from_a_filterbank(self) -> None:
        """The gate starts half open everywhere, which the decoder makes up for."""
        analysis, synthesis = filterbank(self.settings.filters, self.settings.segment)
        self.encoder.weight.copy_(analysis)
        self.gate.weight.zero_()
        self.decoder.weight.copy_(2 * synthesis.T)

    def forward(self, waveform: Tensor) -> Tensor:
        length = waveform.shape[-1]
        segments = self.segments(waveform)  # (B, K, L)
        norms = segments.norm(dim=-1, keepdim=True)  # (B, K, 1)
        unit = segments / norms.clamp(min=_TINY)
        weights = self.encoder(unit).relu() * self.gate(unit).sigmoid()  # (B, K, N)
        masks = self.separate(weights, norms)  # (B, K, S, N)
        estimates = self.decoder(masks * weights[:, :, None]) * norms[..., None]  # (B, K, S, L)
        return estimates.transpose(1, 2).flatten(2)[..., :length]

    def segments(self, waveform: Tensor) -> Tensor:
        """Waveform (B, 1, T), padded to whole segments, to (B, K, L)."""
        padded = functional.pad(waveform[:, 0], (0, (-waveform.shape[-1]) % self.settings.segment))
        return padded.unflatten(-1, (-1, self.settings.segment))

    def separate(self, weights: Tensor, norms: Tensor) -> Tensor:
        """Weights (B, K, N) and norms (B, K, 1) to masks (B, K, S, N) whose sum over the sources is 1.

        A source that is computed alone is weighed against a constant: softmax of two is a sigmoid.
        """
        x = self.norm(weights)
        if self.settings.loudness:
            x = torch.cat([x, loudness(norms)], dim=-1)  # (B, K, N + 1)
        below: Tensor | None = None
        for index, lstm in enumerate(self.lstms):
            x, _ = lstm(x)  # (B, K, H or 2 H)
            if index % 2:
                x = x if below is None else x + below
                below = x
        masks = self.masks(x).unflatten(-1, (self.settings.outputs, -1))  # (B, K, S, N)
        return masks.softmax(dim=2) if self.settings.outputs > 1 else masks.sigmoid()


def loudness(norms: Tensor) -> Tensor:
    """Norms of segments (B, K, 1) to the logarithm of their ratio to the root mean square of the item's, (B, K, 1)."""
    level = norms.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_TINY)
    return (norms / level + _FLOOR).log()
