"""One audio track of a container that FFmpeg writes: AAC, FLAC or Opus."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np

from soli.media.wav import as_integers
from soli.types import Array

# What the encoders take for each channel count.
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_AAC_LAYOUTS = {**LAYOUTS, 4: "4.0"}


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg, the sample format that it is given, and its bits per second and channel (0: lossless)."""

    name: str
    sample_format: str
    bits_per_s: int


AAC = Codec("aac", "flt", 128_000)
FLAC = Codec("flac", "s32", 0)
OPUS = Codec("libopus", "flt", 96_000)


@contextmanager
def as_os_errors() -> Iterator[None]:
    """FFmpeg's exceptions as OSError, which is what a writer expects of any encoder."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror or str(error)) from error


class AvTrack:
    """Adds a track to an output container and turns frames (T, C) into its packets; the first plays at `start`.

    `clipped` counts the samples that FLAC had to limit at full scale.
    """

    def __init__(self, container: Any, codec: Codec, *, sample_rate: int, channels: int, start: int = 0) -> None:
        self.stream = container.add_stream(codec.name, rate=sample_rate)
        self._codec, self._rate, self._position = codec, sample_rate, start
        self._layout = (_AAC_LAYOUTS if codec is AAC else LAYOUTS)[channels]
        self.clipped = 0
        context = self.stream.codec_context
        context.layout = self._layout
        if codec is FLAC:
            context.format = codec.sample_format
        context.time_base = Fraction(1, sample_rate)
        if codec.bits_per_s:
            context.bit_rate = min(codec.bits_per_s, 3 * sample_rate) * channels

    def encode(self, frames: Array) -> list[Any]:
        """The packets that are ready after these frames (T, C)."""
        if len(frames) == 0:
            return []
        frame = av.AudioFrame.from_ndarray(
            self._laid_out(frames), format=self._codec.sample_format, layout=self._layout
        )
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        self._position += len(frames)
        return list(self.stream.encode(frame))

    def flush(self) -> list[Any]:
        """The packets that are left."""
        return list(self.stream.encode(None))

    def _laid_out(self, frames: Array) -> Any:
        """Interleaved, (1, T * C); FFmpeg turns them into planes where the encoder wants these."""
        if self._codec.sample_format == "s32":
            self.clipped += int(np.count_nonzero(np.abs(frames) > 1.0))
            return (as_integers(frames, 24) << 8).reshape(1, -1)
        return np.ascontiguousarray(frames).reshape(1, -1)
