"""Windows of fixed length for networks that remember without end.

A recurrent network in two directions can carry what it heard for minutes, so no context makes a chunk's estimate equal
the whole recording's; and it was trained on a few seconds. Here it never sees more than one window, windows start at
multiples of a step whatever the chunk, and neighbours are cross-faded over what they share. Cut or whole, a sample is
then computed from the same windows.

The order of interchangeable sources is handed on from window to window by what they share, and from chunk to chunk as
it is. Where nothing sounds in what two windows share, the network is taken to have kept its order.
"""

import copy
from collections.abc import Iterable, Iterator

import numpy as np

from soli.separation.chunks import FADE_S
from soli.separation.fifo import Fifo
from soli.separation.orders import agreed, continued
from soli.separation.separators import NetworkSeparator, Watch
from soli.types import Array, Context


def cut(blocks: Iterable[Array], *, step: int, overlap: int) -> Iterator[tuple[int, Array]]:
    """The start and the samples (C, T') of each window of a stream of blocks (C, T), in order; never all of it.

    The windows are those that `Windowed` cuts a whole recording into: of `step` and `overlap` samples, a step apart.
    The last one ends where the recording does, and is shorter, or as long.
    """
    queue, start = Fifo(), 0
    for block in blocks:
        queue.push(block)
        while len(queue) >= step + overlap:
            yield start, queue.peek(step + overlap)
            queue.drop(step)
            start += step
    if len(queue) > (overlap if start else 0):
        yield start, queue.peek(len(queue))


class Windowed:
    """A network separator that hands its network windows of `window_s`, of which neighbours share `overlap_s`."""

    def __init__(self, network: NetworkSeparator, *, window_s: float, overlap_s: float) -> None:
        self.network = network
        self.info, self.device = network.info, network.device
        self.sample_rate, self.sources = network.sample_rate, network.sources
        self.preferred_chunk_s = network.info.chunk_s
        hop = network.context.hop
        self.step = max(1, round((window_s - overlap_s) * network.sample_rate / hop)) * hop
        self.overlap = max(1, round(overlap_s * network.sample_rate / hop)) * hop
        self._rise: Array = ((np.arange(self.overlap) + 0.5) / self.overlap).astype(np.float32)
        self._fall: Array = np.float32(1) - self._rise
        # Of the past, the one window that fades out into a core's first is enough, which starts a step before it: the
        # window before that one ends before the core, for windows share no more than half of themselves (`ModelInfo`).
        # Of the future, the window that starts where the core ends: all of the fade of `Chunked` is in it, and its end
        # is how far the separator looks ahead. Any longer, and the chunk would start a window that nothing is kept of.
        fade = round(FADE_S * network.sample_rate)
        ahead = self.step + self.overlap - (fade if fade <= self.step else 0)
        self.context = Context(past=self.step, future=ahead, hop=self.step)
        self.keeps_order = self.info.interchangeable

    def items_at_once(self, length: int) -> int:
        """How many items the network takes in one call: it is windows of theirs that it takes."""
        return self.network.items_at_once(min(length, self.step + self.overlap))

    def watched(self, watch: Watch) -> "Windowed":
        """The same, with a network that tells of its calls."""
        return self.with_network(self.network.watched(watch))

    def with_network(self, network: NetworkSeparator) -> "Windowed":
        """The same windows of another network, of the same rate and transform."""
        twin = copy.copy(self)
        twin.network, twin.sources = network, network.sources
        return twin

    def separate(self, mixture: Array) -> Array:
        """Estimates (S, C, T) of a mixture (C, T); each channel is separated on its own. Raises as the network does."""
        return self.separate_batch(mixture).swapaxes(0, 1)

    def separate_batch(self, mixtures: Array) -> Array:
        """Estimates (B, S, T) of a batch of mixtures (B, T). An item of silence gives silence, to the last bit.

        Interchangeable sources come in one order in all items, which are channels of one recording.
        """
        return self._joined(mixtures, {})

    def separate_after(
        self, mixture: Array, memory: list[int] | None, *, head: int, core: int
    ) -> tuple[Array, list[int] | None]:
        """As `soli.separation.chunks.KeepsOrder` says; `memory` is the order of the window before the core's first."""
        orders = {} if memory is None else {head - self.step: memory}
        estimates = self._joined(mixture, orders)
        return estimates.swapaxes(0, 1), orders.get(head + core - self.step)

    def stream(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Estimates (S, C, T') in order, for blocks (C, T) of any lengths: as many samples in all, a window late.

        What `soli.separation.chunks` gives, with every window taken apart once, and with memory for one. Not for
        interchangeable sources, whose order is not kept.
        """
        last: Array | None = None  # what the window before has in common with the next
        for _, samples in cut(blocks, step=self.step, overlap=self.overlap):
            part = self.network.separate(samples)
            if last is not None:
                part[..., : self.overlap] *= self._rise
                part[..., : self.overlap] += last * self._fall
            if part.shape[-1] < self.step + self.overlap:
                yield part  # the last one
                return
            last = part[..., self.step :].copy()
            yield part[..., : self.step]
        if last is not None:
            yield last  # none came to fade into

    def _joined(self, mixtures: Array, orders: dict[int, list[int]]) -> Array:
        """Estimates (B, S, T); `orders`, by where a window starts, are those that are known, and then those found."""
        estimates = np.zeros((len(mixtures), len(self.sources), mixtures.shape[-1]), dtype=np.float32)
        parts = self._parts(mixtures)
        for start, part in self._ordered(parts, mixtures, orders) if self.keeps_order else parts:
            self._add(estimates, part, start)
        return estimates

    def _parts(self, mixtures: Array) -> Iterator[tuple[int, Array]]:
        """The start and the estimate (B, S, T') of each window, in order."""
        items, length = mixtures.shape
        starts = range(0, max(length - self.overlap, 1), self.step)
        window = self.step + self.overlap
        whole = [start for start in starts if start + window <= length]
        together = max(1, self.network.items_at_once(window) // items)
        for group in (whole[i : i + together] for i in range(0, len(whole), together)):
            cut = np.concatenate([mixtures[:, start : start + window] for start in group])  # (W x B, T)
            yield from zip(group, np.split(self.network.separate_batch(cut), len(group)), strict=True)
        for start in starts[len(whole) :]:
            yield start, self.network.separate_batch(mixtures[:, start:])

    def _ordered(
        self, parts: Iterator[tuple[int, Array]], mixtures: Array, orders: dict[int, list[int]]
    ) -> Iterator[tuple[int, Array]]:
        """The windows' estimates, in each the sources in the order of the window before and alike in all channels."""
        order = list(range(len(self.sources)))
        shared: Array | None = None  # (S, C, T'), the end of the window before, as the network gave it
        for start, part in parts:
            heard = mixtures[:, start : start + part.shape[-1]]
            sources = agreed(part.swapaxes(0, 1), heard, sample_rate=self.sample_rate)
            if shared is not None:
                step = continued(shared, sources[..., : shared.shape[-1]])
                order = [step[place] for place in order]
            order = orders.setdefault(start, order)
            shared = sources[..., self.step :]
            yield start, sources[order].swapaxes(0, 1)

    def _add(self, estimates: Array, part: Array, start: int) -> None:
        """Adds a window's estimate (B, S, T'), faded in after the window before it and out before the next."""
        end = start + part.shape[-1]
        part = part.copy()
        if start > 0:
            part[..., : self.overlap] *= self._rise
        if end < estimates.shape[-1]:
            part[..., -self.overlap :] *= self._fall
        estimates[..., start:end] += part
