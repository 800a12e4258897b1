"""Which items of a training set are held out to validate on: whole groups of items that share a recording."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from soli.errors import DataError, UsageError

SHARE = 0.05
MOST = 200


def default_count(items: int) -> int:
    """How many of `items` to hold out unless told: a twentieth, 1 at least and 200 at most; none of a single one."""
    return max(1, min(MOST, round(SHARE * items))) if items > 1 else 0


@dataclass(frozen=True)
class Held:
    """The items taken out of training; `apart`: whether they share nothing at all with those that are left."""

    names: frozenset[str] = frozenset()
    apart: bool = True


def hold_out(contents: Mapping[str, Collection[str]], *, among: Collection[str], count: int, seed: int) -> Held:
    """The items to take out of training: up to `count` of `among`, and the others that share a content with them.

    `contents` names what each item is made of, by hash. A group of items that share something goes as a whole, so that
    nothing validated on is trained on; groups that lie wholly in `among` go first. Where that gives less than half of
    `count`, because one recording is in many items, only items alike in all their contents go together. The draw
    depends on the names and on the seed alone. Raises UsageError where nothing would be left to train on, DataError
    where all items are copies of too few.
    """
    if count == 0:
        return Held()
    if count >= len(among):
        raise UsageError(
            f"{count} of {len(among)} training items cannot be held out", wanted=f"fewer than {len(among)}"
        )
    alike = {name: [" ".join(sorted(found))] for name, found in contents.items()}
    for apart, by in ((True, contents), (False, alike)):
        held = _drawn(sharing(by), among, count, seed)
        if 2 * sum(name in among for name in held) >= count:
            return Held(frozenset(held), apart)
    raise DataError(
        f"no {count} training items can be held out: too many are copies of one another", do="hold out none"
    )


def _drawn(groups: list[list[str]], among: Collection[str], count: int, seed: int) -> set[str]:
    order = [groups[int(number)] for number in np.random.default_rng(seed).permutation(len(groups))]
    held: set[str] = set()
    taken = 0
    for group in sorted(order, key=lambda group: any(name not in among for name in group)):
        inside = sum(name in among for name in group)
        if inside and taken + inside <= count:
            held.update(group)
            taken += inside
    return held


def sharing(contents: Mapping[str, Collection[str]]) -> list[list[str]]:
    """The names in groups that share a content, directly or through others; sorted, whatever the order given."""
    above: dict[str, str] = {}

    def top(node: str) -> str:
        above.setdefault(node, node)
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for name, found in contents.items():
        for content in found:
            above[top(f"content {content}")] = top(f"name {name}")
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(contents):
        groups[top(f"name {name}")].append(name)
    return list(groups.values())
