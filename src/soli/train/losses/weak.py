"""Losses of sound events: what a network says of a clip, and what is known of it. Each gives a value an item, (B,)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Detected:
    """What a network says: `masks` (B, K, M, N) and `tags` (B, K), in (0, 1)."""

    masks: Tensor
    tags: Tensor


@dataclass(frozen=True)
class Labelled:
    """What is known of clips: `tags` (B, K), 1 where a class is in the clip, else 0.

    `active` (B, K, N) says so of every frame, and is -1 all over a clip of which that is not known; None where it is
    known of no clip.
    """

    tags: Tensor
    active: Tensor | None = None


def tag_bce(estimate: Detected, target: Labelled) -> Tensor:
    """Binary cross-entropy of the tags, the mean over the classes."""
    return functional.binary_cross_entropy(estimate.tags, target.tags, reduction="none").mean(dim=1)


def absent_l1(estimate: Detected, target: Labelled) -> Tensor:
    """The mean of the masks of classes that are not in the clip, over all classes, bands and frames.

    What cannot be there should be masked nowhere, not only where the tag looks. Weighted (1 - lambda) `tag_bce` and
    lambda `absent_l1` it is the loss of the EPFL thesis system, lambda 0.3.
    """
    return (estimate.masks.mean(dim=(2, 3)) * (1 - target.tags)).mean(dim=1)


def frame_bce(estimate: Detected, target: Labelled) -> Tensor:
    """Binary cross-entropy of each class's mean mask in each frame; 0 for clips whose events' times are not known."""
    if target.active is None:
        return 0.0 * estimate.masks.sum(dim=(1, 2, 3))
    known = (target.active >= 0).to(estimate.masks.dtype)
    wanted = target.active.clamp(min=0)
    values = functional.binary_cross_entropy(estimate.masks.mean(dim=2), wanted, reduction="none")
    return (values * known).mean(dim=(1, 2))
