"""Change of sample rate, whole or in a stream, aligned in time and of exact length.

T samples at `rate_in` become round(T * rate_out / rate_in) samples at `rate_out`, halves rounded up. The filter is
soxr's "HQ" (linear phase, its delay taken out). Whole and streamed results are the same numbers, because the whole
one is a stream of one block.
"""

import math

import numpy as np
import soxr

from soli.errors import InputError
from soli.types import Array


def resampled_length(frames: int, rate_in: int, rate_out: int) -> int:
    """How many samples `frames` samples at `rate_in` become at `rate_out`."""
    return (2 * frames * rate_out + rate_in) // (2 * rate_in)


def resample(samples: Array, rate_in: int, rate_out: int) -> Array:
    """Samples (C, T) at `rate_in` Hz as (C, T') at `rate_out` Hz; the very samples where the rates are equal."""
    if rate_in == rate_out:
        return samples
    stream = StreamResampler(rate_in, rate_out, samples.shape[0])
    return np.concatenate([stream.process(samples), stream.flush()], axis=1)


class StreamResampler:
    """Resamples blocks (C, T) of any sizes, 0 included; what comes out lags behind until `flush`.

    All blocks together have exactly `resampled_length` samples, and do not depend on how the input was cut.
    """

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        self._rates = (rate_in, rate_out)
        self._channels = channels
        self._taken = 0
        self._given = 0
        self._peak = np.float32(0)
        self._soxr = None if rate_in == rate_out else soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32")

    def process(self, block: Array) -> Array:
        """The samples (C, T') that are ready after this block (C, T).

        Raises ValueError on another channel count, InputError where samples are so large that resampling overflows.
        """
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValueError(f"a block is {block.shape}, wanted ({self._channels}, T)")
        self._taken += block.shape[1]
        return block if self._soxr is None else self._run(block, last=False)

    def flush(self) -> Array:
        """The samples (C, T') that are left, and a fresh start: the next block begins another recording.

        Raises InputError as `process` does.
        """
        if self._soxr is None:
            return np.zeros((self._channels, 0), np.float32)
        wanted = resampled_length(self._taken, *self._rates) - self._given
        # soxr rounds the length in floating point: where that is near a half, one sample may be missing. Behind the end
        # it goes on in silence, so given some of that it says what the missing one is.
        silence = 2 * -(-self._rates[0] // self._rates[1])
        rest = self._run(np.zeros((self._channels, silence), np.float32), last=True)[:, :wanted]
        if rest.shape[1] != wanted:
            raise RuntimeError(f"soxr left {rest.shape[1]} samples, wanted {wanted}")
        self._soxr.clear()
        self._taken = self._given = 0
        self._peak = np.float32(0)
        return rest

    def _run(self, block: Array, *, last: bool) -> Array:
        assert self._soxr is not None
        frames = np.ascontiguousarray(block.T, dtype=np.float32)
        ready = self._soxr.resample_chunk(frames, last=last).reshape(-1, self._channels)
        self._given += ready.shape[0]
        self._peak = np.maximum(self._peak, np.abs(frames).max(initial=0))
        if np.isfinite(self._peak) and not np.isfinite(ready).all():
            raise InputError(
                f"samples as large as {self._peak:.3g} ({20 * math.log10(self._peak):.0f} dBFS), with which resampling"
                " overflows 32-bit float",
                do="scale the recording to a peak of 0 dBFS",
            )
        return np.ascontiguousarray(ready.T)
