"""Plays one note: a recorded one, looped, resampled along a curve of pitch, with the envelope and filter of its font.

Resampling reads between samples with a Kaiser-windowed sinc (Smith's "Digital audio resampling" of 2002), whose band
ends below both Nyquist frequencies, so that a note played higher than it was recorded does not alias.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.data.corpora.wobble import Wobble, measure
from soli.data.corpora.zones import Envelope, Instrument, Zone
from soli.types import Array

RATE = 44100

Curve = NDArray[np.float64]

_CROSSINGS = 10  # zero crossings of the sinc to each side
_PHASES = 2048
_BETA = 7.0
_BAND = 0.92  # of the lower Nyquist frequency; the window's slope takes the rest
_CUTOFF_STEPS = 8  # an octave: as many kernels are kept
_QUIET = 1e-6


@dataclass(frozen=True)
class Prepared:
    """A zone with its samples read, levelled so that the sustained part has an RMS of 1, and its wobble measured.

    `level` is the RMS that its sustained part had, with the zone's gain.
    """

    zone: Zone
    level: float
    samples: Array
    wobble: Wobble


class Sampler:
    """An instrument ready to be played; zones are read when they are first needed, and kept."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._prepared: dict[int, Prepared] = {}

    def note(
        self,
        pitch: Curve,
        *,
        velocity: int,
        skip_s: float = 0.0,
        shift: float = 0.0,
        kept: float = 1.0,
        side: str = "left",
    ) -> Array:
        """A note (T,) at 44.1 kHz whose sustained part has an RMS of about 1; level and ends are the caller's.

        `pitch` (T,): MIDI pitch at each sample. `skip_s`: how much of the recording's beginning is left out. `shift`:
        play what was recorded so many semitones higher, which moves the formants down. `kept`: how much of the
        recorded vibrato stays.
        """
        key = float(np.median(pitch)) + shift
        zones = self.instrument.at(key, velocity, side="right" if side == "right" else "left")
        layers = [self._prepare(zone) for zone in zones]
        # What is not looped is the attack of what is: bow or tongue, laid over it.
        sustained = math.hypot(*([each.level for each in layers if each.zone.loop] or [each.level for each in layers]))
        played = [each.level / sustained * _play(each, pitch, skip_s=skip_s, kept=kept) for each in layers]
        total: Array = np.sum(played, axis=0, dtype=np.float32)
        return total

    def _prepare(self, zone: Zone) -> Prepared:
        if id(zone) not in self._prepared:
            samples = zone.read()
            loop = zone.loop or (0, len(samples))
            level = max(float(np.sqrt(np.mean(samples[loop[0] : loop[1]].astype(np.float64) ** 2))), _QUIET)
            gained = level * 10 ** (zone.gain_db / 20)
            self._prepared[id(zone)] = Prepared(zone, gained, samples / np.float32(level), measure(zone, samples))
        return self._prepared[id(zone)]


def _play(prepared: Prepared, pitch: Curve, *, skip_s: float, kept: float) -> Array:
    zone = prepared.zone
    speed: Curve = np.exp2((pitch - zone.root) / 12) * (zone.sample_rate / RATE)
    places = _looped(_positions(speed, skip_s * zone.sample_rate), prepared)
    # Where the wobble is read from, it has not been taken out yet; that is off by some thousandths of a second.
    wobble = prepared.wobble.drift[places] + np.float32(1 - kept) * prepared.wobble.swing[places]
    speed *= np.exp2(wobble / -1200)
    positions = _positions(speed, skip_s * zone.sample_rate)
    samples = _unrolled(prepared, math.ceil(positions[-1]) + 1)
    sound = interpolate(samples, positions, fastest=float(speed.max()))
    if zone.cutoff_hz is not None and zone.cutoff_hz < 0.45 * RATE:
        sound = _low_passed(sound, zone.cutoff_hz)
    return sound * _course(zone.envelope, len(sound), skip_s)


def _positions(speed: Curve, start: float) -> Curve:
    positions: Curve = np.cumsum(speed)
    positions += start - speed[0]
    return positions


def _looped(positions: Curve, prepared: Prepared) -> NDArray[np.int64]:
    """The sample of the recording that is heard at each position of the unrolled one."""
    places = positions.astype(np.int64)
    if prepared.zone.loop is None:
        return np.minimum(places, len(prepared.samples) - 1)
    start, end = prepared.zone.loop
    return np.where(places < end, places, start + (places - start) % (end - start))


def _unrolled(prepared: Prepared, length: int) -> Array:
    """The recording with its loop repeated, or silence behind its end, to at least `length` samples."""
    samples, loop = prepared.samples, prepared.zone.loop
    if loop is None:
        return np.pad(samples, (0, max(0, length - len(samples))))
    start, end = loop
    rounds = max(0, math.ceil((length - end) / (end - start))) + 1
    return np.concatenate([samples[:end], np.tile(samples[start:end], rounds)])


def interpolate(samples: Array, positions: Curve, *, fastest: float) -> Array:
    """The value of `samples` (N,) at each of `positions` (T,), silence outside; no alias at the `fastest` speed."""
    steps = max(0, math.ceil(_CUTOFF_STEPS * math.log2(max(fastest, 1.0)) - 1e-9))
    kernel = _kernel(steps)
    taps = len(kernel)
    whole = np.floor(positions).astype(np.int64)
    phase = np.rint((positions - whole) * _PHASES).astype(np.int64)
    padded = np.pad(samples, (taps // 2, taps // 2 + 1))
    whole = np.minimum(whole, len(samples))  # what is behind the end is silent
    sound = np.zeros(len(positions), np.float32)
    for tap in range(taps):
        sound += padded[whole + (tap + 1)] * kernel[tap][phase]
    return sound


@functools.lru_cache(64)
def _kernel(steps: int) -> Array:
    """The sinc's values (taps, phases + 1) for a speed of 2 ** (steps / 8), by distance from the position read."""
    cutoff = _BAND / 2 ** (steps / _CUTOFF_STEPS)
    half = math.ceil(_CROSSINGS / cutoff)
    distance = np.arange(1 - half, half + 1)[:, None] - np.arange(_PHASES + 1)[None] / _PHASES
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / half) ** 2))) / np.i0(_BETA)
    values = cutoff * np.sinc(cutoff * distance) * window
    kernel: Array = (values / values.sum(axis=0)).astype(np.float32)
    return kernel


def _low_passed(sound: Array, cutoff_hz: float) -> Array:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(2, cutoff_hz, fs=RATE, output="sos"), sound), np.float32)


def _course(envelope: Envelope, frames: int, skip_s: float) -> Array:
    """The font's own envelope, from `skip_s` on."""
    # The specification lets the decay run to -100 dB in its time, and stop where the sustain is met.
    held_s = envelope.attack_s + envelope.hold_s
    fallen_s = np.linspace(0, max(envelope.decay_s, 1e-3) * min(1.0, -envelope.sustain_db / 100), 50)
    falling = 10 ** (np.linspace(0, max(envelope.sustain_db, -100), 50) / 20)
    points_s = np.concatenate([[0.0, max(envelope.attack_s, 1e-3)], max(held_s, 1e-3) + fallen_s])
    times_s = skip_s + np.arange(frames) / RATE
    course: Array = np.interp(times_s, points_s, np.concatenate([[0.0, 1.0], falling])).astype(np.float32)
    return course
