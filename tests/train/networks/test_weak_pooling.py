"""Poolings: what they are in the limits, in any order, at any length, and by other routes."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from soli.train.networks.pooling import PoolingSettings, RankPooling, make_pooling

KINDS = ("gmp", "gap", "gwrp", "adaptive_gwrp", "dense", "sorted_dense", "cnn", "rnn", "attention")
K, M, D = 3, 8, 5


def pooling(kind: str, **changes: object) -> nn.Module:
    torch.manual_seed(0)
    settings = PoolingSettings.model_validate({"kind": kind, "r": 0.99, **changes})
    return make_pooling(settings, classes=K, bands=M, features=D)


def inputs(frames: int = 20, items: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(items, K, M, frames, generator=rng), torch.randn(items, D, M, frames, generator=rng)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, 2, 20, 333])
def test_tags_lie_between_0_and_1_at_any_length(kind: str, frames: int) -> None:
    masks, features = inputs(frames)
    tags = pooling(kind)(masks, features)
    assert tags.shape == (2, K)
    assert ((tags >= 0) & (tags <= 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_the_masks_and_all_that_is_learnt(kind: str) -> None:
    masks, features = (x.requires_grad_() for x in inputs())
    made = pooling(kind)
    made(masks, features).square().sum().backward()
    assert masks.grad.abs().sum() > 0
    for name, parameter in made.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_is_pooled_on_its_own(kind: str) -> None:
    masks, features = inputs()
    before = pooling(kind)(masks, features)
    masks = masks.clone()
    masks[:, 1] = 0.3
    after = pooling(kind)(masks, features)
    torch.testing.assert_close(after[:, [0, 2]], before[:, [0, 2]])
    assert not torch.allclose(after[:, 1], before[:, 1])


def test_rank_pooling_is_its_formula() -> None:
    masks, features = inputs()
    for b in range(2):
        for k in range(K):
            values = np.sort(masks[b, k].numpy().ravel())[::-1].astype(np.float64)
            weights = 0.99 ** np.arange(values.size)
            expected = (values * weights).sum() / weights.sum()
            assert float(pooling("gwrp")(masks, features)[b, k]) == pytest.approx(expected, rel=1e-5)


def test_rank_pooling_lies_between_the_maximum_and_the_mean() -> None:
    """r -> 0 is GMP, r -> 1 is GAP."""
    masks, features = inputs()
    largest, mean = (pooling(kind)(masks, features) for kind in ("gmp", "gap"))
    torch.testing.assert_close(pooling("gwrp", r=1e-9)(masks, features), largest)
    torch.testing.assert_close(pooling("gwrp", r=1 - 1e-7)(masks, features), mean, rtol=1e-3, atol=1e-4)
    between = [pooling("gwrp", r=r)(masks, features) for r in (0.2, 0.9, 0.99, 0.999)]
    for higher, lower in zip([largest, *between], [*between, mean], strict=True):
        assert (higher > lower).all()


def test_adaptive_rank_pooling_starts_as_the_fixed_one_and_learns_a_decay_a_class() -> None:
    masks, features = inputs()
    adaptive = pooling("adaptive_gwrp")
    torch.testing.assert_close(adaptive(masks, features), pooling("gwrp")(masks, features))
    assert isinstance(adaptive, RankPooling)
    assert adaptive.depth.shape == (K, 1)
    # Told that a class should be tagged higher, it looks at fewer of its values.
    adaptive(masks, features)[:, 1].sum().backward()
    assert adaptive.depth.grad[1] < 0
    assert adaptive.depth.grad[[0, 2]].abs().sum() == 0
    assert not list(pooling("gwrp").parameters())


@pytest.mark.parametrize("kind", ["gmp", "gap", "gwrp", "adaptive_gwrp", "sorted_dense"])
def test_poolings_by_value_do_not_care_where_a_value_lies(kind: str) -> None:
    masks, features = inputs()
    order = torch.randperm(masks[0, 0].numel())
    shuffled = masks.flatten(2)[..., order].reshape(masks.shape)
    torch.testing.assert_close(pooling(kind)(shuffled, features), pooling(kind)(masks, features))


@pytest.mark.parametrize("kind", ["dense", "rnn", "cnn"])
def test_learnt_poolings_over_time_do(kind: str) -> None:
    masks, features = inputs()
    made = pooling(kind)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    assert not torch.allclose(made(masks.flip(3), features), made(masks, features))


@pytest.mark.parametrize("kind", ["dense", "sorted_dense"])
def test_weights_on_a_grid_mean_the_same_at_another_length(kind: str) -> None:
    """A clip and the same clip with every frame three times: its tags are nearly those of the clip."""
    masks, features = inputs(frames=100)
    made = pooling(kind, grid=16)
    with torch.no_grad():
        made.weight.add_(torch.linspace(-3, 3, 16))
    slow = masks.repeat_interleave(3, dim=3)
    torch.testing.assert_close(made(slow, features), made(masks, features), atol=5e-3, rtol=0)


def test_attention_is_a_weighted_mean_of_the_mask() -> None:
    masks, features = inputs()
    flat = torch.full_like(masks, 0.7)
    torch.testing.assert_close(pooling("attention")(flat, features), torch.full((2, K), 0.7))
    made = pooling("attention")
    with torch.no_grad():
        made.score.weight.zero_()
    torch.testing.assert_close(made(masks, features), masks.mean(dim=(2, 3)))


def test_the_decay_of_the_paper_looks_at_five_thousand_values() -> None:
    made = RankPooling(classes=1, r=0.9998)
    assert float(made.depth.exp()) == pytest.approx(-1 / math.log(0.9998), rel=1e-4)


@pytest.mark.parametrize("wrong", [{"kind": "max"}, {"r": 1.0}, {"r": 0}, {"layers": 4}, {"size": 2}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PoolingSettings.model_validate(wrong)
