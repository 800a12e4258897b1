"""The baseline that the networks of masks are compared with: a fully connected network, frame by frame.

Kong et al. (2018, arXiv 1804.04715) compare their network with one that sees the bands of a frame and of some around it
and says of each class whether it sounds in that frame. The paper gives no sizes; here 4 layers of 500 units with batch
norm and dropout, and 5 frames to either side. It has no say on frequency: a class's mask is the same in all bands.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from soli.train.networks.front_ends import EventsSettings, FrontEnd
from soli.train.networks.pooling import PoolingSettings, make_pooling, usual_thresholds


class WeakDnnSettings(EventsSettings):
    """What makes one frame-wise network differ from another."""

    hidden: int = Field(500, gt=0)
    layers: int = Field(4, gt=0)
    context: int = Field(5, ge=0, description="frames seen to either side")
    dropout: float = Field(0.2, ge=0, lt=1)
    pooling: PoolingSettings = PoolingSettings(kind="gap")


class WeakDnn(nn.Module):
    """Spectrum (B, 2, F, N) to masks (B, K, M, N), the same in all bands, and tags (B, K), both in (0, 1)."""

    def __init__(self, settings: WeakDnnSettings) -> None:
        super().__init__()
        self.front_end = FrontEnd(settings)
        self.register_buffer("thresholds", usual_thresholds(settings.outputs))
        layers: list[nn.Module] = []
        width, span = settings.bands, 2 * settings.context + 1
        for _ in range(settings.layers):
            # A fully connected layer on each frame; the first one sees the frames around it, too.
            layers += [
                nn.Conv1d(width, settings.hidden, span, padding=span // 2, bias=False),
                nn.BatchNorm1d(settings.hidden),
                nn.ReLU(),
            ]
            layers += [nn.Dropout(settings.dropout)] if settings.dropout else []
            width, span = settings.hidden, 1
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv1d(width, settings.outputs, 1)
        self.pooling = make_pooling(settings.pooling, classes=settings.outputs, bands=1, features=width)

    def forward(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(self.front_end(spectrum))  # (B, H, N)
        active = self.last(x).float().sigmoid()[:, :, None]  # (B, K, 1, N)
        masks = active * torch.ones_like(self.front_end.mean)[:, None]
        return masks, self.pooling(active, x[:, :, None])
