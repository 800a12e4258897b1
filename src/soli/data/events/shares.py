"""Dividing the files of each class among sets that share none, by shares: at least one file for every set."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from soli.data.readers.problems import BadSetError
from soli.errors import UsageError

T = TypeVar("T")


def check_shares(shares: Mapping[str, float]) -> None:
    """Raises UsageError where a share is none, or they do not come to one."""
    wrong = [f"{name} {share:g}" for name, share in shares.items() if not -1e-9 <= share <= 1]
    if wrong:
        raise UsageError(
            f"the share of {', '.join(wrong)}", wanted="shares from 0 to 1, of which the rest is the last's"
        )


def divide(
    by_class: Mapping[str, Sequence[T]], shares: Mapping[str, float], rng: np.random.Generator, *, place: str
) -> dict[str, list[T]]:
    """The items of every set, class by class. Sets without a share stay empty.

    Raises BadSetError naming the classes that have fewer files than there are sets.
    """
    names = [name for name, share in shares.items() if share > 1e-9]
    few = [
        f"the class {label} has {_files(len(items))}, wanted {len(names)}: one each for {', '.join(names)}"
        for label, items in by_class.items()
        if len(items) < len(names)
    ]
    if few:
        raise BadSetError(place, few)
    divided: dict[str, list[T]] = {name: [] for name in shares}
    for items in by_class.values():
        order = rng.permutation(len(items))
        begin = 0
        for name, count in _counts(len(items), {name: shares[name] for name in names}).items():
            divided[name] += [items[i] for i in order[begin : begin + count]]
            begin += count
    return divided


def counts_of(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`total` divided by the shares into whole numbers, largest remainders first; some may be 0."""
    exact = {name: total * share for name, share in shares.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    by_rest = sorted(shares, key=lambda name: exact[name] - counts[name], reverse=True)
    for name in by_rest[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def _counts(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """As `counts_of`, and at least one each, taken from the largest."""
    counts = counts_of(total, shares)
    for name in counts:
        if counts[name] == 0:
            counts[max(counts, key=counts.__getitem__)] -= 1
            counts[name] = 1
    return counts


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
