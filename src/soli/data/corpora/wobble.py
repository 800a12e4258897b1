"""How far a recorded note strays from the pitch that its font states: mistuning, and the vibrato of who was recorded.

Loops of sampled strings and reeds often are one cycle of the player's vibrato, which then goes on for ever at one rate.
Knowing it, the sampler plays in tune, and with a vibrato of its own.
"""

from dataclasses import dataclass

import numpy as np

from soli.data.corpora.zones import Zone
from soli.types import Array

# Around the fundamental, as shares of it; vibrato is slower than _FASTEST_HZ, and an attack over after _SETTLED_S.
_BAND = (0.8, 1.25)
_FASTEST_HZ = 25.0
_SETTLED_S = 0.12
# A fundamental farther from the stated pitch than this is none: a weak one in noise, or an octave that was misread.
_PLAUSIBLE_CENTS = 60.0
_LONGEST_S = 8.0


@dataclass(frozen=True)
class Wobble:
    """Deviation in cents: `mean` over the sustained part, and `course` (T,) around it for each sample of the zone."""

    mean: float
    course: Array


def measure(zone: Zone, samples: Array) -> Wobble:
    """Measures the deviation of a zone's samples (T,) from its root; none where no fundamental is found."""
    none = Wobble(0.0, np.zeros(len(samples), np.float32))
    unrolled, sustained = _sustained(zone, samples)
    root_hz = 440 * 2 ** ((zone.root - 69) / 12)
    if not 20 < root_hz < zone.sample_rate / 4 or len(unrolled) < 0.1 * zone.sample_rate:
        return none
    cents = _cents(unrolled, root_hz, zone.sample_rate)
    mean = float(np.mean(cents[sustained]))
    if abs(mean) > _PLAUSIBLE_CENTS or np.ptp(cents[sustained]) > 4 * _PLAUSIBLE_CENTS:
        return none
    course = np.zeros(len(samples), np.float32)
    end = zone.loop[1] if zone.loop else sustained.stop
    first = min(round(_SETTLED_S * zone.sample_rate), zone.loop[0] if zone.loop else end)
    course[first:end] = cents[first:end] - mean
    if zone.loop:
        course[zone.loop[0] : end] = cents[sustained] - mean
    return Wobble(mean, course)


def _sustained(zone: Zone, samples: Array) -> tuple[Array, slice]:
    """The samples with the loop played several times, and where one round of it lies undisturbed by the ends."""
    if zone.loop is None:
        length = min(len(samples), round(_LONGEST_S * zone.sample_rate))
        return samples[:length], slice(length // 4, 3 * length // 4)
    start, end = zone.loop
    rounds = max(4, -(-round(0.3 * zone.sample_rate) // (end - start)))
    middle = end + rounds // 2 * (end - start)
    return np.concatenate([samples[:end], np.tile(samples[start:end], rounds)]), slice(middle, middle + end - start)


def _cents(samples: Array, root_hz: float, sample_rate: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The instantaneous pitch of the fundamental, in cents above `root_hz`."""
    from scipy.signal import butter, hilbert, sosfiltfilt

    band = butter(2, [root_hz * share for share in _BAND], "bandpass", fs=sample_rate, output="sos")
    phase = np.unwrap(np.angle(hilbert(sosfiltfilt(band, samples.astype(np.float64)))))
    pitch_hz = np.gradient(phase) * sample_rate / (2 * np.pi)
    cents = 1200 * np.log2(np.maximum(pitch_hz, 1e-3) / root_hz)
    slow = butter(2, _FASTEST_HZ, fs=sample_rate, output="sos")
    return np.asarray(sosfiltfilt(slow, np.clip(cents, -600, 600)), np.float64)
