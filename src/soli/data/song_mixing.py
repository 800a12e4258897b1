"""Mixtures of songs: every item is drawn as a manifest row from a manifest of songs, and rendered like any other.

Coherent mixing takes all stems from one song, at one time, at one pitch and tempo, with a gain each. Incoherent mixing
takes each stem from another piece, at a time and a pitch of its own: no harmony, no common rhythm, and as many mixtures
as there are tuples of stems. Stems sum to the mixture in either, because the mixture is made of them.

Item `index` is a pure function of the rows, the settings, the seed, the split and the index.
"""

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from soli.data.augment import BandSpec, EqSpec, Range, ReverbSpec, draw_band, draw_eq, draw_reverb
from soli.data.draws import chance
from soli.data.effects import Effect
from soli.data.folds import song_names
from soli.data.manifest import Row, excerpt, played, remix, stretched
from soli.errors import DataError
from soli.version import __version__

Share = Annotated[float, Field(ge=0, le=1)]
_SEMITONES = 12
_HEARABLE_HZ = (10.0, 400_000.0)
# What may be drawn, by the name of the setting; of all others, which are levels, decibels within _LIMITS_DB.
_LIMITS: dict[str, Range] = {
    "start_s": (0.0, 86400.0),
    "pitch_semitones": (-12.0, 12.0),
    "stretch": (0.5, 2.0),
    "rt60_s": (0.001, 5.0),
    "delay_s": (0.0, 1.0),
    "range_hz": _HEARABLE_HZ,
    "telephone_hz": _HEARABLE_HZ,
}
_LIMITS_DB: Range = (-120.0, 120.0)
_MOST_ORDER = 200
_RANGES: tuple[Any, ...] = (Range, Range | None)


class SongMixing(BaseModel):
    """How songs are mixed; the defaults are the coherent mixing of the Bach10 thesis. Ranges are drawn uniformly.

    `stretch` is how many times as long the music becomes. Items that are not among the share `stretched` are played
    faster or slower instead, where the tempo follows the pitch: that costs far less time. `present` weighs how many of
    the sources sound, from one on; all if empty. `level_db` is a gain of all stems alike. `eq` and `room` are
    drawn for each stem, `microphone` and `band` for the mixture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    incoherent: Share = 0.0
    start_s: Range | None = Field((0.0, 7.0), description="where an item begins in a song; null: anywhere")
    pitch_semitones: Range = (-2.0, 2.0)
    stretch: Range = (0.8, 1.2)
    stretched: Share = 1.0
    gain_db: Range = (-5.0, 5.0)
    level_db: Range = (0.0, 0.0)
    present: tuple[Annotated[float, Field(ge=0)], ...] = ()
    eq: EqSpec = EqSpec(probability=0)
    room: ReverbSpec = ReverbSpec(probability=0)
    microphone: EqSpec = EqSpec(probability=0)
    band: BandSpec = BandSpec(probability=0)

    @model_validator(mode="after")
    def _sensible(self) -> "SongMixing":
        for name, bounds in _ranges(self):
            least, most = _LIMITS.get(name.rpartition(".")[2], _LIMITS_DB)
            if bounds[0] > bounds[1]:
                raise ValueError(f"{name} falls from {bounds[0]:g} to {bounds[1]:g}")
            if not least <= bounds[0] <= bounds[1] <= most:
                raise ValueError(f"{name} {list(bounds)} must lie between {least:g} and {most:g}")
        if self.present and not any(self.present):
            raise ValueError("present: every number of sources has the weight 0")
        return self

    @model_validator(mode="after")
    def _filters_can_be_made(self) -> "SongMixing":
        for name, spec in (("eq", self.eq), ("microphone", self.microphone)):
            if spec.range_hz[1] < 2 * spec.range_hz[0]:
                raise ValueError(f"{name}.range_hz {list(spec.range_hz)} must span an octave")
        if not self.band.orders or not all(1 <= order <= _MOST_ORDER for order in self.band.orders):
            raise ValueError(f"band.orders {list(self.band.orders)} must be from 1 to {_MOST_ORDER}, one or more")
        if not self.band.high_hz or not all(0 < hz < math.inf for hz in self.band.high_hz):
            raise ValueError(f"band.high_hz {list(self.band.high_hz)} must be above 0, one or more")
        return self


def _ranges(settings: BaseModel, group: str = "") -> Iterator[tuple[str, Range]]:
    """All ranges that something is drawn from, by name, those of the effects included."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _ranges(value, f"{name}.")
        elif value is not None and field.annotation in _RANGES:
            yield f"{group}{name}", value


class SongMixer:
    """Draws rows of mixtures from the songs of one split. Raises DataError where they cannot be mixed."""

    def __init__(self, songs: Sequence[Row], mixing: SongMixing, *, split: str, duration_s: float, seed: int) -> None:
        self.songs, self.mixing = tuple(songs), mixing
        self.split, self.duration_s, self.seed = split, duration_s, seed
        self.sources = tuple(dict.fromkeys(source for row in songs for source in row.stems))
        rates = sorted({row.sample_rate for row in songs})
        if len(rates) != 1:
            raise DataError(f"songs of the sample rates {rates} cannot be mixed", wanted="one rate, and a song or more")
        self.sample_rate = rates[0]
        if len(mixing.present) > len(self.sources):
            raise DataError(
                f"mixing.present weighs up to {len(mixing.present)} sources; the songs have {', '.join(self.sources)}"
            )
        if mixing.stretched:
            self._check_stretch()

    def _check_stretch(self) -> None:
        """Raises DataError where pitch and stretch together ask for more stretching than a row may say."""
        before = sorted(song.stretch for song in self.songs)
        for end, own in enumerate((before[0], before[-1])):
            pitch, stretch = self.mixing.pitch_semitones[end], self.mixing.stretch[end]
            total = own * stretch * _faster(pitch, self.sample_rate)
            try:
                Row(id="", split="", sample_rate=self.sample_rate, duration_s=1.0, parts=(), stretch=total)
            except ValidationError as error:
                found = (
                    f"mixing.stretch {stretch:g} at mixing.pitch_semitones {pitch:g} stretches sounds {total:.4g} times"
                )
                wanted = error.errors()[0]["msg"].removeprefix("Input should be ")
                raise DataError(found, wanted=wanted) from error

    def row(self, index: int) -> Row:
        """Row `index`: sources that do not sound are named, and have no parts."""
        rng = np.random.default_rng([self.seed, zlib.crc32(self.split.encode()), index])
        mixing = self.mixing
        incoherent = chance(rng, mixing.incoherent)
        by_stretching = chance(rng, mixing.stretched)
        stretch = _uniform(rng, mixing.stretch)
        pitch = _uniform(rng, mixing.pitch_semitones)
        chosen = self._songs(rng) if incoherent else self._song(rng)
        sounding = self._sounding(rng, tuple(chosen))
        # The length that each song is played to, before it is stretched to the item's.
        laid_s = self.duration_s / (stretch * _faster(pitch, self.sample_rate)) if by_stretching else self.duration_s
        start, cuts, speeds = float(rng.random()), dict[str, Row](), dict[str, float]()
        for source, song in chosen.items():
            own_start, own_pitch = float(rng.random()), _uniform(rng, mixing.pitch_semitones)
            at, semitones = (own_start, own_pitch) if incoherent else (start, pitch)
            speeds[source] = _faster(semitones, self.sample_rate)
            cuts[source] = self._cut(song, at, speeds[source], laid_s)
        row = self._finished(stretched(remix(cuts), self.duration_s), index, sounding, rng)
        songs = {source: chosen[source] for source in sounding}
        return row.model_copy(update={"meta": _meta(row, songs, speeds, incoherent=incoherent)})

    def _song(self, rng: np.random.Generator) -> dict[str, Row]:
        song = self.songs[int(rng.integers(len(self.songs)))]
        return dict.fromkeys(song.stems, song)

    def _songs(self, rng: np.random.Generator) -> dict[str, Row]:
        """A song for each source, another one each time as far as there are enough."""
        order = [self.songs[int(place)] for place in rng.permutation(len(self.songs))]
        chosen: dict[str, Row] = {}
        for source in self.sources:
            having = [song for song in order if source in song.stems]
            taken = {piece for song in chosen.values() for piece in _pieces(song)}
            chosen[source] = next((song for song in having if not _pieces(song) & taken), having[0])
        return chosen

    def _sounding(self, rng: np.random.Generator, there: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the sources sound, in their order."""
        weights = np.array(self.mixing.present or [0.0] * (len(self.sources) - 1) + [1.0])
        count = 1 + int(rng.choice(len(weights), p=weights / weights.sum()))
        order = rng.permutation(len(there))[:count]
        return tuple(there[place] for place in sorted(order))

    def _cut(self, song: Row, at: float, speed: float, laid_s: float) -> Row:
        """What of a song fills `laid_s` at `speed`; a song too short for its start begins earlier, or ends before."""
        taken_s = laid_s * speed
        room_s = max(0.0, song.duration_s - taken_s)
        low_s, high_s = self.mixing.start_s or (0.0, room_s)
        start_s = min(low_s + at * (high_s - low_s), room_s)
        return played(excerpt(song, start_s=round(start_s, 4), duration_s=taken_s), speed)

    def _finished(self, row: Row, index: int, sounding: tuple[str, ...], rng: np.random.Generator) -> Row:
        """The row with gains and effects, of the sources that sound, under a name of its own."""
        mixing = self.mixing
        level_db = _uniform(rng, mixing.level_db)
        gains, effects = dict[str, float](), dict[str, tuple[Effect, ...]]()
        for source in self.sources:
            gains[source] = round(level_db + _uniform(rng, mixing.gain_db), 3)
            effects[source] = (*draw_eq(mixing.eq, rng), *draw_reverb(mixing.room, rng))
        parts = tuple(
            part.model_copy(
                update={
                    "gain_db": part.gain_db + gains[part.source],
                    "effects": (*part.effects, *effects[part.source]),
                }
            )
            for part in row.parts
            if part.source in sounding
        )
        shared = (*row.effects, *draw_eq(mixing.microphone, rng), *draw_band(mixing.band, rng))
        changed = {"id": f"{self.split}-{index:06d}", "split": self.split, "sources": self.sources, "parts": parts}
        named = {"effects": shared, "labels": sounding, "spec": "songs", "seed": self.seed, "soli": __version__}
        return row.model_copy(update={**changed, **named})


def _pieces(song: Row) -> set[str]:
    """What is played, whoever plays it: two performances of one chorale would be coherent."""
    return song_names(song) or {song.id}


def _meta(row: Row, songs: Mapping[str, Row], speeds: Mapping[str, float], *, incoherent: bool) -> dict[str, object]:
    """What was drawn, in the words of music: song, pitch and length of each source that sounds, and the titles."""
    return {
        "incoherent": incoherent,
        "songs": {source: song.id for source, song in songs.items()},
        "titles": sorted({name for song in songs.values() for name in song_names(song)}),
        "pitch_semitones": {source: round(_SEMITONES * math.log2(speeds[source]), 3) for source in songs},
        "stretch": {source: round(row.stretch / speeds[source], 4) for source in songs},
    }


def _uniform(rng: np.random.Generator, bounds: Range) -> float:
    return float(rng.uniform(*bounds))


def _faster(semitones: float, sample_rate: int) -> float:
    """The speed that is nearest to a pitch and plays at a multiple of 100 Hz: such ratios resample faster."""
    speed = 2 ** (semitones / _SEMITONES)
    return max(100, round(sample_rate * speed, -2)) / sample_rate if semitones else 1.0
