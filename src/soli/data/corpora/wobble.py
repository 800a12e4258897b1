"""How far a recorded note strays from the pitch that its font states: mistuning, and the vibrato of who was recorded.

Loops of sampled strings and reeds often are one cycle of the player's vibrato, which then goes on for ever at one rate.
Knowing it, the sampler plays in tune, and with a vibrato of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.data.corpora.zones import Zone
from soli.types import Array

Curve = NDArray[np.float64]

# Around a partial, as shares of it; vibrato is slower than _FASTEST_HZ, and an attack over after _SETTLED_S.
_PARTIALS = 3
_BAND = (0.9, 1.11)
_FASTEST_HZ = 25.0
_SETTLED_S = 0.12
# What is slower than a cycle of vibrato is drift.
_SLOW_S = 0.2
# A pitch farther from the stated pitch than this is none: weak partials in noise, or an octave that was misread.
_PLAUSIBLE_CENTS = 60.0
_LONGEST_S = 8.0


@dataclass(frozen=True)
class Wobble:
    """Deviation in cents at each sample of the zone: `drift` (T,), slow or constant, and `swing` (T,) on it."""

    drift: Array
    swing: Array


def measure(zone: Zone, samples: Array) -> Wobble:
    """Measures the deviation of a zone's samples (T,) from its root; none where no pitch is found.

    In the loop the drift is one number, so that a note that goes on and on keeps its pitch.
    """
    none = Wobble(np.zeros(len(samples), np.float32), np.zeros(len(samples), np.float32))
    unrolled, sustained = _sustained(zone, samples)
    root_hz = 440 * 2 ** ((zone.root - 69) / 12)
    if not 20 < root_hz < zone.sample_rate / 4 or len(unrolled) < 0.1 * zone.sample_rate:
        return none
    cents = _cents(unrolled, root_hz, zone.sample_rate)
    mean = float(np.mean(cents[sustained]))
    if abs(mean) > _PLAUSIBLE_CENTS or np.ptp(cents[sustained]) > 4 * _PLAUSIBLE_CENTS:
        return none
    start, end = zone.loop or (sustained.stop, sustained.stop)
    first = min(round(_SETTLED_S * zone.sample_rate), start)
    course = np.full(len(samples), mean)
    course[first:end] = cents[first:end]
    if zone.loop:
        course[start:end] = cents[sustained]
    width = sustained.stop - sustained.start if zone.loop else 0
    drift = _drift(course[:end], first, max(width, round(_SLOW_S * zone.sample_rate)), (start, end), mean)
    drift = np.pad(drift, (0, len(samples) - end), constant_values=mean)
    return Wobble(drift.astype(np.float32), (course - drift).astype(np.float32))


def _drift(course: Curve, first: int, width: int, loop: tuple[int, int], mean: float) -> Curve:
    """The mean of `width` samples around each: from where the attack is over, to the loop, in which it is `mean`."""
    sums = np.concatenate([[0.0], np.cumsum(course)])
    places = np.arange(len(course))
    low, high = np.maximum(places - width // 2, first), np.minimum(places + width - width // 2, len(course))
    drift = (sums[high] - sums[low]) / np.maximum(high - low, 1)
    drift[:first] = drift[first] if first < len(course) else mean
    drift[loop[0] : loop[1]] = mean
    implausible = np.abs(drift - mean) > _PLAUSIBLE_CENTS
    return np.where(implausible, mean, drift)


def _sustained(zone: Zone, samples: Array) -> tuple[Array, slice]:
    """The samples with the loop played several times, and where one round of it lies undisturbed by the ends."""
    if zone.loop is None:
        length = min(len(samples), round(_LONGEST_S * zone.sample_rate))
        return samples[:length], slice(length // 4, 3 * length // 4)
    start, end = zone.loop
    rounds = max(4, -(-round(0.3 * zone.sample_rate) // (end - start)))
    middle = end + rounds // 2 * (end - start)
    return np.concatenate([samples[:end], np.tile(samples[start:end], rounds)]), slice(middle, middle + end - start)


def _cents(samples: Array, root_hz: float, sample_rate: int) -> Curve:
    """The instantaneous pitch in cents above `root_hz`, from the loudest of the first partials."""
    from scipy.signal import butter, hilbert, sosfiltfilt

    bands = []
    for partial in range(1, _PARTIALS + 1):
        edges = [partial * root_hz * share for share in _BAND]
        if edges[1] < 0.45 * sample_rate:
            band = butter(2, edges, "bandpass", fs=sample_rate, output="sos")
            bands.append((partial, sosfiltfilt(band, samples.astype(np.float64))))
    partial, sound = max(bands, key=lambda each: float(np.mean(each[1] ** 2)))
    pitch_hz = np.gradient(np.unwrap(np.angle(hilbert(sound)))) * sample_rate / (2 * np.pi * partial)
    cents = 1200 * np.log2(np.maximum(pitch_hz, 1e-3) / root_hz)
    slow = butter(2, _FASTEST_HZ, fs=sample_rate, output="sos")
    return np.asarray(sosfiltfilt(slow, np.clip(cents, -600, 600)), np.float64)
