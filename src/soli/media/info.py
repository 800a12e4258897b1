"""What is known of a sound before it is read, and the bounds that soli works within."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from soli.errors import InputError
from soli.types import MAX_CHANNELS, MAX_RATE, MIN_RATE

# Names of files that are samples and nothing else: rate, channels and sample format are nowhere in them.
_HEADLESS = {".raw", ".pcm", ".s16", ".s16le", ".f32", ".f32le"}

Source = str | os.PathLike[str] | bytes | BinaryIO


@dataclass(frozen=True)
class AudioInfo:
    """A recording's description: `frames` is exact, or None where only reading it to the end can tell.

    `header_s` is the duration that the container states; it may be some milliseconds off, and serves progress bars.
    `subtype` is the sample format of uncompressed and lossless sound (pcm16, float32), else the codec's name.
    `warnings` are what its owner should know of what will be read, a line each.
    """

    path: str
    sample_rate: int
    channels: int
    frames: int | None
    container: str
    codec: str
    subtype: str
    has_video: bool
    header_s: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float | None:
        """Seconds: exact where `frames` is known, else what the container states, else None."""
        return self.header_s if self.frames is None else self.frames / self.sample_rate


def check_info(info: AudioInfo) -> None:
    """Raises InputError where the rate or the channel count is out of bounds, or where there is no sample at all."""
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise InputError(
            f"{info.path} claims a sample rate of {info.sample_rate} Hz",
            wanted=f"{MIN_RATE} to {MAX_RATE} Hz",
            do="mend its header or resample it",
        )
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise InputError(
            f"{info.path} has {info.channels} channels", wanted=f"1 to {MAX_CHANNELS}", do="pick or mix channels first"
        )
    if info.frames == 0:
        raise no_samples(info.path)


def no_samples(name: str) -> InputError:
    """The error about a sound file that is in order but holds no sound."""
    return InputError(f"{name} holds no samples", wanted="at least one", do="check how it was recorded")


def no_sound(name: str) -> InputError:
    """The error about a file that is neither sound nor video, as far as its bytes tell."""
    path = Path(name)
    if path.suffix.lower() in _HEADLESS:
        convert = f"ffmpeg -f s16le -ar RATE -ac 1 -i {shlex.quote(name)} {shlex.quote(str(path.with_suffix('.wav')))}"
        return InputError(f"{name} holds, as its name says, headless samples", do=f"convert it: {convert}")
    return InputError(f"{name} cannot be read as sound or video", wanted="a sound or video file", do="check what it is")
