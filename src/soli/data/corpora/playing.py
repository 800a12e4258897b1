"""Renders a performance: four stems and their mix, to the bit the same whenever the same numbers are rendered.

A stem is dry notes, bow or breath, the instrument's body, and the room, all linear; the mix is the sum of the stems as
they are stored, in 16 bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.data.corpora.performance import Performance, PlayedNote, Player, Resonance
from soli.data.corpora.phrasing import walk
from soli.data.corpora.room import responses
from soli.data.corpora.sampler import RATE, Curve, Sampler
from soli.types import Array

Samples = NDArray[np.int16]

PEAK = 0.95
_TAIL_S = 0.8
_EVERY = 64  # samples from one point of pitch and level to the next
_CONTROL_HZ = 100  # of what wavers
_WAVER_HZ = 8.0
_VIBRATO_GROWS_S = 0.3
_LOWEST_HZ = 30.0
_FULL = 32768


@dataclass(frozen=True)
class Quartet:
    """The stems by source and their mix, int16 (T,): the mix is their sum, sample by sample."""

    stems: dict[str, Samples]
    mixture: Samples


def render(performance: Performance, samplers: Sequence[Mapping[int, Sampler]]) -> Quartet:
    """Plays a performance with the instruments `samplers`: of each font, by program."""
    frames = round((performance.duration_s + _TAIL_S) * RATE)
    stems = [play(player, samplers[player.font][player.program], frames) for player in performance.players]
    if performance.room is not None:
        seats = [player.seat_m for player in performance.players]
        rooms = responses(performance.room, seats, sample_rate=RATE)
        stems = [_in_room(stem, response) for stem, response in zip(stems, rooms, strict=True)]
    levelled = [
        stem * np.float32(_factor(player.gain_db) / max(_active_rms(stem), 1e-9))
        for stem, player in zip(stems, performance.players, strict=True)
    ]
    mixture = np.sum(levelled, axis=0)
    level = _factor(performance.level_dbfs) / float(np.sqrt(np.mean(mixture.astype(np.float64) ** 2)))
    peak = max(float(np.abs(each).max()) for each in (mixture, *levelled))
    scale = np.float32(min(level, PEAK / peak) * _FULL)
    stored = {
        player.source: np.rint(stem * scale).astype(np.int16)
        for player, stem in zip(performance.players, levelled, strict=True)
    }
    total: NDArray[np.int32] = np.sum(list(stored.values()), axis=0, dtype=np.int32)
    return Quartet(stored, total.astype(np.int16))


def play(player: Player, sampler: Sampler, frames: int) -> Array:
    """A player's part (frames,) as it sounds close by, in no room."""
    from scipy.signal import butter, sosfilt

    dry = np.zeros(frames, np.float32)
    course = np.zeros(frames, np.float32)
    for note in player.notes:
        sound, level = play_note(note, player, sampler)
        start = round(note.onset_s * RATE)
        dry[start : start + len(sound)] += sound
        course[start : start + len(level)] += level
    noise = np.random.default_rng(player.seed).standard_normal(frames, np.float32)
    band = butter(1, player.noise_hz, "bandpass", fs=RATE, output="sos")
    dry += sosfilt(band, noise * course).astype(np.float32) * np.float32(_factor(player.noise_db))
    sections = [_peaking(each) for each in player.body]
    sections.append(butter(2, _LOWEST_HZ, "highpass", fs=RATE, output="sos")[0])
    return np.asarray(sosfilt(np.array(sections), dry), np.float32)


def play_note(note: PlayedNote, player: Player, sampler: Sampler) -> tuple[Array, Array]:
    """A note (T,), and the course of its level (T,)."""
    frames = round((note.duration_s + note.release_s) * RATE)
    cents, level_db = _courses(note, player, frames)
    level = _between(10 ** (level_db / 20), frames).astype(np.float32) * _ends(note, frames)
    sound = sampler.note(
        _between(note.pitch + cents / 100, frames),
        velocity=note.velocity,
        skip_s=note.skip_s,
        shift=player.shift,
        kept=player.kept,
        side=player.side,
    )
    gain = _between(10 ** (player.bright / 20 * np.clip(level_db, -12, 9)), frames)
    return _brightened(sound, player, gain) * level, level


def _courses(note: PlayedNote, player: Player, frames: int) -> tuple[Curve, Curve]:
    """How far off the pitch is in cents, and the level in dB, at every `_EVERY`th sample."""
    rng = np.random.default_rng(note.seed)
    times_s = np.arange(0, frames + 2 * _EVERY, _EVERY) / RATE
    waver = _waver(rng, times_s)
    cents = note.cents + _vibrato(note, times_s, waver) + player.unsteady_cents * waver
    if note.glide_s:
        cents += note.glide_cents * np.exp(-3 * times_s / note.glide_s)
    return cents, _level_db(note, times_s) + player.unsteady_db * _waver(rng, times_s)


def _between(course: Curve, frames: int) -> Curve:
    """A course of every `_EVERY`th sample at all of them."""
    return np.interp(np.arange(frames), np.arange(len(course)) * _EVERY, course)


def _vibrato(note: PlayedNote, times_s: Curve, waver: Curve) -> Curve:
    """In cents: it sets in after a while, grows, and is not quite regular."""
    if note.vibrato is None:
        return np.zeros(len(times_s))
    grown = np.clip((times_s - note.vibrato.delay_s) / _VIBRATO_GROWS_S, 0, 1)
    turns = note.vibrato.phase + note.vibrato.hz * times_s + 0.04 * waver
    return note.vibrato.cents * grown * (1 + 0.15 * waver) * np.sin(2 * np.pi * turns)


def _waver(rng: np.random.Generator, times_s: Curve) -> Curve:
    """A slow random course of standard deviation 1."""
    points = math.ceil(times_s[-1] * _CONTROL_HZ) + 2
    memory = math.exp(-2 * math.pi * _WAVER_HZ / _CONTROL_HZ)
    course = walk(rng, points, spread=1.0, memory=memory)
    return np.interp(times_s * _CONTROL_HZ, np.arange(points), course)


def _level_db(note: PlayedNote, times_s: Curve) -> Curve:
    begin, end = note.swell_db
    points_s = (0.0, 0.4 * note.duration_s, note.duration_s)
    return note.level_db + np.interp(times_s, points_s, (begin, 0.0, end))


def _ends(note: PlayedNote, frames: int) -> Array:
    """From 0 to 1 in the attack and back in the release, each as a quarter of a squared sine, so that two crossed sum
    up to 1."""
    ends = np.ones(frames, np.float32)
    attack, release = (min(frames, max(1, round(each * RATE))) for each in (note.attack_s, note.release_s))
    ends[:attack] *= _rise(attack)
    ends[frames - release :] *= _rise(release)[::-1]
    return ends


def _rise(frames: int) -> Array:
    return (np.sin(0.5 * np.pi * np.arange(frames) / frames) ** 2).astype(np.float32)


def _brightened(sound: Array, player: Player, gain: Curve) -> Array:
    """The note with more of its upper partials the louder it is, as reeds and strings have them."""
    from scipy.signal import lfilter

    pole = math.exp(-2 * math.pi * player.bright_hz / RATE)
    low = lfilter([1 - pole], [1, -pole], sound)
    return np.asarray(low + gain * (sound - low), np.float32)


def _peaking(resonance: Resonance) -> Curve:
    """A second-order section for a hill in the spectrum (Bristow-Johnson's audio equaliser cookbook)."""
    turn = 2 * math.pi * resonance.hz / RATE
    root = 10 ** (resonance.gain_db / 40)
    width = math.sin(turn) * math.sinh(math.log(2) / 2 * resonance.octaves * turn / math.sin(turn))
    above = np.array([1 + width * root, -2 * math.cos(turn), 1 - width * root])
    below = np.array([1 + width / root, -2 * math.cos(turn), 1 - width / root])
    section: Curve = np.concatenate([above, below]) / below[0]
    return section


def _in_room(stem: Array, response: Array) -> Array:
    from scipy.signal import oaconvolve

    return np.asarray(oaconvolve(stem, response)[: len(stem)], np.float32)


def _active_rms(stem: Array) -> float:
    """The level of what is no pause: of 50 ms frames within 30 dB of the loudest."""
    frame = RATE // 20
    powers = np.mean(stem[: len(stem) // frame * frame].reshape(-1, frame).astype(np.float64) ** 2, axis=1)
    return float(np.sqrt(np.mean(powers[powers >= powers.max() * 1e-3])))


def _factor(db: float) -> float:
    return float(10 ** (db / 20))
