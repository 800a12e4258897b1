"""How one player shapes a part: when each note begins and ends, how loud, how in tune, bound or tongued.

Amounts follow what is measured of ensembles: onsets some 10 to 30 ms apart, notes a few cents off, phrases that swell
by some dB.
"""

from dataclasses import dataclass

import numpy as np

from soli.data.corpora.chorale_scores import Score
from soli.data.corpora.musicxml import Note
from soli.data.corpora.performance import PlayedNote, Vibrato
from soli.data.corpora.phrasing import Phrase, TempoMap, walk
from soli.data.corpora.players import Chair, Voice

_SHORTEST_S = 0.06
_TOGETHER_S = 0.006
_WIDEST_GLIDE_CENTS = 150.0


@dataclass(frozen=True)
class Piece:
    """What the players have in common. `together`: how far the whole group is off, by place in the score, in s."""

    score: Score
    tempo: TempoMap
    phrases: list[Phrase]
    together: dict[float, float]
    lead_in_s: float
    transposed: int

    def second(self, quarter: float) -> float:
        return self.lead_in_s + self.tempo.at(quarter)

    def phrase(self, quarter: float) -> Phrase:
        return next((each for each in self.phrases if quarter < each.end - 1e-6), self.phrases[-1])


@dataclass(frozen=True)
class Habits:
    """What a player does throughout a piece. `kept`: how much of the vibrato in the recordings stays."""

    vibrato: bool
    kept: float
    vibrato_hz: float
    vibrato_cents: float
    bound: float
    late_s: float
    uneven_s: float
    off_cents: float
    drift_cents: float
    uneven_cents: float
    arch_db: float
    uneven_db: float
    velocity: float

    @classmethod
    def drawn(cls, voice: Voice, rng: np.random.Generator) -> "Habits":
        vibrato, recorded, little = rng.random() < voice.vibrato, rng.random() < 0.5, rng.uniform(0, 0.4)
        kept = 1.0 if vibrato and recorded else little
        return cls(
            vibrato=bool(vibrato),
            kept=round(kept, 2),
            vibrato_hz=rng.uniform(*voice.vibrato_hz),
            # On top of the recorded one, only so much that no two notes swing alike.
            vibrato_cents=rng.uniform(*voice.vibrato_cents) * (0.3 if kept == 1 else 1.0),
            bound=rng.uniform(*voice.bound),
            late_s=0.008 * rng.standard_normal(),
            uneven_s=rng.uniform(0.006, 0.02),
            off_cents=4 * rng.standard_normal(),
            drift_cents=rng.uniform(1, 6),
            uneven_cents=rng.uniform(2, 7),
            arch_db=rng.uniform(1, 6),
            uneven_db=rng.uniform(0.5, 1.5),
            velocity=rng.uniform(70, 120),
        )


def together(score: Score, rng: np.random.Generator) -> dict[float, float]:
    places = sorted({note.onset for notes in score.parts.values() for note in notes})
    return dict(zip(places, _TOGETHER_S * rng.standard_normal(len(places)), strict=True))


def played_notes(
    piece: Piece, chair: Chair, voice: Voice, habits: Habits, tuning: float, rng: np.random.Generator
) -> tuple[PlayedNote, ...]:
    """The notes of a part as they are played, one after the other."""
    written = piece.score.parts[chair.part]
    onsets = _onsets(piece, written, habits, rng)
    drift = walk(rng, len(written), spread=habits.drift_cents, memory=0.9)
    levels = _levels(piece, written, habits, rng)
    played: list[PlayedNote] = []
    before: _Join | None = None
    for number, note in enumerate(written):
        after = written[number + 1] if number + 1 < len(written) else None
        join = _Join.drawn(piece, note, after, voice, habits, rng)
        end_s = onsets[number + 1] if after is not None and join.meets else piece.second(note.onset + note.duration)
        drawn = _Drawn(
            pitch=_in_range(note.pitch + piece.transposed, voice.keys),
            cents=tuning + habits.off_cents + float(drift[number]),
            onset_s=onsets[number],
            length_s=end_s - onsets[number] + join.longer_s,
            release_s=join.release_s,
            level_db=levels[number],
            fermata=note.fermata,
        )
        bound_s = before.release_s if before and before.bound else None
        played.append(_played(drawn, voice, habits, bound_s, played[-1].pitch if played else drawn.pitch, rng))
        before = join
    return tuple(played)


@dataclass(frozen=True)
class _Drawn:
    """What a note's place in the piece decides."""

    pitch: int
    cents: float
    onset_s: float
    length_s: float
    release_s: float
    level_db: float
    fermata: bool


def _played(
    drawn: _Drawn, voice: Voice, habits: Habits, bound_s: float | None, before: int, rng: np.random.Generator
) -> PlayedNote:
    """A note; `bound_s`: how long the one `before` (a pitch) takes to give way to it, None where they are not bound."""
    glide = _Glide.drawn(before if bound_s is not None else None, drawn.pitch, voice, rng)
    return PlayedNote(
        pitch=drawn.pitch,
        cents=round(drawn.cents + habits.uneven_cents * rng.standard_normal(), 2),
        onset_s=round(drawn.onset_s, 4),
        duration_s=round(max(drawn.length_s, _SHORTEST_S), 4),
        attack_s=round(bound_s if bound_s is not None else rng.uniform(*voice.attack_s), 4),
        release_s=round(drawn.release_s, 4),
        skip_s=glide.skip_s,
        glide_cents=glide.cents,
        glide_s=glide.glide_s,
        vibrato=_vibrato(habits, drawn.length_s, rng),
        velocity=int(np.clip(habits.velocity + 4 * drawn.level_db + 4 * rng.standard_normal(), 30, 127)),
        level_db=round(drawn.level_db, 2),
        swell_db=_swell(drawn.fermata, drawn.length_s, rng),
        seed=int(rng.integers(2**31)),
    )


def _onsets(piece: Piece, written: tuple[Note, ...], habits: Habits, rng: np.random.Generator) -> list[float]:
    uneven = walk(rng, len(written), spread=habits.uneven_s, memory=0.4)
    onsets: list[float] = []
    for note, off in zip(written, uneven, strict=True):
        at = piece.second(note.onset) + piece.together[note.onset] + habits.late_s + off
        onsets.append(max(at, onsets[-1] + _SHORTEST_S if onsets else 0.02))
    return onsets


def _levels(piece: Piece, written: tuple[Note, ...], habits: Habits, rng: np.random.Generator) -> list[float]:
    """Phrases rise and fall, beats weigh more than what is between them, high notes more than low ones."""
    middle = float(np.mean([note.pitch for note in written]))
    levels = []
    for note in written:
        phrase = piece.phrase(note.onset)
        share = (note.onset - phrase.start) / (phrase.end - phrase.start)
        arch = habits.arch_db * (0.4 - 2.2 * (share - 0.55) ** 2)
        weight = 0.7 if abs(note.onset - round(note.onset)) < 1e-3 else -0.5
        levels.append(arch + weight + 0.15 * (note.pitch - middle) + habits.uneven_db * rng.standard_normal())
    return levels


@dataclass(frozen=True)
class _Join:
    """How a note ends: `bound` to the next or parted from it. `meets`: no rest follows it."""

    bound: bool
    meets: bool
    longer_s: float
    release_s: float

    @classmethod
    def drawn(
        cls, piece: Piece, note: Note, after: Note | None, voice: Voice, habits: Habits, rng: np.random.Generator
    ) -> "_Join":
        lot, breath_s, gap_s = rng.random(), rng.uniform(0.06, 0.35), rng.uniform(0.005, 0.06)
        release_s, cross_s = rng.uniform(*voice.release_s), rng.uniform(*voice.glide_s)
        end = note.onset + note.duration
        if after is None or after.onset > end + 1e-3:
            return cls(False, False, -0.3 * release_s, 1.5 * release_s)
        if end >= piece.phrase(note.onset).end - 1e-3:
            return cls(False, True, -breath_s - 0.5 * release_s, 1.3 * release_s)
        if lot < habits.bound and after.pitch != note.pitch:
            return cls(True, True, 0.0, max(cross_s, 0.015))
        return cls(False, True, -gap_s - 0.6 * release_s, 0.8 * release_s)


@dataclass(frozen=True)
class _Glide:
    """How a bound note takes over from the one before: how far towards that it begins, and inside its recording."""

    cents: float = 0.0
    glide_s: float = 0.0
    skip_s: float = 0.0

    @classmethod
    def drawn(cls, before: int | None, pitch: int, voice: Voice, rng: np.random.Generator) -> "_Glide":
        share, glide_s, skip_s = rng.uniform(0.2, 0.8), rng.uniform(*voice.glide_s), rng.uniform(0.04, 0.14)
        if before is None:
            return cls()
        most = min(100.0 * abs(before - pitch), _WIDEST_GLIDE_CENTS)
        return cls(round(float(np.sign(before - pitch) * most * share), 1), round(glide_s, 3), round(skip_s, 3))


def _vibrato(habits: Habits, length_s: float, rng: np.random.Generator) -> Vibrato | None:
    """Long notes have more of it than short ones, which may have none."""
    lot, rate, depth = rng.random(), rng.normal(1, 0.05), rng.uniform(0.6, 1.25)
    delay_s, phase = rng.uniform(0.03, 0.3), rng.uniform(0, 1)
    if not habits.vibrato or length_s < 0.25 or lot > 0.5 + length_s:
        return None
    return Vibrato(
        hz=round(habits.vibrato_hz * rate, 3),
        cents=round(habits.vibrato_cents * depth * min(1.0, 0.4 + length_s), 2),
        delay_s=round(min(delay_s, 0.4 * length_s), 3),
        phase=round(phase, 3),
    )


def _swell(fermata: bool, length_s: float, rng: np.random.Generator) -> tuple[float, float]:
    """Long notes bloom and fade, held ones most."""
    long = min(length_s, 2.5)
    faded = (2 + 3 * long) if fermata else 2.5 * long
    return round(-rng.uniform(0, 1.5) * long, 2), round(-rng.uniform(0, 1) * faded, 2)


def _in_range(pitch: int, keys: tuple[int, int]) -> int:
    """The pitch, moved by octaves into what the instrument has."""
    while pitch < keys[0]:
        pitch += 12
    while pitch > keys[1]:
        pitch -= 12
    return pitch
