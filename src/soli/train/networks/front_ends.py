"""What networks of sound events hear of a spectrum: mel bands, compressed, each band standardised.

The front end is part of the network, so that a model file takes the same spectrum as every other and needs no scaler
beside it: `mean` and `deviation` of every band are buffers, fitted once on training data before the first step.

PCEN, per-channel energy normalisation, divides each band by a smoothed copy of itself: Wang, Getreuer, Hughes, Lyon,
Saurous (2017, "Trainable frontend for robust and far-field keyword spotting", eq. 1 and 2),

    P = (E / (eps + S)^alpha + delta)^r - delta^r,    S(n) = (1 - s) S(n - 1) + s E(n),    S(0) = E(0)

Its trainable form learns alpha, delta, r of each band, and the weights of several smoothers; here s are learnt, too.
The recursion is a convolution with (1 - s)^k s cut off after `taps` frames, the last of which takes what is left: a
graph of free length has no other way that is as fast. What is cut off weighs (1 - s)^taps, 3e-5 at the defaults.
"""

import math
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from soli.dsp.mel import mel_matrix
from soli.types import MelSettings, StftSettings

# Added to magnitudes before the logarithm (Kong et al. 2018).
_FLOOR = 1e-8
# Under the root of a power, whose slope is infinite at zero: far below the power of any recording.
_TINY = 1e-20
# A band that is the same in all training frames has no deviation of its own.
_LEAST_DEVIATION = 1e-3


class PcenSettings(BaseModel):
    """The constants of PCEN, or where training them starts; the defaults are those of the EPFL thesis system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smooth: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.04,), min_length=1, description="s of each")
    eps: float = Field(1e-6, gt=0)
    alpha: float = Field(0.98, gt=0)
    delta: float = Field(2.0, gt=0)
    r: float = Field(0.5, gt=0)
    trainable: bool = False
    taps: int = Field(256, gt=1, description="frames that a smoother looks back")


class FrontEndSettings(BaseModel):
    """From a spectrum to features: the bands, how they are compressed, and whether they are standardised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mel: MelSettings = MelSettings()
    compression: Literal["none", "log", "pcen"] = "log"
    pcen: PcenSettings = PcenSettings()
    standardise: bool = True


class EventsSettings(BaseModel):
    """What every network of sound events has: its transform, how many classes, `outputs`, and its front end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=2048, hop=1024, window="hamming")
    sample_rate: int = Field(32000, gt=0)
    outputs: int = Field(1, gt=0)
    front_end: FrontEndSettings = FrontEndSettings()

    @model_validator(mode="after")
    def _audible(self) -> Self:
        mel_matrix(self.stft, self.front_end.mel, sample_rate=self.sample_rate)  # refuses bands without a bin
        return self

    @property
    def bands(self) -> int:
        """M, the bands of the masks."""
        return self.front_end.mel.bands


class FrontEnd(nn.Module):
    """Spectrum (B, 2, F, N) to features (B, M, N)."""

    matrix: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: EventsSettings) -> None:
        super().__init__()
        given, bands = settings.front_end, settings.bands
        matrix = torch.from_numpy(mel_matrix(settings.stft, given.mel, sample_rate=settings.sample_rate))
        self.register_buffer("matrix", matrix, persistent=False)
        self.compression, self.standardise = given.compression, given.standardise
        self.pcen = Pcen(given.pcen, bands=bands) if given.compression == "pcen" else None
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("deviation", torch.ones(bands))

    def forward(self, spectrum: Tensor) -> Tensor:
        # Half precision is for products of the network: here it would round levels to a few parts in a thousand.
        with torch.autocast(spectrum.device.type, enabled=False):
            x = self.features(spectrum)
        return (x - self.mean[:, None]) / self.deviation[:, None] if self.standardise else x

    def features(self, spectrum: Tensor) -> Tensor:
        """The bands before they are standardised, (B, M, N)."""
        magnitude = (spectrum.square().sum(dim=1) + _TINY).sqrt() - math.sqrt(_TINY)  # (B, F, N)
        bands = self.matrix @ magnitude
        if self.pcen is not None:
            return self.pcen(bands)
        return (bands + _FLOOR).log() if self.compression == "log" else bands

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Takes mean and deviation of every band from features (M, N) of training data."""
        self.mean.copy_(values.mean(dim=1))
        self.deviation.copy_(values.std(dim=1, correction=0).clamp(min=_LEAST_DEVIATION))


class Pcen(nn.Module):
    """Magnitudes of bands (B, M, N) to their normalised form, the same shape; 0 where there is silence."""

    def __init__(self, settings: PcenSettings, *, bands: int) -> None:
        super().__init__()
        self.eps, self.taps = settings.eps, settings.taps
        smooth = torch.tensor(settings.smooth)
        values = {
            "smooth": smooth.logit(),  # (J,)
            "share": torch.zeros(len(smooth)),
            "alpha": torch.full((bands, 1), settings.alpha).log(),
            "delta": torch.full((bands, 1), settings.delta).log(),
            "r": torch.full((bands, 1), settings.r).log(),
        }
        for name, value in values.items():
            # One smoother has nothing to share.
            if settings.trainable and (name != "share" or len(smooth) > 1):
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value, persistent=False)

    def forward(self, bands: Tensor) -> Tensor:
        smoothed = self.smoothed(bands)
        alpha, delta, r = self.alpha.exp(), self.delta.exp(), self.r.exp()
        return (bands / (self.eps + smoothed) ** alpha + delta) ** r - delta**r

    def smoothed(self, bands: Tensor) -> Tensor:
        """The weighted sum of the smoothers, (B, M, N)."""
        items, count, frames = bands.shape
        kernel = (self.kernels() * self.share.softmax(dim=0)[:, None]).sum(dim=0)  # (taps,)
        rows = bands.reshape(-1, 1, frames)
        before = rows[..., :1].expand(-1, -1, self.taps - 1)  # as if it had been so for ever
        return functional.conv1d(torch.cat([before, rows], dim=-1), kernel[None, None]).reshape(items, count, frames)

    def kernels(self) -> Tensor:
        """The response of each smoother, oldest frame first, (J, taps); each sums to 1."""
        s = self.smooth.sigmoid()[:, None]
        ages = torch.arange(self.taps - 1, -1, -1, device=s.device)
        return torch.cat([(1 - s) ** (self.taps - 1), s * (1 - s) ** ages[1:]], dim=1)
