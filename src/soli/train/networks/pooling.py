"""From the masks of a clip to its tags: what weak labels train is this, and the masks come with it.

Every pooling takes masks (B, K, M, N) in (0, 1) of any number of frames, and the features (B, D, M', N') that they were
made of, and gives tags (B, K) in (0, 1). The maximum and the mean (GMP, GAP) and their mean by rank (GWRP) are those of
Kong et al. (2018, arXiv 1804.04715, section III); learnt ones follow the EPFL thesis system, with weights that do not
depend on how long a clip is: those over time or over ranks are kept on a grid, and interpolated to the clip.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

Kind = Literal["gmp", "gap", "gwrp", "adaptive_gwrp", "dense", "sorted_dense", "cnn", "rnn", "attention"]


class PoolingSettings(BaseModel):
    """Which pooling, and the settings of those that have some."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "gwrp"
    r: float = Field(0.9998, gt=0, lt=1, description="gwrp: the decay; adaptive_gwrp: where it starts")
    grid: int = Field(64, gt=1, description="dense, sorted_dense: points of the weights over time or ranks")
    layers: int = Field(2, ge=1, le=3, description="cnn: how many")
    kernel: int = Field(5, gt=1, description="cnn: bins and frames of a kernel")
    hidden: int = Field(40, gt=0, description="rnn: units")


class MaxPooling(nn.Module):
    """GMP: the largest value."""

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        return masks.amax(dim=(2, 3))


class MeanPooling(nn.Module):
    """GAP: the mean."""

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        return masks.mean(dim=(2, 3))


class RankPooling(nn.Module):
    """GWRP: values in descending order, the j-th weighted by r^j, divided by the sum of the weights.

    With `adaptive` each class learns its own decay, as the logarithm of how many values it looks at, -1 / ln r.
    """

    def __init__(self, *, classes: int, r: float, adaptive: bool = False) -> None:
        super().__init__()
        depth = torch.full((classes if adaptive else 1, 1), math.log(-1 / math.log(r)))
        if adaptive:
            self.depth = nn.Parameter(depth)
        else:
            self.register_buffer("depth", depth, persistent=False)

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        values, _ = masks.flatten(2).sort(dim=-1, descending=True)  # (B, K, M N)
        ranks = torch.arange(values.shape[-1], device=values.device)
        weights = (-ranks / self.depth.exp()).exp()  # (K, M N) or (1, M N)
        return (values * weights).sum(dim=-1) / weights.sum(dim=-1)


class DensePooling(nn.Module):
    """Channel-wise fully connected: a weight of every band and time for each class, a bias, a sigmoid.

    Weights over time lie on a grid from the clip's start to its end, and are interpolated to its frames; they start
    equal, so that it begins as the mean.
    """

    def __init__(self, *, classes: int, bands: int, grid: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((classes, bands, grid), _SLOPE))
        self.bias = nn.Parameter(torch.full((classes,), -_SLOPE / 2))

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        weight = _stretched(self.weight, masks.shape[-1])  # (K, M, N)
        return ((masks * weight).mean(dim=(2, 3)) + self.bias).sigmoid()


class SortedDensePooling(nn.Module):
    """Channel-wise fully connected over the values in descending order; weights on a grid of ranks, as above."""

    def __init__(self, *, classes: int, grid: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((classes, 1, grid), _SLOPE))
        self.bias = nn.Parameter(torch.full((classes,), -_SLOPE / 2))

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        values, _ = masks.flatten(2).sort(dim=-1, descending=True)  # (B, K, M N)
        weight = _stretched(self.weight, values.shape[-1])[:, 0]  # (K, M N)
        return ((values * weight).mean(dim=-1) + self.bias).sigmoid()


class ConvolutionPooling(nn.Module):
    """Depth-wise convolutions of stride 2, each class on its own; the mean of the last one's map, a sigmoid."""

    def __init__(self, *, classes: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(classes, classes, kernel, stride=2, padding=kernel // 2, groups=classes) for _ in range(layers)
        )
        self.scale = nn.Parameter(torch.full((classes,), _SLOPE))
        self.bias = nn.Parameter(torch.full((classes,), -_SLOPE / 2))

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        x = masks
        for index, layer in enumerate(self.layers):
            x = layer(x if index == 0 else functional.leaky_relu(x, 0.1))
        return (x.mean(dim=(2, 3)) * self.scale + self.bias).sigmoid()


class RecurrentPooling(nn.Module):
    """Channel-wise RNN: a GRU along the frames of one class's mask, the same for all classes; its last state tells."""

    def __init__(self, *, classes: int, bands: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(bands, hidden, batch_first=True)
        self.weight = nn.Parameter(torch.randn(classes, hidden) / math.sqrt(hidden))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, masks: Tensor, _: Tensor) -> Tensor:
        items, classes, bands, frames = masks.shape
        rows = masks.reshape(-1, bands, frames).transpose(1, 2)  # (B K, N, M)
        states, _ = self.gru(rows)
        last = states[:, -1].reshape(items, classes, -1)  # (B, K, H)
        return ((last * self.weight).sum(dim=-1) + self.bias).sigmoid()


class AttentionPooling(nn.Module):
    """The mean of each mask weighted by a softmax over bands and frames of what the features say matters to it."""

    def __init__(self, *, classes: int, features: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(features, classes, 1)

    def forward(self, masks: Tensor, features: Tensor) -> Tensor:
        weights = self.score(features).flatten(2).softmax(dim=-1)
        return (masks.flatten(2) * weights).sum(dim=-1).clamp(0, 1)


# How steep the sigmoid of a learnt pooling is to start with: masks of 0 and 1 give tags of 0.12 and 0.88.
_SLOPE = 4.0

_MAKE: Mapping[Kind, Callable[[PoolingSettings, int, int, int], nn.Module]] = {
    "gmp": lambda s, k, m, d: MaxPooling(),
    "gap": lambda s, k, m, d: MeanPooling(),
    "gwrp": lambda s, k, m, d: RankPooling(classes=k, r=s.r),
    "adaptive_gwrp": lambda s, k, m, d: RankPooling(classes=k, r=s.r, adaptive=True),
    "dense": lambda s, k, m, d: DensePooling(classes=k, bands=m, grid=s.grid),
    "sorted_dense": lambda s, k, m, d: SortedDensePooling(classes=k, grid=s.grid),
    "cnn": lambda s, k, m, d: ConvolutionPooling(classes=k, layers=s.layers, kernel=s.kernel),
    "rnn": lambda s, k, m, d: RecurrentPooling(classes=k, bands=m, hidden=s.hidden),
    "attention": lambda s, k, m, d: AttentionPooling(classes=k, features=d),
}


def usual_thresholds(classes: int) -> Tensor:
    """The tags (K,) above which a class is in a clip, until validation finds better ones.

    A buffer of every network of sound events, which does not look at it: the model file carries it along.
    """
    return torch.full((classes,), 0.1)


def make_pooling(settings: PoolingSettings, *, classes: int, bands: int, features: int) -> nn.Module:
    """The pooling of masks (B, K, M, N) made of features (B, D, M, N)."""
    return _MAKE[settings.kind](settings, classes, bands, features)


def _stretched(weight: Tensor, length: int) -> Tensor:
    """Weights (K, M, G) interpolated along the last axis to (K, M, `length`)."""
    return functional.interpolate(weight, size=length, mode="linear", align_corners=False)
