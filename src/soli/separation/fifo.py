"""A queue of samples: blocks of any length go in, other lengths come out."""

from collections import deque

import numpy as np

from soli.types import Array


class Fifo:
    """Arrays (..., T), joined along time. Holds the blocks themselves, so they must not be changed afterwards."""

    def __init__(self) -> None:
        self._blocks: deque[Array] = deque()
        self._skipped = 0  # samples of the first block that are gone already
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, block: Array) -> None:
        """Appends samples (..., T)."""
        if block.shape[-1]:
            self._blocks.append(block)
            self._length += block.shape[-1]

    def peek(self, count: int) -> Array:
        """The first `count` samples (..., count), which stay; at most `len`, and at least one."""
        if not 0 < count <= self._length:
            raise ValueError(f"{count} samples of {self._length}")
        parts, missing, skip = [], count, self._skipped
        for block in self._blocks:
            part = block[..., skip : skip + missing]
            parts.append(part)
            missing -= part.shape[-1]
            skip = 0
            if not missing:
                break
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def drop(self, count: int) -> None:
        """Forgets the first `count` samples."""
        if not 0 <= count <= self._length:
            raise ValueError(f"{count} samples of {self._length}")
        self._length -= count
        self._skipped += count
        while self._blocks and self._skipped >= self._blocks[0].shape[-1]:
            self._skipped -= self._blocks.popleft().shape[-1]

    def take(self, count: int) -> Array:
        """The first `count` samples (..., count), which leave the queue."""
        samples = self.peek(count)
        self.drop(count)
        return samples
