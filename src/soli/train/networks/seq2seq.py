"""Sequence-to-sequence mask network: an encoder and a decoder of LSTMs with attention, frames in, masks out.

The network of machine translation with "global" attention (Luong, Pham and Manning 2015, "Effective approaches to
attention-based neural machine translation", section 3.1), from the frames of a mixture to a mask a frame. The encoder
reads the spectrogram in both directions. The decoder starts from the encoder's last states and goes through the frames
once more; its state d at each frame is compared with all states e of the encoder (their "general" score, d' W e), a
softmax of the scores weighs them into a context c, and tanh(W [c; d]) gives the frame's masks (their eq. 5).

The preset `paper` has that paper's sizes: 4 layers of 1000 cells in encoder and decoder, dropout 0.2. There the network
translates sentences; for masks no size is published.

Difference from translation: a decoder of words needs the word before. Masks do not: frame n of the decoder is given
the encoder's state at frame n, since output and input run side by side. So all frames are decoded in one pass, and
attention over all of them is two matrix products.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from soli.train.networks.levels import relative_power
from soli.types import StftSettings

# Added to powers relative to the item's mean before the logarithm: what lies 60 dB below it counts as silence.
_FLOOR = 1e-6

State = tuple[Tensor, Tensor]


class Seq2SeqSettings(BaseModel):
    """What makes one sequence-to-sequence network differ from another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=256, hop=128)
    sample_rate: int = 8000
    outputs: int = 1
    hidden: int = Field(1000, gt=0, multiple_of=2, description="cells of a layer; the encoder's are half a direction")
    layers: int = Field(4, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)


class Seq2Seq(nn.Module):
    """Spectrum (B, 2, F, N) to real masks (B, S, 1, F, N) in (0, 1)."""

    def __init__(self, settings: Seq2SeqSettings) -> None:
        super().__init__()
        bins = settings.stft.bins
        self.outputs = settings.outputs
        self.norm = nn.BatchNorm1d(bins)
        self.encoder = Encoder(bins, settings)
        self.decoder = nn.LSTM(settings.hidden, settings.hidden, batch_first=True, **_depth(settings))
        self.attention = Attention(settings.hidden)
        self.masks = nn.Linear(settings.hidden, settings.outputs * bins)

    def forward(self, spectrum: Tensor) -> Tensor:
        level = (relative_power(spectrum) + _FLOOR).log()  # (B, F, N)
        encoded, state = self.encoder(self.norm(level).transpose(1, 2))  # (B, N, H)
        decoded, _ = self.decoder(encoded, state)  # (B, N, H)
        masks = self.masks(self.attention(decoded, encoded)).sigmoid()  # (B, N, S x F)
        return masks.unflatten(-1, (self.outputs, 1, -1)).permute(0, 2, 3, 4, 1)


class Encoder(nn.Module):
    """Frames (B, N, F) to states (B, N, H), and the state (L, B, H) that a decoder of as many layers starts from."""

    def __init__(self, bins: int, settings: Seq2SeqSettings) -> None:
        super().__init__()
        self.lstm = nn.LSTM(bins, settings.hidden // 2, batch_first=True, bidirectional=True, **_depth(settings))

    def forward(self, x: Tensor) -> tuple[Tensor, State]:
        encoded, (hidden, cell) = self.lstm(x)
        return encoded, (_both_directions(hidden), _both_directions(cell))


class Attention(nn.Module):
    """Global attention with the general score: decoder states (B, N, H), encoder states (B, N', H) to (B, N, H)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, hidden, bias=False)

    def forward(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        scores = self.score(decoded) @ encoded.transpose(1, 2)  # (B, N, N')
        context = scores.softmax(dim=-1) @ encoded  # (B, N, H)
        return self.combine(torch.cat([context, decoded], dim=-1)).tanh()


def _both_directions(state: Tensor) -> Tensor:
    """The last states of L layers in two directions, (2 L, B, H / 2), side by side: (L, B, H)."""
    return torch.cat([state[0::2], state[1::2]], dim=-1)


def _depth(settings: Seq2SeqSettings) -> dict[str, float]:
    # torch warns of dropout, which it applies between layers, where there is one layer.
    return {"num_layers": settings.layers, "dropout": settings.dropout if settings.layers > 1 else 0.0}
