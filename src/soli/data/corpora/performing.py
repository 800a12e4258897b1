"""Draws a performance: how four players would play a chorale this once.

Everything depends on the seed, the split and the number of the piece alone.
"""

import zlib
from collections.abc import Container, Sequence

import numpy as np

from soli.data.corpora.chorale_scores import Score
from soli.data.corpora.interpretation import Habits, Piece, played_notes, together
from soli.data.corpora.performance import Performance, PlayedNote, Player, Resonance
from soli.data.corpora.phrasing import draw_tempo, phrases
from soli.data.corpora.players import CHAIRS, Chair, Range, Voice
from soli.data.corpora.room import Point, draw_room, draw_seats

_LEAD_IN_S = (0.15, 0.6)
_TRANSPOSE = 5
_DRY_SHARE = 0.25


def perform(score: Score, *, split: str, number: int, seed: int, fonts: Sequence[Container[int]]) -> Performance:
    """Draws performance `number` of a split. `fonts`: the programs that each of its fonts has.

    In training instruments vary more than elsewhere: other members of a family, microphones, bodies, formants. Each
    player's font is drawn on its own, so that those of one quartet are from several.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"chorale {split}".encode()), number])
    varied = split == "train"
    voices = [_cast(chair, score, rng, fonts) if varied else chair.voice for chair in CHAIRS]
    # Drawn apart from all else: whatever fonts there are to choose from, what is played is the same.
    lots = np.random.default_rng([seed, zlib.crc32(f"fonts {split}".encode()), number])
    chosen = [_font(voice, fonts, lots) for voice in voices]
    transposed = _transposition(score, voices, rng)
    room = draw_room(rng)
    seats = draw_seats(room, len(CHAIRS), rng)
    bpm, tempo = draw_tempo(score, rng)
    piece = Piece(score, tempo, phrases(score), together(score, rng), round(rng.uniform(*_LEAD_IN_S), 3), transposed)
    tuning = round(float(rng.uniform(-12, 18)), 2)
    dry = rng.random() < _DRY_SHARE
    players = []
    for chair, voice, font, seat in zip(CHAIRS, voices, chosen, seats, strict=True):
        habits = Habits.drawn(voice, rng)
        notes = played_notes(piece, chair, voice, habits, tuning, rng)
        players.append(_player(chair, voice, font, habits, notes, seat, varied, rng))
    return Performance(
        bwv=score.bwv,
        split=split,
        number=number,
        seed=seed,
        bpm=bpm,
        transposed=transposed,
        tuning_cents=tuning,
        level_dbfs=round(float(rng.uniform(-26, -19)), 2),
        room=None if dry else room,
        players=tuple(players),
    )


def _cast(chair: Chair, score: Score, rng: np.random.Generator, fonts: Sequence[Container[int]]) -> Voice:
    """The chair's own instrument, or one of its family that a font has and whose range the part fits."""
    lot = rng.random()
    pitches = [note.pitch for note in score.parts[chair.part]]
    for voice, share in chair.others:
        lot -= share
        if lot < 0:
            low, high = voice.keys[0] - min(pitches), voice.keys[1] - max(pitches)
            fits = low <= high and low <= _TRANSPOSE and high >= -_TRANSPOSE
            return voice if fits and any(voice.program in font for font in fonts) else chair.voice
    return chair.voice


def _font(voice: Voice, fonts: Sequence[Container[int]], rng: np.random.Generator) -> int:
    """The number of one of the fonts that have the instrument, each as likely."""
    return int(rng.choice([number for number, programs in enumerate(fonts) if voice.program in programs]))


def _transposition(score: Score, voices: list[Voice], rng: np.random.Generator) -> int:
    """Semitones by which all parts are moved: one of those that leave the fewest notes outside their instruments."""
    steps = list(range(-_TRANSPOSE, _TRANSPOSE + 1))
    outside = [
        sum(
            not voice.keys[0] <= note.pitch + step <= voice.keys[1]
            for chair, voice in zip(CHAIRS, voices, strict=True)
            for note in score.parts[chair.part]
        )
        for step in steps
    ]
    best = [step for step, count in zip(steps, outside, strict=True) if count == min(outside)]
    return int(rng.choice(best))


def _player(
    chair: Chair,
    voice: Voice,
    font: int,
    habits: Habits,
    notes: tuple[PlayedNote, ...],
    seat: Point,
    varied: bool,
    rng: np.random.Generator,
) -> Player:
    shift, side = rng.uniform(-3, 3), rng.choice(["left", "right"])
    return Player(
        source=chair.source,
        part=chair.part,
        program=voice.program,
        font=font,
        side=str(side) if varied else "left",
        shift=round(float(shift), 2) if varied else 0.0,
        kept=habits.kept,
        gain_db=round(float(np.clip(2.5 * rng.standard_normal(), -6, 6)), 2),
        bright=round(float(rng.uniform(0.3, 1.0)), 2),
        bright_hz=round(voice.bright_hz * float(np.exp(rng.uniform(-0.3, 0.3))), 1),
        unsteady_cents=round(float(rng.uniform(1, 4)), 2),
        unsteady_db=round(float(rng.uniform(0.2, 0.9)), 2),
        noise_db=round(float(rng.uniform(*voice.noise_db)), 1),
        noise_hz=voice.noise_hz,
        body=_body(rng, spread_db=4.0 if varied else 2.0),
        seat_m=seat,
        seed=int(rng.integers(2**31)),
        notes=notes,
    )


def _body(rng: np.random.Generator, *, spread_db: float, hz: Range = (150, 9000)) -> tuple[Resonance, ...]:
    """The resonances of an instrument that is like no other of its kind."""
    return tuple(
        Resonance(
            hz=round(float(np.exp(rng.uniform(*np.log(hz)))), 1),
            gain_db=round(float(np.clip(spread_db * rng.standard_normal(), -3 * spread_db, 2 * spread_db)), 2),
            octaves=round(float(rng.uniform(0.25, 1.6)), 2),
        )
        for _ in range(int(rng.integers(4, 9)))
    )
