"""Excerpts of sound files by time, with what a resampler needs on either side, as training and rendering read them."""

from pathlib import Path

import numpy as np
import soxr

from soli.media.audio import open_audio
from soli.types import Array


def read_excerpt(
    path: Path | str, *, start_s: float = 0.0, duration_s: float, margin_s: float = 0.0
) -> tuple[Array, int, int]:
    """Samples (C, T) around [start_s, start_s + duration_s), the index in them of start_s, and the file's rate.

    Up to `margin_s` more is read on either side, as far as the file reaches. T is 0 where the file ends before
    start_s. Raises InputError as `open_audio` and `AudioReader.take` do, but looks at no more of the file than it has
    to: training reads thousands of excerpts, and the hashes of manifests tell whether files are unchanged.
    """
    with open_audio(path, checksums=False) as reader:
        rate = reader.info.sample_rate
        margin, start = round(margin_s * rate), round(start_s * rate)
        skip = min(margin, start)
        reader.skip(start - skip)
        samples = reader.take(skip + round(duration_s * rate) + margin)
    return samples if samples.shape[1] > skip else samples[:, :0], skip, rate


def resample_excerpt(samples: Array, rate_in: float, rate_out: float, *, skip: int, frames: int) -> Array:
    """(C, T) at `rate_in` to at most `frames` samples at `rate_out`, the first of them at input sample `skip`.

    The rates may be any ratio, so a change of speed is part of the same resampling.
    """
    if rate_in == rate_out:
        return np.ascontiguousarray(samples[:, skip : skip + frames])
    resampled = soxr.resample(samples.T, rate_in, rate_out, quality="HQ").T
    first = round(skip * rate_out / rate_in)
    return np.ascontiguousarray(resampled[:, first : first + frames])
