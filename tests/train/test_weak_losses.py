"""Losses of sound events: known values, what they do not look at, and gradients at the ends."""

import math

import pytest
import torch

from soli.errors import UsageError
from soli.train.losses.table import WEAK, check_terms
from soli.train.losses.weak import Detected, Labelled, absent_l1, frame_bce, tag_bce

B, K, M, N = 2, 3, 4, 6
TAGS = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def said(mask: float = 0.25, tag: float = 0.25) -> Detected:
    return Detected(torch.full((B, K, M, N), mask, requires_grad=True), torch.full((B, K), tag, requires_grad=True))


def test_cross_entropy_of_tags_is_its_formula() -> None:
    there, not_there = -math.log(0.25), -math.log(0.75)
    expected = torch.tensor([(there + 2 * not_there) / 3, there])
    torch.testing.assert_close(tag_bce(said(), Labelled(TAGS)), expected)


def test_absent_masks_are_those_of_classes_that_are_not_in_the_clip() -> None:
    torch.testing.assert_close(absent_l1(said(), Labelled(TAGS)), torch.tensor([0.25 * 2 / 3, 0.0]))
    found = said()
    absent_l1(found, Labelled(TAGS)).sum().backward()
    silenced = found.masks.grad.abs().sum(dim=(2, 3)) > 0
    assert torch.equal(silenced, TAGS == 0)


def test_frames_count_only_where_they_are_known() -> None:
    active = torch.zeros(B, K, N)
    active[0, 0, 2:4] = 1
    active[1] = -1
    found = frame_bce(said(), Labelled(TAGS, active))
    expected = (2 * -math.log(0.25) + (K * N - 2) * -math.log(0.75)) / (K * N)
    torch.testing.assert_close(found, torch.tensor([expected, 0.0]))
    torch.testing.assert_close(frame_bce(said(), Labelled(TAGS)), torch.zeros(B))


@pytest.mark.parametrize("name", WEAK)
@pytest.mark.parametrize("value", [0.0, 1e-30, 0.5, 1.0])
def test_every_loss_gives_a_value_an_item_and_finite_gradients(name: str, value: float) -> None:
    found = said(value, value)
    loss = WEAK[name](found, Labelled(TAGS, torch.ones(B, K, N)))
    assert loss.shape == (B,)
    loss.sum().backward()
    for tensor in (loss, *(each.grad for each in (found.masks, found.tags) if each.grad is not None)):
        assert torch.isfinite(tensor).all()


def test_losses_of_events_fit_networks_of_events_alone() -> None:
    check_terms({"tag_bce": 0.7, "absent_l1": 0.3, "frame_bce": 0}, kind="events")
    with pytest.raises(UsageError, match='"tag_bce" compares what is said of classes, and a network of kind mask'):
        check_terms({"tag_bce": 1}, kind="mask")
    with pytest.raises(UsageError, match="an embedding, and a network of kind events gives masks and tags"):
        check_terms({"deep_clustering": 1}, kind="events")
    with pytest.raises(UsageError, match="did you mean tag_bce"):
        check_terms({"tag_bse": 1}, kind="events")
