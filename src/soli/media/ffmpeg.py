"""Reading through FFmpeg (PyAV): mp3, m4a, the sound of video files, and everything libsndfile does not know."""

import re
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
from av.stream import Disposition

from soli.errors import InputError
from soli.media.info import AudioInfo, no_sound
from soli.types import Array

DecodeError = av.error.FFmpegError

# Formats that open other files or addresses named inside them, that are devices, or that take any text for a picture.
_REFUSED = {
    *("hls", "concat", "dash", "sdp", "rtp", "rtsp", "sap", "image2", "image2pipe", "imf", "lavfi", "smoothstreaming"),
    *("live_flv", "webm_dash_manifest", "mpjpeg", "alsa", "oss", "pulse", "sndio", "jack", "fbdev", "kmsgrab"),
    *("video4linux2,v4l2", "x11grab", "xcbgrab", "libcdio", "iec61883", "vapoursynth", "avisynth"),
    *("tty", "bin", "xbin", "adf", "idf", "ffmetadata", "vobsub"),
}
_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}

# A pause in a video's time stamps longer than this is silence to be heard, not rounding; longer than the second,
# the stamps are wrong.
_GAP_S, _WRONG_S = 0.1, 600.0


def open_container(file: BinaryIO) -> Any:
    """The opened container of a seekable file. Raises DecodeError."""
    allowed = ",".join(sorted(av.formats_available - _REFUSED))
    options = {"format_whitelist": allowed, "protocol_whitelist": ""}
    # Said, because PyAV else goes by the file's own mode, and a temporary file is open for writing too.
    return av.open(file, mode="r", metadata_errors="replace", options=options)


def moving_picture(container: Any) -> Any | None:
    """The first stream with a moving picture; cover art is none."""
    moving = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next(moving, None)


def sound_track(container: Any, name: str) -> Any | None:
    """The audio stream that players choose, None where there is none. Raises InputError for an unknown codec."""
    stream = container.streams.best("audio")
    if stream is not None and stream.codec_context is None:
        raise InputError(f"{name} has its sound in an unknown codec", do="convert it to wav or flac first")
    return stream


class FfmpegDecoder:
    """Frames of sound as float32 (T, C) of the best audio stream; priming and padding are cut as the file says.

    Raises DecodeError where FFmpeg does not know the file, or finds it damaged, and InputError where it has no sound.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        self._container = open_container(file)
        stream = sound_track(self._container, name)
        if stream is None:
            picture = moving_picture(self._container)
            self._container.close()
            raise (
                no_sound(name)
                if picture is None
                else InputError(
                    f"{name} has a picture but no sound", wanted="an audio track", do="check how it was recorded"
                )
            )
        self._stream = stream
        self.info = _describe(self._container, stream, name)
        self._ready: deque[Array] = deque()
        self._blocks = self._decode()

    def read(self, frames: int) -> Array:
        """The next `frames` frames (T, C), fewer at the end, none behind it."""
        parts: list[Array] = []
        missing = frames
        while missing:
            block = self._ready.popleft() if self._ready else next(self._blocks, None)
            if block is None:
                break
            if len(block) > missing:
                self._ready.appendleft(block[missing:])
                block = block[:missing]
            parts.append(block)
            missing -= len(block)
        return np.concatenate(parts) if parts else np.zeros((0, self.info.channels), np.float32)

    def skip(self, frames: int) -> bool:
        """Says that seeking is not exact here; the reader reads and drops instead."""
        return frames == 0

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> Iterator[Array]:
        """The blocks (T, C) on the file's own timeline, silence where the sound of a video pauses."""
        origin = None
        position = 0
        last, stated = np.zeros((0, self.info.channels), np.float32), 0
        for frame in decoded(self._container, self._stream):
            block = as_float(frame)
            self._check_same(frame, block, position)
            yield last
            if frame.time is not None and self.info.has_video:
                origin = frame.time if origin is None else origin
                gap_s = frame.time - origin - position / self.info.sample_rate
                if _GAP_S < gap_s < _WRONG_S:
                    yield np.zeros((round(gap_s * self.info.sample_rate), self.info.channels), np.float32)
                    position += round(gap_s * self.info.sample_rate)
            position += len(block)
            last, stated = block, frame.duration
        yield last[:stated] if self._counts_samples and stated else last

    @property
    def _counts_samples(self) -> bool:
        """Whether the duration of the last block tells how much of it is padding, to the sample."""
        return self.info.container == "mp4" and self._stream.time_base == Fraction(1, self.info.sample_rate)

    def _check_same(self, frame: Any, block: Array, position: int) -> None:
        if frame.sample_rate != self.info.sample_rate or block.shape[1] != self.info.channels:
            raise InputError(
                f"{self._name} changes to {frame.sample_rate} Hz and {block.shape[1]} channels"
                f" after {position / self.info.sample_rate:.3f} s",
                wanted="one rate and one channel count",
                do="cut it there into two files",
            )


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """The frames of a stream. Raises DecodeError; one last packet that cannot be decoded is junk behind the sound."""
    failure: Exception | None = None
    empty = True
    for packet in _packets(container, stream):
        if failure is not None and packet.size:
            raise failure
        try:
            frames = packet.decode()
        except DecodeError as error:
            failure = error
            continue
        empty = empty and not frames
        yield from frames
    if failure is not None and empty:
        raise failure


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of a stream, and an empty one that flushes its decoder."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):
            # IndexError: PyAV, after flushing the streams it knows, trips over one that appeared on the way.
            return
        yield packet


def _describe(container: Any, stream: Any, name: str) -> AudioInfo:
    codec, subtype = _codec(stream.codec.canonical_name)
    length = stream.duration * stream.time_base if stream.duration is not None and stream.time_base else None
    if length is None and container.duration is not None:
        length = container.duration / av.time_base
    return AudioInfo(
        path=name,
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        frames=None,
        container=_CONTAINERS.get(container.format.name, container.format.name),
        codec=codec,
        subtype=subtype,
        has_video=moving_picture(container) is not None,
        header_s=None if length is None else float(length),
        warnings=_other_tracks(container, stream, name),
    )


def _other_tracks(container: Any, stream: Any, name: str) -> tuple[str, ...]:
    """A warning where only one of several sound tracks is read."""
    tracks = list(container.streams.audio)
    if len(tracks) < 2:
        return ()
    chosen = next(number for number, track in enumerate(tracks, 1) if track.index == stream.index)
    others = next(number for number in range(1, len(tracks) + 1) if number != chosen)
    labels = [stream.metadata[key] for key in ("language", "title") if stream.metadata.get(key)]
    said = f" ({', '.join(labels)})" if labels else ""
    return (
        f"{name} has {len(tracks)} sound tracks, and only number {chosen}{said} is read;"
        f" for number {others} take what this writes: ffmpeg -i INPUT -map 0:a:{others - 1} track{others}.wav",
    )


def _codec(name: str) -> tuple[str, str]:
    """FFmpeg's codec name as ours: pcm_s16le is ("pcm", "pcm16")."""
    if match := re.fullmatch(r"pcm_([fsu])(\d+).*", name):
        return "pcm", ("float" if match[1] == "f" else "pcm") + match[2]
    return name, name


def as_float(frame: Any) -> Array:
    """An audio frame of any sample format as float32 (T, C); integers become fractions of full scale."""
    dtype, channels = _DTYPES[frame.format.packed.name], frame.layout.nb_channels
    if frame.format.is_planar:
        # Not frame.to_ndarray(): PyAV 18 counts one plane too many in frames of eight channels, and crashes.
        planes = frame.planes[:channels]
        samples = np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes], axis=1)
    else:
        samples = np.frombuffer(frame.planes[0], dtype, frame.samples * channels).reshape(-1, channels)
    if dtype == "u1":
        return np.asarray((samples.astype(np.float32) - 128.0) / 128.0, np.float32)
    if dtype.startswith("i"):
        return np.asarray(samples / 2.0 ** (8 * samples.dtype.itemsize - 1), np.float32)
    with np.errstate(over="ignore"):  # the reader finds the infinities that too large doubles become
        return samples.astype(np.float32)
