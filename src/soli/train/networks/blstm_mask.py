"""BLSTM mask network: decibels, batch norm over bins, a stack of bidirectional LSTM layers, a linear layer, a sigmoid.

The plain mask-inference network of the field (e.g. Wang and Chen 2018, "Supervised speech separation based on deep
learning", section IV). The preset `paper` is the largest network of the Bach10 thesis: STFT 512/128 at 44.1 kHz,
2 layers of 200 cells a direction, dropout 0.2.

It looks at decibels of full scale, as the thesis does, so that its masks depend on a recording's level: train on the
levels of use. Every other family sees levels in relation to the recording's own, or sets them (`band_split`).
"""

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from soli.types import StftSettings

# The level under which a bin counts as empty, as in the thesis: 20 log10(1e-4) = -80 dB.
_FLOOR = 1e-4


class BlstmMaskSettings(BaseModel):
    """What makes one BLSTM mask network differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=512, hop=128)
    sample_rate: int = 44100
    outputs: int = 1
    hidden: int = 128
    layers: int = 2
    dropout: float = 0.0
    causal: bool = False


class BlstmMask(nn.Module):
    """Spectrum (B, 2, F, N) to real masks (B, S, 1, F, N) in (0, 1)."""

    def __init__(self, settings: BlstmMaskSettings) -> None:
        super().__init__()
        self.settings = settings
        bins = settings.stft.bins
        self.norm = nn.BatchNorm1d(bins)
        self.lstm = nn.LSTM(
            bins,
            settings.hidden,
            num_layers=settings.layers,
            dropout=settings.dropout if settings.layers > 1 else 0.0,
            batch_first=True,
            bidirectional=not settings.causal,
        )
        width = settings.hidden * (1 if settings.causal else 2)
        self.masks = nn.Linear(width, settings.outputs * bins)

    def forward(self, spectrum: Tensor) -> Tensor:
        power = spectrum.square().sum(dim=1)  # (B, F, N)
        decibels = 10 * power.clamp(min=_FLOOR**2).log10()  # (B, F, N)
        x, _ = self.lstm(self.norm(decibels).transpose(1, 2))  # (B, N, 2 H)
        masks = self.masks(x).sigmoid()  # (B, N, S x F)
        return masks.unflatten(-1, (self.settings.outputs, 1, -1)).permute(0, 2, 3, 4, 1)
