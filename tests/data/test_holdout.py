"""What is held out shares nothing with what is left, whatever shares what."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.data.holdout import default_count, hold_out, sharing
from soli.errors import DataError, UsageError

NAMES = [f"n{number}" for number in range(12)]
CONTENTS = st.lists(st.sets(st.integers(0, 20).map(str), min_size=1, max_size=3), min_size=2, max_size=12).map(
    lambda found: dict(zip(NAMES, found, strict=False))
)


def test_groups_are_joined_through_others() -> None:
    assert sharing({"a": ["1"], "b": ["2"], "c": ["2", "3"], "d": ["3", "1"], "e": ["4"]}) == [
        ["a", "b", "c", "d"],
        ["e"],
    ]


@settings(deadline=None)
@given(CONTENTS, st.integers(1, 11), st.integers(0, 5))
def test_nothing_is_shared_between_the_held_and_the_left(contents: dict[str, set[str]], count: int, seed: int) -> None:
    among = list(contents)[: max(2, len(contents) // 2)]
    try:
        held = hold_out(contents, among=among, count=count, seed=seed)
    except UsageError:
        assert count >= len(among)
        return
    except DataError:
        assert len({frozenset(found) for found in contents.values()}) < len(contents)
        return
    left = [name for name in contents if name not in held.names]
    assert count / 2 <= len(held.names & set(among)) <= count < len(among)
    assert not {frozenset(contents[name]) for name in held.names} & {frozenset(contents[name]) for name in left}
    if held.apart:
        assert not set().union(*(contents[name] for name in held.names)) & set().union(*(contents[n] for n in left))


def test_the_draw_depends_on_names_and_seed_alone() -> None:
    contents = {f"train/{number}": [str(number)] for number in range(40)}
    backwards = dict(reversed(contents.items()))
    held = hold_out(contents, among=contents, count=8, seed=3)
    assert len(held.names) == 8
    assert held.apart
    assert hold_out(backwards, among=contents, count=8, seed=3) == held
    assert hold_out(contents, among=contents, count=8, seed=4) != held


def test_groups_within_the_pool_go_first() -> None:
    contents = {"a": ["1"], "b": ["2"], "small": ["1"]}
    for seed in range(8):
        assert hold_out(contents, among=["a", "b"], count=1, seed=seed).names == {"b"}


@pytest.mark.parametrize(("items", "count"), [(1, 0), (2, 1), (30, 2), (1000, 50), (5000, 200)])
def test_a_twentieth_and_200_at_most(items: int, count: int) -> None:
    assert default_count(items) == count


def test_a_recording_that_is_in_every_item_does_not_forbid_it() -> None:
    contents = {name: ["hum", name] for name in NAMES}
    held = hold_out(contents, among=NAMES, count=3, seed=0)
    assert (len(held.names), held.apart) == (3, False)


def test_a_set_of_copies_cannot_be_split() -> None:
    contents = {name: ["hum"] for name in NAMES}
    with pytest.raises(DataError, match="too many are copies of one another"):
        hold_out(contents, among=NAMES, count=3, seed=0)
    with pytest.raises(UsageError, match="12 of 12 training items cannot be held out"):
        hold_out(contents, among=NAMES, count=12, seed=0)
