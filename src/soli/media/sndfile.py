"""Reading through libsndfile: wav, flac, ogg, opus, aiff and other files of plain sound; it can seek exactly."""

from contextlib import suppress
from typing import BinaryIO

import soundfile

from soli.media.channels import from_vorbis
from soli.media.info import AudioInfo
from soli.types import Array

_SUBTYPES = {"float": "float32", "double": "float64", "pcm_u8": "pcm8", "pcm_s8": "pcm8"}
_CONTAINERS = {"wavex": "wav"}

DecodeError = soundfile.LibsndfileError


class Callbacks:
    """A file as libsndfile calls back for it. What is raised there is printed by cffi and lost, so nothing is.

    Without its name: soundfile takes a file that is called .raw for bare samples, whatever is in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        """Damaged headers send libsndfile to places that do not exist: it then stays where it is."""
        with suppress(ValueError, OSError):
            self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def read(self, count: int) -> bytes:
        """Nothing where the system cannot read on, as at the end of the file; `failure` then says why."""
        try:
            return self._file.read(count)
        except OSError as error:
            self.failure = error
            return b""


class SndfileDecoder:
    """Frames of sound as float32 (T, C), from the position on; integers become fractions of full scale, exactly.

    Raises DecodeError where libsndfile does not know the file, or finds it damaged.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._calls = Callbacks(file)
        self._file = soundfile.SoundFile(self._calls)
        subtype = self._file.subtype.lower()
        container = self._file.format.lower()
        plain = subtype.startswith(("pcm", "float", "double"))
        self.info = AudioInfo(
            path=name,
            sample_rate=self._file.samplerate,
            channels=self._file.channels,
            frames=self._file.frames,
            container=_CONTAINERS.get(container, container),
            codec=("flac" if container == "flac" else "pcm") if plain else subtype,
            subtype=_SUBTYPES.get(subtype, subtype.replace("pcm_", "pcm")),
            has_video=False,
        )

    def read(self, frames: int) -> Array:
        """The next `frames` frames (T, C), fewer at the end, none behind it. Raises OSError where the file fails."""
        block: Array = self._file.read(frames, dtype="float32", always_2d=True)
        if self._calls.failure is not None:
            raise self._calls.failure
        return from_vorbis(block) if self.info.codec in ("vorbis", "opus") else block

    def skip(self, frames: int) -> bool:
        """Moves on by `frames` frames, or to the end: always possible here."""
        self._file.seek(min(self._file.tell() + frames, self._file.frames))
        return True

    def close(self) -> None:
        self._file.close()
