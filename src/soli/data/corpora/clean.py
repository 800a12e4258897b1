"""From a decoded file to a sound worth mixing: one channel, trimmed, levelled, measured; or why it is left out."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from soli.data.levels import active_power, db, frame_powers
from soli.types import Array

MIN_DURATION_S = 0.15
TRIM_DB = 50.0
TRIM_ABOVE_FLOOR_DB = 8.0
TRIM_UNDER_LEVEL_DB = 25.0
TRIM_KEEP_S = 0.05
# The band ends where the long-term spectrum stays this far under its maximum: encoders cut at -80 dB and below,
# while the highs of a voice lie 40 to 55 dB under its loudest partial.
BANDWIDTH_DB = 60.0
SILENT_DBFS = -60.0
MAX_CLIPPED = 0.002
PEAK = 10 ** (-1 / 20)


class Unusable(Exception):
    """Why a file is left out of the library, in one or two words."""


@dataclass(frozen=True)
class Cleaned:
    """One channel (T,) at `PEAK`, the gain that brought it there, and its measures (see `library.Sound`)."""

    samples: Array
    gain_db: float
    bandwidth_hz: float
    level_rms_dbfs: float
    active: float
    floor_db: float


def clean(samples: Array, sample_rate: int, *, trim: bool) -> Cleaned:
    """Cleans the samples (C, T) of one file; `trim` cuts the silence at both ends. Raises Unusable."""
    if not samples.shape[1]:
        raise Unusable("empty")
    mono = to_mono(samples)
    mono = mono - np.mean(mono, dtype=np.float64).astype(np.float32)
    peak = float(np.max(np.abs(mono), initial=0.0))
    if peak < 10 ** (SILENT_DBFS / 20):
        raise Unusable("silent")
    if clipped_share(mono) > MAX_CLIPPED:
        raise Unusable("clipped")
    floor_db = float(np.percentile(db(frame_powers(mono[None], sample_rate=sample_rate)), 5))
    if trim:
        mono = trim_silence(mono, sample_rate, floor_db=floor_db)
    if len(mono) < MIN_DURATION_S * sample_rate:
        raise Unusable("too short")
    power, active = active_power(mono[None], sample_rate=sample_rate)
    level_db = float(db(power))
    gain_db = float(db((PEAK / peak) ** 2))
    return Cleaned(
        samples=mono * np.float32(PEAK / peak),
        gain_db=round(gain_db, 2),
        bandwidth_hz=round(bandwidth_hz(mono, sample_rate)),
        level_rms_dbfs=round(level_db + gain_db, 2),
        active=round(active, 3),
        floor_db=round(floor_db - level_db, 1),
    )


def to_mono(samples: Array) -> Array:
    """The mean of the channels where they are nearly one signal, else the first: a mean of different ones combs."""
    if samples.shape[0] == 1:
        only: Array = samples[0]
        return only
    first, second = samples[0].astype(np.float64), samples[1].astype(np.float64)
    norm = float(np.sqrt(np.dot(first, first) * np.dot(second, second)))
    if norm > 0 and float(np.dot(first, second)) / norm > 0.98:
        mean: Array = samples.mean(axis=0, dtype=np.float32)
        return mean
    first_is_empty = np.dot(first, first) < 1e-3 * np.dot(second, second)
    chosen: Array = samples[1 if first_is_empty else 0]
    return chosen


def clipped_share(mono: Array) -> float:
    """The share of samples that lie in a flat top: three or more in a row at the peak."""
    peak = np.max(np.abs(mono))
    at_peak = np.abs(mono) >= 0.999 * peak
    flat = at_peak[:-2] & at_peak[1:-1] & at_peak[2:]
    return float(np.mean(flat)) if flat.size else 0.0


def trim_silence(mono: Array, sample_rate: int, *, floor_db: float) -> Array:
    """Cuts both ends where nothing sounds, keeping `TRIM_KEEP_S`.

    An end is silent while its 10 ms peaks lie `TRIM_DB` under the peak, or while its power is hardly above the
    recording's own floor and well under the level of the voice.
    """
    size = max(1, sample_rate // 100)
    blocks = mono[: len(mono) // size * size].reshape(-1, size)
    power, _ = active_power(mono[None], sample_rate=sample_rate)
    quiet_db = min(floor_db + TRIM_ABOVE_FLOOR_DB, float(db(power)) - TRIM_UNDER_LEVEL_DB)
    peaks = np.abs(blocks).max(axis=1, initial=0.0)
    powers = np.mean(np.square(blocks, dtype=np.float64), axis=1)
    sounding = np.flatnonzero((peaks > np.max(np.abs(mono)) * 10 ** (-TRIM_DB / 20)) & (db(powers) > quiet_db))
    if not sounding.size:
        return mono
    keep = round(TRIM_KEEP_S * sample_rate)
    return mono[max(0, int(sounding[0]) * size - keep) : (int(sounding[-1]) + 1) * size + keep]


def bandwidth_hz(mono: Array, sample_rate: int) -> float:
    """The frequency above which the long-term power spectrum stays `BANDWIDTH_DB` under its maximum."""
    n_fft = 2048
    padded = np.pad(mono, (0, max(0, n_fft - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 2][:4000]
    spectrum = scipy.fft.rfft(frames * np.hanning(n_fft).astype(np.float32), axis=-1)
    power = np.mean(np.square(np.abs(spectrum)), axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, mode="same")
    above = np.flatnonzero(smooth > np.max(smooth[4:]) * 10 ** (-BANDWIDTH_DB / 10))
    return float(above[-1]) * sample_rate / n_fft if above.size else 0.0
