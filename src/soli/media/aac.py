"""Writing m4a: AAC in MP4 through FFmpeg, with lengths to the sample."""

from typing import BinaryIO

import av

from soli.media.avtrack import AAC, AvTrack, as_os_errors
from soli.types import Array


class AacEncoder:
    """Frames (T, C) to m4a. The edit list counts in samples, so that readers give back the exact length.

    Raises OSError.
    """

    def __init__(self, file: BinaryIO, *, sample_rate: int, channels: int) -> None:
        options = {"movie_timescale": str(sample_rate), "fflags": "+bitexact"}
        with as_os_errors():
            self._container = av.open(file, "w", format="ipod", container_options=options)
            self._track = AvTrack(self._container, AAC, sample_rate=sample_rate, channels=channels)

    def write(self, frames: Array) -> None:
        with as_os_errors():
            self._container.mux(self._track.encode(frames))

    def finish(self) -> None:
        with as_os_errors():
            self._container.mux(self._track.flush())
            self._container.close()
