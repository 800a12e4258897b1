"""The queue against one long array."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.separation.fifo import Fifo


@settings(deadline=None)
@given(
    pushes=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    takes=st.lists(st.tuples(st.sampled_from(["peek", "drop", "take"]), st.integers(1, 12)), max_size=12),
)
def test_it_is_one_long_array(pushes: list[int], takes: list[tuple[str, int]]) -> None:
    queue, rest = Fifo(), np.zeros((2, 0), np.float32)
    sent = 0
    for push, (what, count) in zip(pushes, takes + [("take", 1)] * len(pushes), strict=False):
        block = np.arange(sent, sent + 2 * push, dtype=np.float32).reshape(2, push)
        sent += 2 * push
        queue.push(block)
        rest = np.concatenate([rest, block], axis=1)
        count = min(count, len(queue))
        if count == 0:
            continue
        if what != "drop":
            got = queue.peek(count) if what == "peek" else queue.take(count)
            assert (got == rest[:, :count]).all()
        else:
            queue.drop(count)
        if what != "peek":
            rest = rest[:, count:]
        assert len(queue) == rest.shape[1]


def test_more_than_there_is_is_refused() -> None:
    queue = Fifo()
    queue.push(np.zeros((1, 3), np.float32))
    for act in (lambda: queue.peek(4), lambda: queue.drop(4), lambda: queue.peek(0), lambda: queue.take(-1)):
        with pytest.raises(ValueError, match="samples of 3"):
            act()
