"""Plans mixtures: from a spec, a library and a seed to manifest rows in which every choice is a number.

A row depends on (seed, split, index) alone, never on the rows planned before it, so rows can be planned in any order,
by any worker, and again.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from soli.data.augment import draw_band, draw_eq, draw_reverb
from soli.data.draws import NOISE, VOICE, NoiseDraw, SpeechDraw, chance
from soli.data.effects import Band
from soli.data.library import Library, Sound, Split, read_library
from soli.data.manifest import Mix, Part, Row, relocated, write_manifest
from soli.data.pools import NoisePool, SpeechPool
from soli.data.spec import Condition, MixSpec, read_spec
from soli.errors import DataError, UsageError, near
from soli.version import __version__

# No peak of a mixture passes this: a recorder would have clipped.
_PEAK = 0.99


class Planner:
    """Draws rows of one spec from one library. Cheap to call; holds the pools of clips by split."""

    def __init__(self, spec: MixSpec, library: Library, *, seed: int = 0) -> None:
        self.spec, self.library, self.seed = spec, library, seed
        self._speech: dict[tuple[str, float], SpeechPool] = {}
        self._noise: dict[str, NoisePool] = {}

    def row(self, split: Split, index: int) -> Row:
        """Row `index` of a split. Raises DataError where the library has no speech or no noise for it."""
        spec = self.spec
        rng = np.random.default_rng([self.seed, zlib.crc32(split.encode()), index])
        condition = self._condition(index)
        speech_pool, noise_pool = self._pools(split, condition)
        speech = SpeechDraw(spec.speech, speech_pool, spec.duration_s).draw(rng)
        noise = NoiseDraw(spec.noise, noise_pool, speech_pool, spec.duration_s).draw(rng, besides=speech.speaker)
        band = _condition_band(condition) if condition else self._band(speech.bandwidth_hz, rng)
        with_speech, with_noise = self._present(condition, rng)
        parts = self._with_effects(speech.parts, rng) if with_speech else []
        parts += noise.parts if with_noise else []
        mix = self._mix(condition, rng, both=with_speech and with_noise)
        return Row(
            id=f"{split}-{index:06d}",
            split=split,
            sample_rate=spec.sample_rate,
            duration_s=spec.duration_s,
            sources=(VOICE, NOISE),
            parts=tuple(parts),
            effects=tuple(band),
            mix=mix,
            labels=tuple(sorted({part.source for part in parts})),
            meta={"condition": condition.name if condition else None, "snr_db": mix.snr_db}
            | (speech.meta() if with_speech else {})
            | (noise.meta() if with_noise else {}),
            spec=spec.name,
            seed=self.seed,
            soli=__version__,
        )

    def rows(self, split: Split, count: int) -> Iterator[Row]:
        return (self.row(split, index) for index in range(count))

    def _condition(self, index: int) -> Condition | None:
        conditions = self.spec.conditions
        if not conditions:
            return None
        index %= sum(condition.count for condition in conditions)
        for condition in conditions:
            if index < condition.count:
                return condition
            index -= condition.count
        raise AssertionError("the index lies within the sum of the counts")

    def _present(self, condition: Condition | None, rng: np.random.Generator) -> tuple[bool, bool]:
        """Whether there is speech, and whether there is noise; in a grid there are always both."""
        if condition is not None:
            return True, True
        draw = rng.random()
        noise_only, clean = self.spec.noise_only, self.spec.clean
        return draw >= noise_only, not noise_only <= draw < noise_only + clean

    def _mix(self, condition: Condition | None, rng: np.random.Generator, *, both: bool) -> Mix:
        if condition is not None and condition.snr_db is not None:
            snr_db = condition.snr_db
        else:
            snr_db = round(float(rng.uniform(*self.spec.snr_db)), 2)
        level_dbfs = round(float(rng.uniform(*self.spec.level_dbfs)), 2)
        return Mix(target=VOICE, snr_db=snr_db if both else None, level_dbfs=level_dbfs, peak=_PEAK)

    def _pools(self, split: Split, condition: Condition | None) -> tuple[SpeechPool, NoisePool]:
        bandwidth = self.spec.speech.min_bandwidth_hz
        if condition is not None and condition.min_bandwidth_hz is not None:
            bandwidth = condition.min_bandwidth_hz
        if (split, bandwidth) not in self._speech:
            clips = [clip for clip in self.library.of("speech", split) if self._usable(clip, bandwidth)]
            if not clips:
                raise DataError(
                    f"the library has no {split} speech of {bandwidth:g} Hz bandwidth and a floor below "
                    f"{self.spec.speech.max_floor_db:g} dB",
                    do="lower min_bandwidth_hz or raise max_floor_db in the spec",
                )
            self._speech[split, bandwidth] = SpeechPool(clips)
        if split not in self._noise:
            noises = self.library.of("noise", split)
            if not noises:
                raise DataError(f"the library has no {split} noise", do="build it again or choose another split")
            self._noise[split] = NoisePool(noises, self.spec.noise.weights)
        return self._speech[split, bandwidth], self._noise[split]

    def _usable(self, clip: Sound, bandwidth: float) -> bool:
        return clip.bandwidth_hz >= bandwidth and clip.floor_db <= self.spec.speech.max_floor_db

    def _with_effects(self, parts: list[Part], rng: np.random.Generator) -> list[Part]:
        effects = (*draw_eq(self.spec.speech.eq, rng), *draw_reverb(self.spec.speech.reverb, rng))
        return [part.model_copy(update={"effects": effects}) for part in parts]

    def _band(self, speech_hz: float, rng: np.random.Generator) -> list[Band]:
        """The drawn band; else, often, the band of the speech recording, which its noise would have shared."""
        drawn = draw_band(self.spec.band, rng)
        matched = chance(rng, self.spec.match_band)
        narrow = speech_hz < 0.4 * self.spec.sample_rate
        if not drawn and narrow and matched:
            return [Band(kind="band", high_hz=round(speech_hz), order=40)]
        return drawn


def _condition_band(condition: Condition) -> list[Band]:
    if condition.low_hz is None and condition.high_hz is None:
        return []
    return [Band(kind="band", low_hz=condition.low_hz, high_hz=condition.high_hz, order=condition.order)]


@dataclass(frozen=True)
class Planned:
    """A manifest that was written."""

    manifest: str
    rows: int
    minutes: float
    sha256: str


def plan_manifest(
    library: Path,
    *,
    spec: str,
    split: str,
    out: Path,
    count: int | None = None,
    seed: int = 0,
) -> Planned:
    """Plans `count` rows of a split and writes them to `out`; a spec with conditions brings its own count.

    Raises UsageError for an unknown split or a missing count, DataError for a library that lacks what the spec asks.
    """
    settings = read_spec(spec)
    if split not in get_args(Split):
        raise UsageError(f"no split is called {split}", do=near(split, get_args(Split)))
    rows_wanted = count or settings.rows
    if rows_wanted is None:
        raise UsageError(f"spec {settings.name} does not say how many rows", do="give --count")
    source = read_library(library)
    rows = Planner(settings, source, seed=seed).rows(cast(Split, split), rows_wanted)
    sha256 = write_manifest(out, relocated(rows, source.root, out.parent))
    return Planned(str(out), rows_wanted, rows_wanted * settings.duration_s / 60, sha256)
