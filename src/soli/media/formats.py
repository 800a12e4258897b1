"""The sound formats that soli writes, what each can hold, and the containers that it writes video in."""

from dataclasses import dataclass

from soli.errors import OutputError, UsageError, near
from soli.types import MAX_CHANNELS, MAX_RATE

_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MPEG_RATES, 64000, 88200, 96000)


@dataclass(frozen=True)
class Format:
    """`subtypes` are the sample formats, best first and the default, none where the codec has its own.

    `rates` None: any up to `max_rate`.
    """

    suffix: str
    subtypes: tuple[str, ...]
    lossless: bool
    max_channels: int = MAX_CHANNELS
    rates: tuple[int, ...] | None = None
    max_rate: int = MAX_RATE


FORMATS: dict[str, Format] = {
    "wav": Format(".wav", ("float32", "pcm24", "pcm16"), lossless=True),
    "flac": Format(".flac", ("pcm24", "pcm16"), lossless=True, max_rate=655_350),
    "ogg": Format(".ogg", (), lossless=False, max_rate=192_000),
    "opus": Format(".opus", (), lossless=False, rates=(8000, 12000, 16000, 24000, 48000)),
    "mp3": Format(".mp3", (), lossless=False, max_channels=2, rates=_MPEG_RATES),
    "m4a": Format(".m4a", (), lossless=False, rates=_AAC_RATES),
}

# The subtypes that are whole numbers, and their bits.
PCM_BITS = {"pcm16": 16, "pcm24": 24}

# Suffixes of the containers that take a picture with several sound tracks: FFmpeg's name, and the codec of their sound.
VIDEO_FORMATS = {
    ".mp4": ("mp4", "aac"),
    ".m4v": ("mp4", "aac"),
    ".mov": ("mov", "aac"),
    ".mkv": ("matroska", "flac"),
    ".webm": ("webm", "opus"),
}


def known_format(name: str) -> Format:
    """The format of this name. Raises UsageError with near names."""
    if name not in FORMATS:
        raise UsageError(f'unknown format "{name}"', do=near(name, tuple(FORMATS)))
    return FORMATS[name]


def choose_subtype(name: str, subtype: str | None) -> str | None:
    """The subtype to write, the format's best by default. Raises UsageError where the format has no such subtype."""
    known = known_format(name).subtypes
    if subtype is None:
        return known[0] if known else None
    if subtype not in known:
        has = f"has {', '.join(known)}" if known else "has a codec of its own: leave the subtype away"
        raise UsageError(f'format {name} knows no subtype "{subtype}"', do=f"{name} {has}")
    return subtype


def check_holds(path: str, name: str, *, sample_rate: int, channels: int) -> None:
    """Raises OutputError where the format cannot hold this rate or so many channels."""
    form = known_format(name)
    if channels > form.max_channels:
        raise OutputError(
            f"cannot write {path}: {name} holds at most {form.max_channels} channels, not {channels}", do=_INSTEAD
        )
    if form.rates is not None and sample_rate not in form.rates:
        rates = ", ".join(map(str, form.rates))
        raise OutputError(f"cannot write {path}: {name} knows no rate of {sample_rate} Hz, only {rates}", do=_INSTEAD)
    if sample_rate > form.max_rate:
        raise OutputError(f"cannot write {path}: {name} ends at {form.max_rate} Hz, not {sample_rate}", do=_INSTEAD)


_INSTEAD = "choose wav or flac, which hold it"
