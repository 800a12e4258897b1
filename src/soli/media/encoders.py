"""The encoders of the formats: wav by ourselves, flac, ogg, opus and mp3 through libsndfile, m4a through FFmpeg."""

from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from soli.media.channels import to_vorbis
from soli.media.formats import PCM_BITS
from soli.media.wav import WavEncoder, as_integers
from soli.types import Array

# libsndfile's Vorbis encoder keeps whole writes on the stack.
_WRITE_FRAMES = 4096

_SNDFILE = {
    "flac": ("FLAC", None),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
# Of libsndfile's 0 (best) to 1 (smallest); flac is lossless at every level.
_LEVELS = {"flac": 0.5, "ogg": 0.2, "opus": 0.2, "mp3": 0.0}


class Encoder(Protocol):
    """Turns frames (T, C) into the bytes of a file, completed by `finish`."""

    def write(self, frames: Array) -> None: ...
    def finish(self) -> None: ...


class SndfileEncoder:
    """flac, ogg (Vorbis), opus and mp3."""

    def __init__(self, file: BinaryIO, *, sample_rate: int, channels: int, format: str, subtype: str | None) -> None:
        container, codec = _SNDFILE[format]
        self._bits = PCM_BITS.get(subtype or "")
        self._file = soundfile.SoundFile(
            file,
            "w",
            samplerate=sample_rate,
            channels=channels,
            format=container,
            subtype=codec or f"PCM_{self._bits}",
            compression_level=_LEVELS[format],
        )

    def write(self, frames: Array) -> None:
        for start in range(0, len(frames), _WRITE_FRAMES):
            block = frames[start : start + _WRITE_FRAMES]
            if self._bits is None:
                self._file.write(np.ascontiguousarray(to_vorbis(block)))
            else:
                self._file.write(as_integers(block, self._bits) << (32 - self._bits))

    def finish(self) -> None:
        self._file.close()


def open_encoder(
    file: BinaryIO, *, sample_rate: int, channels: int, format: str, subtype: str | None, frames: int | None
) -> Encoder:
    """The encoder for a format of `soli.media.formats`."""
    if format == "wav":
        return WavEncoder(file, sample_rate=sample_rate, channels=channels, subtype=subtype or "float32", frames=frames)
    if format == "m4a":
        from soli.media.aac import AacEncoder

        return AacEncoder(file, sample_rate=sample_rate, channels=channels)
    return SndfileEncoder(file, sample_rate=sample_rate, channels=channels, format=format, subtype=subtype)
