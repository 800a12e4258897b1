"""Writing a video back with its picture untouched and one audio track a stem."""

import heapq
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from soli.errors import InputError, OutputError, UsageError
from soli.media.audio import AudioReader, open_audio
from soli.media.avtrack import AAC, FLAC, OPUS, AvTrack, Codec, as_os_errors
from soli.media.ffmpeg import DecodeError, decoded, moving_picture, open_container, sound_track
from soli.media.formats import FORMATS, VIDEO_FORMATS
from soli.media.info import Source
from soli.media.partfile import PartFile
from soli.media.resample import StreamResampler
from soli.media.source import open_source

_BLOCK = 4096
_OPUS_HZ = 48_000
_Timed = tuple[Fraction, Any]


@dataclass(frozen=True)
class _Target:
    """FFmpeg's name of the container, and the codec of its sound."""

    muxer: str
    codec: Codec


_CODECS = {"aac": AAC, "flac": FLAC, "opus": OPUS}
_TARGETS = {suffix: _Target(muxer, _CODECS[codec]) for suffix, (muxer, codec) in VIDEO_FORMATS.items()}


def remux(video: Source, stems: Mapping[str, Path], out: str | os.PathLike[str]) -> int:
    """Copies the picture of `video` to `out`, with the stems (title: sound file) as its audio tracks.

    The stems begin where the video's own sound begins, to the sample or to the container's tick. mp4, m4v and mov get
    AAC, mkv FLAC (24 bit), webm Opus. Memory does not grow with the length, and `out` appears only when it is whole.
    Returns how many samples FLAC had to limit at full scale.
    Raises InputError where the video or a stem cannot be read, UsageError for another suffix of `out`, OutputError
    where `out` cannot be written or cannot hold the picture or the stems' rate.
    """
    suffix = Path(out).suffix.lower()
    if suffix not in _TARGETS:
        raise UsageError(f'cannot write video as "{suffix}"', wanted=", ".join(_TARGETS), do="choose .mkv")
    with ExitStack() as stack:
        readers = {title: stack.enter_context(open_audio(path)) for title, path in stems.items()}
        for reader in readers.values():
            _check_rate(reader, _TARGETS[suffix].codec, out)
        picture = _Picture(video, stack)
        file = PartFile(out)
        stack.callback(file.discard)
        with file.explained():
            clipped = _write(file, _TARGETS[suffix], picture, readers)
        file.finish()
        file.commit()
    return clipped


class _Picture:
    """The picture stream of a video: its packets, untouched, on a clock that begins at 0 with the container."""

    def __init__(self, video: Source, stack: ExitStack) -> None:
        self.sound_start = _sound_start(video)
        opened = open_source(video)
        self.name = opened.name
        stack.callback(opened.close)
        try:
            self._container = stack.enter_context(open_container(opened.file))
        except DecodeError as error:
            raise InputError(f"{self.name} cannot be read as video", do="check what it is") from error
        stream = moving_picture(self._container)
        if stream is None:
            raise InputError(f"{self.name} has no picture", wanted="a video", do="leave remuxing away")
        self.stream: Any = stream
        begin = Fraction(self._container.start_time or 0, av.time_base)
        self._shift = round(begin / self.stream.time_base)
        self.sound_start -= self._shift * self.stream.time_base

    def packets(self, target: Any) -> Iterator[_Timed]:
        """(time in seconds, packet) for the stream `target`, in decoding order. Raises InputError."""
        now = Fraction(0)
        try:
            for packet in self._container.demux(self.stream):
                if packet.size == 0:
                    continue
                if packet.dts is not None:
                    packet.dts -= self._shift
                    now = packet.dts * packet.time_base
                if packet.pts is not None:
                    packet.pts -= self._shift
                packet.stream = target
                yield now, packet
        except DecodeError as error:
            raise InputError(f"{self.name} is damaged after {float(now):.3f} s", do="copy it again") from error


def _sound_start(video: Source) -> Fraction:
    """When the sound begins, in seconds of the container's own clock; 0 without sound."""
    opened = open_source(video)
    try:
        with open_container(opened.file) as container:
            sound = sound_track(container, opened.name)
            first = next(decoded(container, sound), None) if sound is not None else None
    except DecodeError as error:
        raise InputError(f"{opened.name} cannot be read as video", do="check what it is") from error
    finally:
        opened.close()
    return Fraction(0) if first is None or first.pts is None else first.pts * first.time_base


def _check_rate(reader: AudioReader, codec: Codec, out: str | os.PathLike[str]) -> None:
    rate = reader.info.sample_rate
    allowed = FORMATS["m4a"].rates or ()
    if codec is AAC and rate not in allowed:
        raise OutputError(f"cannot write {out}: its AAC sound knows no rate of {rate} Hz", do="choose a name in .mkv")


def _write(file: PartFile, target: _Target, picture: _Picture, readers: Mapping[str, AudioReader]) -> int:
    options = {"movie_timescale": "48000"} if target.codec is AAC else {}
    with as_os_errors(), av.open(file.sink, "w", format=target.muxer, container_options=options) as container:
        try:
            copied = container.add_stream_from_template(picture.stream)
            tracks = [_Track(container, target.codec, *item, picture.sound_start) for item in readers.items()]
            container.start_encoding()
        except (ValueError, av.error.FFmpegError) as error:
            do = "convert the video first" if target.muxer == "matroska" else "choose a name in .mkv"
            codec = picture.stream.codec.canonical_name
            raise OutputError(
                f"cannot write {file.path}: {target.muxer} cannot hold {codec} pictures", do=do
            ) from error
        streams = [picture.packets(copied), *(track.packets() for track in tracks)]
        for _, packet in heapq.merge(*streams, key=lambda item: item[0]):
            container.mux(packet)
        return sum(track.clipped for track in tracks)


class _Track:
    """A stem on its way into the container."""

    def __init__(self, container: Any, codec: Codec, title: str, reader: AudioReader, start: Fraction) -> None:
        self._reader = reader
        self._rate = _OPUS_HZ if codec is OPUS else reader.info.sample_rate
        self._resampler = StreamResampler(reader.info.sample_rate, self._rate, reader.info.channels)
        self._track = AvTrack(
            container,
            codec,
            sample_rate=self._rate,
            channels=reader.info.channels,
            start=round(start * self._rate),
        )
        # Matroska shows the one, MP4 players the other.
        self._track.stream.metadata["title"] = title
        self._track.stream.metadata["handler_name"] = title

    @property
    def clipped(self) -> int:
        return self._track.clipped

    def packets(self) -> Iterator[_Timed]:
        """(time in seconds, packet). Raises InputError where the stem cannot be read."""
        for block in self._reader.blocks(_BLOCK):
            yield from self._timed(self._track.encode(self._resampler.process(block).T))
        yield from self._timed(self._track.encode(self._resampler.flush().T))
        yield from self._timed(self._track.flush())

    @staticmethod
    def _timed(packets: list[Any]) -> Iterator[_Timed]:
        for packet in packets:
            yield (packet.dts or 0) * packet.time_base, packet
