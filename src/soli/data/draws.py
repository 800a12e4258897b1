"""The two halves of a mixture: one speaker's clips in a row, and one kind of noise under them, as manifest parts."""

from dataclasses import dataclass

import numpy as np

from soli.data.augment import Range, draw_eq
from soli.data.effects import Eq
from soli.data.library import Sound
from soli.data.manifest import Part, Synth
from soli.data.pools import NoisePool, SpeechPool
from soli.data.spec import NoiseSpec, SpeechSpec

VOICE, NOISE = "voice", "noise"
# Files are brought to this level before the row's mix sets the final one; only differences matter.
_NOMINAL_DBFS = -26.0
_FADE_S = 0.005
_LOOP_FADE_S = 0.03
_SHORTEST_S = 0.05


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Draws always, so that the numbers after it do not depend on the probability."""
    return bool(rng.random() < probability)


def _uniform(rng: np.random.Generator, bounds: Range, digits: int = 3) -> float:
    return round(float(rng.uniform(*bounds)), digits)


def _draw_speed(rng: np.random.Generator, bounds: Range, probability: float) -> float:
    """Uniform in log, so that slower is as likely as faster."""
    speed = float(np.exp(rng.uniform(*np.log(bounds))))
    return speed if chance(rng, probability) else 1.0


def _speed_of(sound: Sound, speed: float) -> float:
    """The nearest speed that plays the sound at a multiple of 100 Hz: ratios of small numbers resample faster."""
    return max(100, round(sound.sample_rate * speed, -2)) / sound.sample_rate if speed != 1.0 else 1.0


@dataclass(frozen=True)
class DrawnSpeech:
    parts: list[Part]
    speaker: str
    language: str
    package: str
    bandwidth_hz: float

    def meta(self) -> dict[str, object]:
        return {"language": self.language, "speaker": self.speaker, "speech_package": self.package}


@dataclass(frozen=True)
class SpeechDraw:
    """Draws the speech of an item from a pool."""

    spec: SpeechSpec
    pool: SpeechPool
    duration_s: float

    def draw(self, rng: np.random.Generator) -> DrawnSpeech:
        """One speaker at one speed, the item filled with his clips and pauses."""
        speaker = self.pool.draw_speaker(rng)
        speed = _draw_speed(rng, self.spec.speed, self.spec.speed_probability)
        clips = self.pool.clips[speaker]
        parts, used = sequence(rng, clips, self.spec, source=VOICE, speed=speed, duration_s=self.duration_s)
        return DrawnSpeech(
            parts=parts,
            speaker=speaker,
            language=clips[0].language or "",
            package=clips[0].package,
            bandwidth_hz=min(clip.bandwidth_hz for clip in used) * speed,
        )


def sequence(
    rng: np.random.Generator, clips: list[Sound], spec: SpeechSpec, *, source: str, speed: float, duration_s: float
) -> tuple[list[Part], list[Sound]]:
    """Clips in random order with pauses between them until `duration_s` is full; perhaps the first is cut into."""
    order = rng.permutation(len(clips))
    parts: list[Part] = []
    used: list[Sound] = []
    inside = chance(rng, spec.begin_inside)
    time_s = 0.0 if inside else _uniform(rng, spec.pause_s)
    while time_s < duration_s - _SHORTEST_S:
        clip = clips[int(order[len(parts) % len(order)])]
        skip_s = _uniform(rng, (0.0, 0.7 * clip.duration_s)) if inside and not parts else 0.0
        clip_speed = _speed_of(clip, speed)
        length_s = min((clip.duration_s - skip_s) / clip_speed, duration_s - time_s)
        take = _Take(clip, source, _uniform(rng, spec.clip_level_db, 2), clip_speed, _FADE_S)
        parts.append(take.part(start_s=skip_s, onset_s=time_s, duration_s=length_s))
        used.append(clip)
        time_s = round(time_s + length_s + _uniform(rng, spec.pause_s), 4)
    return parts, used


@dataclass(frozen=True)
class _Take:
    """How a sound is played, whatever part of it: as which source, how loud, how fast, with which ends and effects."""

    sound: Sound
    source: str
    gain_db: float
    speed: float
    fade_s: float = 0.0
    effects: tuple[Eq, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.sound.duration_s / self.speed

    def part(self, *, start_s: float, onset_s: float, duration_s: float, louder_db: float = 0.0) -> Part:
        return Part(
            source=self.source,
            path=self.sound.path,
            sha256=self.sound.sha256,
            start_s=round(start_s, 4),
            onset_s=round(onset_s, 4),
            duration_s=max(round(duration_s, 4), 1e-4),
            gain_db=round(_NOMINAL_DBFS - self.sound.level_rms_dbfs + self.gain_db + louder_db, 2),
            speed=self.speed,
            fade_s=self.fade_s,
            effects=self.effects,
        )


@dataclass(frozen=True)
class DrawnNoise:
    parts: list[Part]
    kind: str
    classes: list[str]
    packages: list[str]

    def meta(self) -> dict[str, object]:
        return {"noise": self.kind, "noise_classes": self.classes, "noise_packages": self.packages}


@dataclass(frozen=True)
class NoiseDraw:
    """Draws the noise of an item: one file, two, or the babble of other speakers, and perhaps computed noise."""

    spec: NoiseSpec
    pool: NoisePool
    speakers: SpeechPool
    duration_s: float

    def draw(self, rng: np.random.Generator, *, besides: str) -> DrawnNoise:
        """`besides` is the speaker whom the babble must not contain."""
        weights = np.array([self.spec.one, self.spec.two, self.spec.babble])
        kind = ("one", "two", "babble")[int(rng.choice(3, p=weights / weights.sum()))]
        if kind == "babble" and len(self.speakers.speakers) < 3:
            kind = "one"
        parts, sounds = self._babble(rng, besides) if kind == "babble" else self._files(rng, 2 if kind == "two" else 1)
        parts += self._synth(rng)
        return DrawnNoise(
            parts=parts,
            kind=kind,
            classes=sorted({sound.class_ for sound in sounds}),
            packages=sorted({sound.package for sound in sounds}),
        )

    def _files(self, rng: np.random.Generator, count: int) -> tuple[list[Part], list[Sound]]:
        parts: list[Part] = []
        sounds = [self.pool.draw(rng) for _ in range(count)]
        for number, sound in enumerate(sounds):
            speed = _speed_of(sound, _draw_speed(rng, self.spec.speed, self.spec.speed_probability))
            level_db = _uniform(rng, self.spec.second_level_db, 2) if number else 0.0
            short = sound.duration_s / speed < self.spec.event_below_s
            fade_s = 0.0 if short else _LOOP_FADE_S
            take = _Take(sound, NOISE, level_db, speed, fade_s, tuple(draw_eq(self.spec.eq, rng)))
            parts += self._events(rng, take) if short else self._loop(rng, take)
        return parts, sounds

    def _loop(self, rng: np.random.Generator, take: _Take) -> list[Part]:
        """The sound from a random place, and again from another where it ends before the item does."""
        parts: list[Part] = []
        time_s = 0.0
        while time_s < self.duration_s - _SHORTEST_S:
            needed_s = (self.duration_s - time_s) * take.speed
            room_s = take.sound.duration_s - needed_s
            start_s = _uniform(rng, (0.0, room_s if room_s > 0 else 0.5 * take.sound.duration_s))
            length_s = min(take.sound.duration_s - start_s, needed_s) / take.speed
            parts.append(take.part(start_s=start_s, onset_s=time_s, duration_s=length_s))
            time_s += length_s - _LOOP_FADE_S
        return parts

    def _events(self, rng: np.random.Generator, take: _Take) -> list[Part]:
        """A short sound at random times, each time a little louder or softer."""
        parts: list[Part] = []
        time_s = _uniform(rng, (-0.5 * take.duration_s, self.spec.event_gap_s[1]))
        while time_s < self.duration_s - _SHORTEST_S:
            louder_db = _uniform(rng, (-6.0, 3.0), 2)
            parts.append(take.part(start_s=0.0, onset_s=time_s, duration_s=take.duration_s, louder_db=louder_db))
            time_s += take.duration_s + _uniform(rng, self.spec.event_gap_s)
        return parts

    def _babble(self, rng: np.random.Generator, besides: str) -> tuple[list[Part], list[Sound]]:
        others = [name for name in self.speakers.speakers if name != besides]
        low, high = self.spec.babble_speakers
        count = min(int(rng.integers(low, high + 1)), len(others))
        effects = tuple(draw_eq(self.spec.eq, rng))
        parts: list[Part] = []
        sounds: list[Sound] = []
        talk = SpeechSpec(begin_inside=1.0, pause_s=(0.0, 0.4), clip_level_db=(-4.0, 2.0))
        for number in rng.choice(len(others), count, replace=False):
            clips = self.speakers.clips[others[int(number)]]
            speed = _draw_speed(rng, (0.9, 1.1), 0.5)
            laid, used = sequence(rng, clips, talk, source=NOISE, speed=speed, duration_s=self.duration_s)
            parts += [part.model_copy(update={"effects": effects}) for part in laid]
            sounds += used
        return parts, sounds

    def _synth(self, rng: np.random.Generator) -> list[Part]:
        spec = self.spec.synth
        if not chance(rng, spec.probability):
            return []
        hum = chance(rng, spec.hum_probability)
        synth = Synth(
            seed=int(rng.integers(2**31)),
            slope_db=_uniform(rng, spec.slope_db, 2),
            hum_hz=float(rng.choice([50.0, 60.0])) if hum else 0.0,
            harmonics=int(rng.integers(3, 16)) if hum else 0,
            hum_db=_uniform(rng, spec.hum_db, 2) if hum else 0.0,
        )
        gain_db = _NOMINAL_DBFS + _uniform(rng, spec.level_db, 2)
        return [Part(source=NOISE, duration_s=self.duration_s, gain_db=round(gain_db, 2), synth=synth)]
