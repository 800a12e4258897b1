"""From blocks of a recording at its own rate to blocks of its stems, in constant memory."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from soli.errors import InputError, ModelFileError
from soli.media.resample import StreamResampler
from soli.separation.chunks import Chunked
from soli.separation.fifo import Fifo
from soli.separation.residual import Residual
from soli.separation.windows import Windowed
from soli.types import Array


class StreamSeparator:
    """Separates a stream at one rate with a model of another: resample, separate in chunks, resample back, the rest.

    What is left is taken at the recording's own rate: the stems sum to the input whatever resampling did, and the band
    above the model's own goes to the rest, or to all stems alike. Keeps the input of about `batch` chunks until its
    estimate arrives. Classes of sounds are many: unless told of chunks, they go by single windows, for less memory.
    """

    def __init__(self, separator: Residual, *, sample_rate: int, chunk_s: float | None = None, batch: int = 1) -> None:
        self.separator = separator
        self.sample_rate = sample_rate
        network = separator.separator
        if isinstance(network, Windowed) and network.info.kind == "events" and (chunk_s, batch) == (None, 1):
            self._estimated = network.stream
        else:
            self._estimated = Chunked(network, chunk_s=chunk_s, batch=batch).stream

    @property
    def sources(self) -> tuple[str, ...]:
        return self.separator.sources

    def stream(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Stems (S, C, T') in order for blocks (C, T) of one channel count: exactly as many samples in all.

        A block must not be changed after it was given.

        Raises:
            InputError: a block has another channel count than the first, or NaN or infinite samples.
            ModelFileError: the network's estimates are longer or shorter than the recording by more than `slack`.
        """
        for _, stems in self.pairs(blocks):
            yield stems

    def pairs(self, blocks: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
        """As `stream`, with the part of the mixture (C, T') that each block of stems is of."""
        mixture, estimates = Fifo(), Fifo()
        for estimate in self.estimates(_kept(blocks, mixture)):
            estimates.push(estimate)
            ready = min(len(mixture), len(estimates))
            if ready:
                yield self._pair(mixture.take(ready), estimates.take(ready))
        off = abs(len(mixture) - len(estimates))
        if off > self.slack:
            raise ModelFileError(
                f"estimates that end {off} samples from the end of the recording",
                wanted=f"{self.slack} at most",
                do="report this with the model and the recording",
            )
        if len(mixture):  # estimates that end early are silent there, and all is left; late ones are let go
            remaining = mixture.take(len(mixture))
            estimated = len(self.separator.separator.sources)
            yield self._pair(remaining, np.zeros((estimated, *remaining.shape), np.float32))

    @property
    def slack(self) -> int:
        """By how many samples resampling there and back may end early or late: half a sample at either rate."""
        if self.sample_rate == self.separator.sample_rate:
            return 0
        return math.ceil(self.sample_rate / self.separator.sample_rate / 2 + 0.5)

    def _pair(self, mixture: Array, estimates: Array) -> tuple[Array, Array]:
        return mixture, self.separator.fill(mixture, estimates)

    def estimates(self, blocks: Iterator[Array]) -> Iterator[Array]:
        """The network's own estimates (S, C, T') at the recording's rate, in all as long as it but for `slack`."""
        rate, model_rate = self.sample_rate, self.separator.sample_rate
        if rate == model_rate:
            yield from self._estimated(blocks)
            return
        estimates = self._estimated(resampled(blocks, rate, model_rate))
        first = next(estimates, None)
        if first is None:
            return
        sources, channels, _ = first.shape
        back = StreamResampler(model_rate, rate, sources * channels)
        yield back.process(first.reshape(sources * channels, -1)).reshape(sources, channels, -1)
        for estimate in estimates:
            yield back.process(estimate.reshape(sources * channels, -1)).reshape(sources, channels, -1)
        yield back.flush().reshape(sources, channels, -1)


def _kept(blocks: Iterable[Array], queue: Fifo) -> Iterator[Array]:
    """Hands blocks on, keeping them in the queue; the first one sets the number of channels."""
    channels, position = 0, 0
    for block in blocks:
        channels = channels or block.shape[0]
        if block.shape[0] != channels:
            raise InputError(
                f"a block of {block.shape[0]} channels at sample {position}", wanted=f"{channels} as before"
            )
        finite = np.isfinite(block)
        if not finite.all():
            first = position + int(np.argmin(finite.all(axis=0)))
            found = f"{finite.size - np.count_nonzero(finite)} NaN or infinite samples, the first at sample {first}"
            raise InputError(found, wanted="finite ones", do="repair the recording")
        position += block.shape[1]
        queue.push(block)
        yield block


def resampled(blocks: Iterator[Array], rate_in: int, rate_out: int) -> Iterator[Array]:
    """The stream at another rate, in blocks of other lengths."""
    resampler: StreamResampler | None = None
    for block in blocks:
        resampler = resampler or StreamResampler(rate_in, rate_out, block.shape[0])
        yield resampler.process(block)
    if resampler is not None:
        yield resampler.flush()
