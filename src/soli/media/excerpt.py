"""The fast road for training data: excerpts of sound files by time, and mono 16-bit WAV files.

`read_audio` takes any format and looks at everything; this one seeks, reads what is asked, and returns. It is for
files that were checked when they entered a library or a manifest.
"""

import hashlib
import io
import wave
from pathlib import Path

import numpy as np
import soundfile
import soxr

from soli.errors import InputError
from soli.types import Array


def read_excerpt(
    path: Path | str, *, start_s: float = 0.0, duration_s: float, margin_s: float = 0.0
) -> tuple[Array, int, int]:
    """Samples (C, T) around [start_s, start_s + duration_s), the index in them of start_s, and the file's rate.

    Up to `margin_s` more is read on either side, as far as the file reaches. T is 0 where the file ends before
    start_s. Raises InputError where the file is missing or no sound file.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            margin = round(margin_s * rate)
            start = min(round(start_s * rate), file.frames)
            first = max(0, start - margin)
            file.seek(first)
            wanted = start - first + round(duration_s * rate) + margin if start < file.frames else 0
            return file.read(wanted, dtype="float32", always_2d=True).T, start - first, rate
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(
            f"cannot read {path}: {error}", do="check that the file is there and is a sound file"
        ) from error


def resample_excerpt(samples: Array, rate_in: float, rate_out: float, *, skip: int, frames: int) -> Array:
    """(C, T) at `rate_in` to at most `frames` samples at `rate_out`, the first of them at input sample `skip`.

    The rates may be any ratio, so a change of speed is part of the same resampling.
    """
    if rate_in == rate_out:
        return np.ascontiguousarray(samples[:, skip : skip + frames])
    resampled = soxr.resample(samples.T, rate_in, rate_out, quality="HQ").T
    first = round(skip * rate_out / rate_in)
    return np.ascontiguousarray(resampled[:, first : first + frames])


def pcm16_wav(samples: Array, sample_rate: int) -> bytes:
    """One channel (T,) within [-1, 1] as the bytes of a 16-bit WAV file. Raises ValueError outside that range."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak > 1.0:
        raise ValueError(f"peak {peak:.3f} is beyond full scale")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.round(samples * 32767.0).astype("<i2").tobytes())
    return buffer.getvalue()


def write_pcm16(path: Path, samples: Array, *, sample_rate: int) -> str:
    """Writes one channel (T,) as a 16-bit WAV file, whole or not at all, and returns the file's sha256."""
    data = pcm16_wav(samples, sample_rate)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
    return hashlib.sha256(data).hexdigest()
