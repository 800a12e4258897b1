"""Sound files in: one reader for every format, checked as it reads; sound files out by `soli.media.writer`.

Samples are float32 (C, T), never clipped, scaled or repaired: a file that is cut off, or holds values that are not
numbers, is an InputError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Protocol

import numpy as np

from soli.errors import InputError
from soli.media import sndfile
from soli.media.info import AudioInfo, Source, check_info, no_samples, no_sound
from soli.media.resample import resample
from soli.media.source import OpenSource, open_source
from soli.media.whole import check_whole, prefers_ffmpeg
from soli.media.writer import write_audio
from soli.types import Array, Audio

__all__ = [
    "AudioInfo",
    "AudioReader",
    "Source",
    "open_audio",
    "probe",
    "read_audio",
    "write_audio",
]

BLOCK = 65536


class Decoder(Protocol):
    """What the reader needs of a library: a description, frames (T, C) in order, and perhaps a way to skip some."""

    info: AudioInfo

    def read(self, frames: int) -> Array: ...
    def skip(self, frames: int) -> bool: ...
    def close(self) -> None: ...


class AudioReader:
    """An open recording, read once from start to end; a context manager. `info` describes it."""

    def __init__(self, decoder: Decoder, opened: OpenSource, errors: tuple[type[Exception], ...]) -> None:
        self.info = decoder.info
        self._decoder = decoder
        self._opened = opened
        self._errors = errors
        self._position = 0

    def __enter__(self) -> "AudioReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; a file object that the caller gave stays open."""
        self._decoder.close()
        self._opened.close()

    def blocks(self, frames: int = BLOCK) -> Iterator[Array]:
        """The samples (C, T) from the present position on, T = `frames` but in the last block.

        Memory does not grow with the recording. Raises InputError where the recording is damaged or cut off, holds
        no samples, or holds values that are not numbers.
        """
        if frames < 1:
            raise ValueError(f"a block of {frames} frames")
        block = self.take(frames)
        while block.shape[1]:
            yield block
            block = self.take(frames) if block.shape[1] == frames else block[:, :0]

    def take(self, frames: int) -> Array:
        """The next `frames` samples (C, T), fewer at the end, none behind it. Raises InputError as `blocks` does."""
        return np.ascontiguousarray(self._read(frames).T)

    def skip(self, frames: int) -> None:
        """Moves on by `frames` samples, or to the end. Raises InputError as `blocks` does."""
        with self._explained():
            skipped = self._decoder.skip(frames)
        if skipped:
            self._position += frames if self.info.frames is None else min(frames, self.info.frames - self._position)
            return
        while frames:
            block = self._read(min(frames, BLOCK))
            if len(block) == 0:
                return
            frames -= len(block)

    def _read(self, frames: int) -> Array:
        block = self._decode(frames)
        if not np.isfinite(block).all():
            raise self._not_numbers(block)
        self._position += len(block)
        if len(block) < frames:
            self._check_end()
        return block

    def _decode(self, frames: int) -> Array:
        with self._explained():
            return self._decoder.read(frames)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise InputError(
                f"{self.info.path} is damaged or cut off: it can be read to about {self._seconds:.3f} s ({error})",
                do="copy it again, or cut it there",
            ) from error

    @property
    def _seconds(self) -> float:
        return self._position / self.info.sample_rate

    def _check_end(self) -> None:
        if self._position == 0:
            raise no_samples(self.info.path)
        promised = self.info.frames
        if promised is not None and self._position < promised:
            raise InputError(
                f"{self.info.path} is cut off: its header promises {promised / self.info.sample_rate:.3f} s,"
                f" {self._seconds:.3f} s are there",
                do="copy it again, or cut it there",
            )

    def _not_numbers(self, block: Array) -> InputError:
        bad = ~np.isfinite(block)
        first = (self._position + int(bad.any(axis=1).argmax())) / self.info.sample_rate
        count = int(bad.sum())
        while len(block := self._decode(BLOCK)):
            count += int((~np.isfinite(block)).sum())
        # Doubles come as float32, in which the largest of them are infinite.
        kind = "NaN, infinite or too large for 32-bit float" if self.info.subtype == "float64" else "NaN or infinite"
        found = "1 sample that is" if count == 1 else f"{count} samples that are"
        return InputError(
            f"{self.info.path} holds {found} {kind}, the first at {first:.6f} s",
            wanted="finite samples",
            do="cut that part out, or export the file again",
        )


def open_audio(source: Source, *, checksums: bool = True) -> AudioReader:
    """Opens a path, bytes, or a binary file object (from its beginning) for reading.

    Without `checksums` a file is not read through before its first sample is, as those are that have them (Ogg).
    Raises InputError where it is missing, a folder, not readable, empty, no sound, cut off, or out of bounds
    (1 to 768 kHz, 1 to 8 channels).
    """
    opened = open_source(source)
    try:
        warnings = check_whole(opened, checksums=checksums)
        reader = _open_ffmpeg(opened) if prefers_ffmpeg(opened) else _open_sndfile(opened) or _open_ffmpeg(opened)
        check_info(reader.info)
        reader.info = replace(reader.info, warnings=(*warnings, *reader.info.warnings))
    except BaseException:
        opened.close()
        raise
    return reader


def _open_sndfile(opened: OpenSource) -> AudioReader | None:
    """None where libsndfile does not know the file: it is FFmpeg's turn."""
    opened.file.seek(0)
    try:
        return AudioReader(sndfile.SndfileDecoder(opened.file, opened.name), opened, (sndfile.DecodeError, OSError))
    except sndfile.DecodeError:
        return None


def _open_ffmpeg(opened: OpenSource) -> AudioReader:
    from soli.media import ffmpeg

    opened.file.seek(0)
    try:
        return AudioReader(ffmpeg.FfmpegDecoder(opened.file, opened.name), opened, (ffmpeg.DecodeError,))
    except ffmpeg.DecodeError as error:
        raise no_sound(opened.name) from error


def probe(source: Source) -> AudioInfo:
    """What a recording is, without reading its samples. Raises InputError as `open_audio` does."""
    with open_audio(source) as reader:
        return reader.info


def read_audio(
    source: Source,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    sample_rate: int | None = None,
    mono: bool = False,
) -> Audio:
    """A recording, or `duration_s` seconds of it from `start_s` on (less where it ends before), in memory.

    `mono` takes the mean of the channels; `sample_rate` resamples what was read. Raises InputError as `open_audio` and
    `AudioReader.blocks` do, and where the recording ends before `start_s`.
    """
    if start_s < 0 or (duration_s is not None and duration_s <= 0):
        raise ValueError(f"an excerpt of {duration_s} s from {start_s} s")
    with open_audio(source) as reader:
        rate = reader.info.sample_rate
        reader.skip(round(start_s * rate))
        samples = _gather(reader, None if duration_s is None else max(1, round(duration_s * rate)))
    if samples.shape[1] == 0:
        raise InputError(f"{reader.info.path} ends before {start_s} s", do="start earlier")
    if mono:
        samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
    if sample_rate is not None:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return Audio(samples, rate)


def _gather(reader: AudioReader, frames: int | None) -> Array:
    """All samples (C, T) from the position on, or the first `frames` of them."""
    parts = [np.zeros((reader.info.channels, 0), np.float32)]
    while frames is None or frames > 0:
        part = reader.take(BLOCK if frames is None else min(frames, BLOCK))
        if part.shape[1] == 0:
            break
        parts.append(part)
        frames = None if frames is None else frames - part.shape[1]
    return np.concatenate(parts, axis=1)
