"""Deep clustering, after Hershey, Chen, Le Roux, Watanabe (2016, "Deep clustering: discriminative embeddings for
segmentation and separation") and Isik, Le Roux, Chen, Watanabe, Hershey (2016, "Single-channel multi-speaker separation
using deep clustering").

A stack of bidirectional LSTM layers over log magnitudes; each bin gets D numbers, tanh, of unit norm, such that bins
that one source rules lie together. Sources are then found by k-means (`soli.separation.clustering`, in training and in
use alike), as many as there are `outputs`.

The preset `paper` is the larger network of the second paper, for 8 kHz: STFT 256/64, 4 layers of 300 cells a direction,
D 40: 10.6 million parameters. The papers give no count; the 13.6 million that Luo and Mesgarani (2019, Conv-TasNet,
table IV) give for "DPCL++" take in the enhancement network that follows there, which is not part of this.

Differences from the papers: magnitudes are seen in relation to the item's own level, as log(1 + |X| / knee) where the
papers have log |X|, and normalised over the training set by a batch norm in every bin; peephole connections are left
out. The papers' sources are interchangeable; named ones (voice, noise), which are not in the papers, are embedded alike
in every item of a batch, and k-means then starts from their anchors and is held near them.
"""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from soli.train.networks.levels import log_magnitude
from soli.types import StftSettings


class DeepClusteringSettings(BaseModel):
    """What makes one deep-clustering network differ from another; `dimensions` is D, `outputs` are the clusters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stft: StftSettings = StftSettings(n_fft=256, hop=64)
    sample_rate: int = 8000
    outputs: int = Field(2, ge=2)
    hidden: int = Field(300, gt=0)
    layers: int = Field(4, gt=0)
    dimensions: int = Field(40, gt=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class DeepClustering(nn.Module):
    """Spectrum (B, 2, F, N) to an embedding (B, D, F, N) of unit norm along D.

    The buffer `anchors` (S, D) is where the embeddings of named sources lie on average, zeros before any. The network
    does not look at it: the objective keeps it, and the model file carries it along.
    """

    anchors: Tensor

    def __init__(self, settings: DeepClusteringSettings) -> None:
        super().__init__()
        bins = settings.stft.bins
        self.dimensions = settings.dimensions
        self.norm = nn.BatchNorm1d(bins)
        self.lstm = nn.LSTM(
            bins,
            settings.hidden,
            num_layers=settings.layers,
            dropout=settings.dropout if settings.layers > 1 else 0.0,
            batch_first=True,
            bidirectional=True,
        )
        self.embedding = nn.Linear(2 * settings.hidden, bins * settings.dimensions)
        self.register_buffer("anchors", torch.zeros(settings.outputs, settings.dimensions))

    def forward(self, spectrum: Tensor) -> Tensor:
        levels = log_magnitude(spectrum)  # (B, F, N)
        x, _ = self.lstm(self.norm(levels).transpose(1, 2))  # (B, N, 2 H)
        v = self.embedding(x).tanh().unflatten(-1, (-1, self.dimensions))  # (B, N, F, D)
        return functional.normalize(v, dim=-1).permute(0, 3, 2, 1)
