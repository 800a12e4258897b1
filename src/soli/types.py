"""The few types that all layers share, and the legend of axes.

Axes: B batch, S source, C channel, T sample, F frequency bin, N frame, K class.
Audio is float32, (C, T), nominally within [-1, 1] but never clipped.
Names carry units: `_s` seconds, `_hz`, `_db`; lengths in samples or frames are bare.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = NDArray[np.float32]
ComplexArray = NDArray[np.complex64]

# What a recording, and a model, may have: rates in Hz, and channels.
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 8


@dataclass(frozen=True)
class Audio:
    """Sound in memory: `samples` float32 (C, T) at `sample_rate` Hz."""

    samples: Array
    sample_rate: int

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[-1] / self.sample_rate)


@dataclass(frozen=True)
class Context:
    """What a chunk needs around it, in samples at the separator's rate.

    `past` and `future` samples outside a chunk influence its estimate; chunks start at multiples of `hop`, so that
    frames fall on the same samples whether the recording is cut or whole.
    """

    past: int
    future: int
    hop: int


class Separator(Protocol):
    """Turns a mixture (C, T) into its sources (S, C, T), all at `sample_rate`. Thread-safe, and free of state."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def context(self) -> Context: ...

    def separate(self, mixture: Array) -> Array: ...


@dataclass(frozen=True)
class Event:
    """A sound event: `label` from `onset_s` to `offset_s`, with a confidence in [0, 1]."""

    onset_s: float
    offset_s: float
    label: str
    confidence: float


class StftSettings(BaseModel):
    """Short-time Fourier transform, written once and read by training, export and use alike.

    Frames are centred on multiples of `hop` from the first sample on, zero-padded outside the signal; T samples give
    N = ceil(T / hop) + 1 frames and F = n_fft // 2 + 1 bins. The same window serves analysis and synthesis.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_fft: int
    hop: int
    window: Literal["sqrt_hann", "hann", "hamming"] = "sqrt_hann"

    @model_validator(mode="after")
    def _overlapping(self) -> "StftSettings":
        if not 0 < self.hop <= self.n_fft // 2:
            raise ValueError(f"hop {self.hop} must lie between 1 and half of n_fft {self.n_fft}")
        return self

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1


class MelSettings(BaseModel):
    """Bands of the mel scale over the bins of a magnitude spectrum; `soli.dsp.mel` has the matrices.

    `bands` triangles M between `lowest_hz` and `highest_hz` (None: half the sample rate), evenly spaced on the scale:
    "htk" is logarithmic above 700 Hz or so, "slaney" linear below 1 kHz and logarithmic above. `norm` is "none" (peaks
    of 1), "area" (every triangle has the same one, so that white noise is flat) or "mean" (the weights of a band sum
    to 1).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: int = Field(64, gt=0)
    lowest_hz: float = Field(50.0, ge=0)
    highest_hz: float | None = Field(None, gt=0)
    scale: Literal["htk", "slaney"] = "slaney"
    norm: Literal["none", "area", "mean"] = "area"

    @model_validator(mode="after")
    def _upwards(self) -> "MelSettings":
        if self.highest_hz is not None and self.highest_hz <= self.lowest_hz:
            raise ValueError(f"bands from {self.lowest_hz:g} to {self.highest_hz:g} Hz; wanted the lower end first")
        return self
