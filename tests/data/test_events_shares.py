"""Dividing files by class, and laying events out in time: whatever the shares, lengths and seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.data.events.dcase2013 import Settings, places
from soli.data.events.shares import counts_of, divide
from soli.data.readers.problems import BadSetError

SHARES = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4).map(
    lambda weights: {f"set{i}": weight / sum(weights) for i, weight in enumerate(weights)}
)
LENGTHS = st.lists(st.floats(0.01, 4.0), min_size=1, max_size=8)


@given(total=st.integers(0, 5000), shares=SHARES)
def test_counts_come_to_the_total_and_lie_beside_their_share(total: int, shares: dict[str, float]) -> None:
    counts = counts_of(total, shares)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - total * share) < 1 for name, share in shares.items())


@given(sizes=st.lists(st.integers(4, 30), min_size=1, max_size=4), shares=SHARES, seed=st.integers(0, 99))
def test_each_set_has_every_class_and_no_file_is_in_two(sizes: list[int], shares: dict[str, float], seed: int) -> None:
    by_class = {f"c{i}": [(i, j) for j in range(size)] for i, size in enumerate(sizes)}
    divided = divide(by_class, shares, np.random.default_rng(seed), place="here")
    everything = [file for files in divided.values() for file in files]
    assert sorted(everything) == sorted(file for files in by_class.values() for file in files)
    for files in divided.values():
        assert {label for label, _ in files} == set(range(len(sizes)))


def test_a_class_of_too_few_files_is_named() -> None:
    with pytest.raises(BadSetError, match="the class b has 1 file, wanted 2: one each for x, y"):
        divide({"a": [1, 2], "b": [3]}, {"x": 0.5, "y": 0.5}, np.random.default_rng(0), place="here")
    whole = divide({"a": [1, 2], "b": [3]}, {"x": 1.0, "y": 0.0}, np.random.default_rng(0), place="here")
    assert {name: len(files) for name, files in whole.items()} == {"x": 3, "y": 0}


@given(lengths=LENGTHS, seed=st.integers(0, 999))
def test_events_that_may_not_overlap_follow_one_another(lengths: list[float], seed: int) -> None:
    settings = Settings(length=5.0)
    laid = places(lengths, settings, np.random.default_rng(seed))
    end_s = 0.0
    for onset_s, length_s in laid:
        assert onset_s >= end_s - 1e-9
        assert length_s > 0
        end_s = onset_s + length_s
    assert end_s <= 5.0 + 1e-9
    if sum(lengths) <= 5.0:
        assert [length_s for _, length_s in laid] == lengths
    else:
        assert laid[0][0] == 0.0
        assert end_s == pytest.approx(5.0)


@given(lengths=LENGTHS, seed=st.integers(0, 999))
def test_events_that_may_overlap_are_whole_and_inside(lengths: list[float], seed: int) -> None:
    laid = places(lengths, Settings(length=5.0, overlap=True), np.random.default_rng(seed))
    assert [length_s for _, length_s in laid] == lengths
    assert all(0 <= onset_s <= 5.0 - length_s + 1e-9 for onset_s, length_s in laid)


def test_silence_is_spread_evenly_between_the_events() -> None:
    rng = np.random.default_rng(0)
    laid = np.array([places([1.0, 1.0], Settings(length=5.0), rng) for _ in range(4000)])
    gaps = np.stack([laid[:, 0, 0], laid[:, 1, 0] - laid[:, 0, 0] - 1.0])
    # The silence is uniform in 0..3 s, and a flat Dirichlet halves it in the mean.
    assert gaps.mean(axis=1) == pytest.approx([0.75, 0.75], abs=0.04)
    assert gaps.sum(axis=0).std() == pytest.approx(3 / np.sqrt(12), rel=0.05)
