"""Any length in constant memory: cut into chunks with context, separate each, join with a short cross-fade.

    recording   |------------------------------------------------------------------>
    chunk k             |  past  |          core          | fade | future |
    chunk k + 1                  ...          |    past   |          core          | fade | future |
    result                       |<--- k ---->|<--- k --->| k to k+1 |<--- k + 1 ...

Past and future are given to the separator and their estimate is thrown away, all but the first `fade` samples after the
core. The first chunk starts where the recording does and the last one ends where it ends, so that nothing is invented
there; and all chunks start on the separator's hop, so that its frames fall on the same samples as in the whole.

A separator of interchangeable sources hands their order on from chunk to chunk.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from soli.errors import ModelFileError, UsageError
from soli.separation.fifo import Fifo
from soli.types import Array, Context, Separator

DEFAULT_CHUNK_S = 20.0
FADE_S = 0.02


def check_chunk_s(chunk_s: float) -> None:
    """Raises UsageError where this is no length that a chunk can have."""
    if not (math.isfinite(chunk_s) and chunk_s > 0):
        raise UsageError(f"chunks of {chunk_s:g} s", wanted="a positive number of seconds")


@runtime_checkable
class PrefersChunks(Protocol):
    """A separator that says how long its chunks are best."""

    @property
    def preferred_chunk_s(self) -> float: ...


@runtime_checkable
class KeepsOrder(Protocol):
    """A separator that can keep interchangeable sources in one order over the chunks of a recording.

    `separate_after` gives the estimates (S, C, T) of a chunk with `head` samples of context before its core of `core`
    samples, in the order that the chunk before left in `memory`, and what the next chunk is to be given.
    """

    @property
    def keeps_order(self) -> bool: ...

    def separate_after(self, mixture: Array, memory: Any, *, head: int, core: int) -> tuple[Array, Any]: ...


@dataclass(frozen=True)
class _Window:
    """What one run of the separator gets: samples (C, T), `head` of which are context before the core."""

    samples: Array
    head: int
    last: bool


class Chunked:
    """Makes a separator take recordings of any length, whole or as a stream; itself a `Separator`.

    `batch` chunks of equal length go through the separator together, as if they were more channels: it must therefore
    treat each channel on its own. Only speed and memory depend on it. Interchangeable sources have one order in all
    channels, so their chunks go one by one. Without `chunk_s` the separator's own preference is taken, or else 20 s.
    `core` is the length that a chunk has in the result, in samples: a whole number of hops.

    Raises:
        UsageError: the chunk is no positive length, or the batch is no positive number.
    """

    def __init__(self, separator: Separator, *, chunk_s: float | None = None, batch: int = 1) -> None:
        if chunk_s is None:
            chunk_s = separator.preferred_chunk_s if isinstance(separator, PrefersChunks) else DEFAULT_CHUNK_S
        check_chunk_s(chunk_s)
        if batch < 1:
            raise UsageError(f"batches of {batch} chunks", wanted="a whole number from 1 on")
        self._keeper = separator if isinstance(separator, KeepsOrder) and separator.keeps_order else None
        self.separator, self.batch = separator, 1 if self._keeper else batch
        hop = separator.context.hop
        self.core = max(1, round(chunk_s * separator.sample_rate / hop)) * hop
        self._fade = min(self.core, round(FADE_S * separator.sample_rate))
        self._past = -(-separator.context.past // hop) * hop

    @property
    def sample_rate(self) -> int:
        return self.separator.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        return self.separator.sources

    @property
    def context(self) -> Context:
        return self.separator.context

    def separate(self, mixture: Array) -> Array:
        """Estimates (S, C, T) of a mixture (C, T) of any length."""
        estimates = np.empty((len(self.sources), *mixture.shape), dtype=np.float32)
        done = 0
        for part in self.stream([mixture]):
            estimates[..., done : done + part.shape[-1]] = part
            done += part.shape[-1]
        return estimates

    def stream(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Estimates (S, C, T') in order, for blocks (C, T) of any lengths: as many samples in all, a chunk or so late.

        The result does not depend on how the recording was cut into blocks. A block must not be changed after it was
        given.
        """
        tail: Array | None = None
        for window, estimate in self._estimates(self._windows(blocks)):
            estimate = estimate[..., window.head :]
            if tail is not None:
                estimate = _fade_in(tail, estimate)
            if window.last:
                yield estimate
                return
            tail = estimate[..., self.core : self.core + self._fade].copy()
            yield estimate[..., : self.core]

    def _windows(self, blocks: Iterable[Array]) -> Iterator[_Window]:
        """Cuts a stream; where depends on the samples that came, never on the blocks they came in."""
        queue, head = Fifo(), 0
        after = self.core + self._fade + self.separator.context.future
        for block in blocks:
            queue.push(block)
            while len(queue) >= head + after:
                yield _Window(queue.peek(head + after), head, last=False)
                next_head = min(self._past, head + self.core)
                queue.drop(head + self.core - next_head)
                head = next_head
        if len(queue):
            yield _Window(queue.peek(len(queue)), head, last=True)

    def _estimates(self, windows: Iterator[_Window]) -> Iterator[tuple[_Window, Array]]:
        """Each window with its estimate (S, C, T), up to `batch` windows of one length at a time."""
        if self._keeper is not None:
            yield from self._one_by_one(windows, self._keeper)
            return
        waiting: list[_Window] = []
        for window in windows:
            if waiting and window.samples.shape != waiting[0].samples.shape:
                yield from self._run(waiting)
                waiting = []
            waiting.append(window)
            if len(waiting) == self.batch:
                yield from self._run(waiting)
                waiting = []
        yield from self._run(waiting)

    def _one_by_one(self, windows: Iterator[_Window], keeper: KeepsOrder) -> Iterator[tuple[_Window, Array]]:
        memory: Any = None
        for window in windows:
            estimate, memory = keeper.separate_after(window.samples, memory, head=window.head, core=self.core)
            yield window, self._checked(estimate, window.samples)

    def _run(self, windows: list[_Window]) -> Iterator[tuple[_Window, Array]]:
        if not windows:
            return
        samples = windows[0].samples if len(windows) == 1 else np.concatenate([each.samples for each in windows])
        joined = self._checked(self.separator.separate(samples), samples)
        yield from zip(windows, np.split(joined, len(windows), axis=1), strict=True)

    def _checked(self, estimates: Array, samples: Array) -> Array:
        wanted = (len(self.sources), *samples.shape)
        if estimates.shape != wanted:
            raise ModelFileError(
                f"estimates of shape {estimates.shape}", wanted=f"{wanted}, as the mixture", do="export the model again"
            )
        return estimates


def _fade_in(tail: Array, estimate: Array) -> Array:
    """The estimate (S, C, T), its start blended from the last chunk's `tail` (S, C, fade); exact where they agree."""
    fade = tail.shape[-1]
    ramp = (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1)
    faded = estimate.copy()
    faded[..., :fade] = tail + ramp * (estimate[..., :fade] - tail)
    return faded
