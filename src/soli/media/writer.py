"""Sound files out: whole under their final name, or not there at all."""

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import numpy as np
import soundfile

from soli.errors import OutputError
from soli.media.encoders import Encoder, open_encoder
from soli.media.formats import PCM_BITS, check_holds, choose_subtype
from soli.media.partfile import PartFile
from soli.types import Array

# soundfile asserts that libsndfile took every frame.
_ENCODE_ERRORS = (soundfile.SoundFileError, AssertionError)


class AudioWriter:
    """Writes blocks (C, T) to a hidden temporary file beside `path`: `write`..., `finish`, `commit`; or `abort`.

    As a context manager it finishes and commits at the end of the block, and aborts on an exception. `subtype` None
    takes the format's best. `frames`, where the length is known, spares wav the room for RF64's header.
    Raises UsageError for an unknown format or subtype; OutputError where the format cannot hold the rate or the
    channels, the folder is missing or read-only, the disk is full, or a sample is not a number.
    """

    peak: float
    clipped: int

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sample_rate: int,
        channels: int,
        format: str = "wav",
        subtype: str | None = None,
        frames: int | None = None,
    ) -> None:
        chosen = choose_subtype(format, subtype)
        check_holds(str(path), format, sample_rate=sample_rate, channels=channels)
        self.peak, self.clipped, self.frames = 0.0, 0, 0
        self._limits = chosen in PCM_BITS
        self._channels = channels
        self._file = PartFile(path)
        self.path, self.part = self._file.path, self._file.part
        self._encoder: Encoder | None = None
        with self._file.explained(*_ENCODE_ERRORS):
            self._encoder = open_encoder(
                cast(BinaryIO, self._file.sink),
                sample_rate=sample_rate,
                channels=channels,
                format=format,
                subtype=chosen,
                frames=frames,
            )

    def write(self, block: Array) -> None:
        """Appends samples (C, T). After an OutputError the temporary file is gone."""
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValueError(f"a block is {block.shape}, wanted ({self._channels}, T)")
        peak = float(np.max(np.abs(block), initial=0.0))
        if not np.isfinite(peak):
            self.abort()
            raise OutputError(f"{self.path} would get samples that are not numbers", do="report this with the input")
        self.peak = max(self.peak, peak)
        if self._limits and peak > 1.0:
            self.clipped += int(np.count_nonzero(np.abs(block) > 1.0))
        self.frames += block.shape[1]
        if self._encoder is None:
            raise ValueError(f"{self.path} is finished already")
        with self._file.explained(*_ENCODE_ERRORS):
            self._encoder.write(block.T)

    def finish(self) -> None:
        """Completes the file down to the disk, still under its temporary name."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            with self._file.explained(*_ENCODE_ERRORS):
                encoder.finish()
            self._file.finish()

    def commit(self) -> None:
        """Gives the finished file its final name, replacing what had it."""
        self.finish()
        self._file.commit()

    def abort(self) -> None:
        """Removes the temporary file; nothing happens where there is none."""
        self._encoder = None
        self._file.discard()

    def __enter__(self) -> "AudioWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.abort()
            return
        self.commit()


def write_audio(
    path: str | os.PathLike[str],
    samples: Array,
    *,
    sample_rate: int,
    format: str | None = None,
    subtype: str | None = None,
) -> None:
    """Writes samples (C, T) to a file, whole or not at all; the format is that of the suffix unless given.

    Raises as `AudioWriter` does.
    """
    chosen = format or Path(path).suffix.lower().removeprefix(".")
    channels, frames = samples.shape
    with AudioWriter(
        path, sample_rate=sample_rate, channels=channels, format=chosen, subtype=subtype, frames=frames
    ) as writer:
        writer.write(samples)
