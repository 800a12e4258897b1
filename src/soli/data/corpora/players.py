"""The four players of a chorale: their instruments, what those can play, and the habits that are drawn for each.

Ranges are as the instruments sound. Vibrato depths are half of what lies between its extremes; rates and depths follow
what is measured of players: violins 5 to 6.5 Hz and up to a third of a semitone, saxophones and bassoons less, and
clarinets hardly any.
"""

from dataclasses import dataclass, replace

Range = tuple[float, float]


@dataclass(frozen=True)
class Voice:
    """An instrument of one General MIDI program, and how it is played.

    `attack_s`, `release_s`: how long its notes take to begin and to end. `glide_s`: from one note to the next where
    they are bound. `vibrato` is the share of players who have one. `noise_db`: bow or breath, against the tone, within
    `noise_hz`. `bright_hz`: partials above it grow and fade with the dynamics.
    """

    program: int
    keys: tuple[int, int]
    vibrato: float
    vibrato_hz: Range
    vibrato_cents: Range
    attack_s: Range
    release_s: Range
    glide_s: Range
    bound: Range
    noise_db: Range
    noise_hz: Range
    bright_hz: float


VIOLIN = Voice(
    program=40,
    keys=(55, 96),
    vibrato=0.9,
    vibrato_hz=(4.9, 6.5),
    vibrato_cents=(10, 35),
    attack_s=(0.02, 0.09),
    release_s=(0.05, 0.16),
    glide_s=(0.02, 0.08),
    bound=(0.2, 0.8),
    noise_db=(-46, -34),
    noise_hz=(1500, 9000),
    bright_hz=2500,
)
CLARINET = Voice(
    program=71,
    keys=(50, 91),
    vibrato=0.15,
    vibrato_hz=(4.5, 5.5),
    vibrato_cents=(2, 6),
    attack_s=(0.012, 0.06),
    release_s=(0.04, 0.12),
    glide_s=(0.01, 0.03),
    bound=(0.3, 0.95),
    noise_db=(-54, -40),
    noise_hz=(800, 6000),
    bright_hz=1500,
)
ALTO_SAXOPHONE = Voice(
    program=65,
    keys=(49, 81),
    vibrato=0.6,
    vibrato_hz=(4.5, 5.8),
    vibrato_cents=(5, 22),
    attack_s=(0.012, 0.06),
    release_s=(0.04, 0.12),
    glide_s=(0.01, 0.04),
    bound=(0.3, 0.9),
    noise_db=(-50, -36),
    noise_hz=(1000, 8000),
    bright_hz=1500,
)
BASSOON = Voice(
    program=70,
    keys=(34, 72),
    vibrato=0.45,
    vibrato_hz=(4.5, 5.8),
    vibrato_cents=(3, 14),
    attack_s=(0.015, 0.07),
    release_s=(0.04, 0.12),
    glide_s=(0.01, 0.03),
    bound=(0.2, 0.85),
    noise_db=(-52, -38),
    noise_hz=(500, 4000),
    bright_hz=900,
)


SOPRANO_SAXOPHONE = replace(ALTO_SAXOPHONE, program=64, keys=(56, 87))
TENOR_SAXOPHONE = replace(ALTO_SAXOPHONE, program=66, keys=(44, 76))


@dataclass(frozen=True)
class Chair:
    """A place in the quartet: its source, the part of the score, its file's spelling, and who may sit there.

    `others`, with the share of pieces they play, sit there in training alone, and where the font has them.
    """

    source: str
    part: str
    file: str
    voice: Voice
    others: tuple[tuple[Voice, float], ...] = ()

    @property
    def voices(self) -> list[Voice]:
        return [self.voice, *(voice for voice, _ in self.others)]


# The third file's name is spelt as Bach10 spells it, so that one reader serves both.
CHAIRS = (
    Chair("violin", "soprano", "violin", VIOLIN),
    Chair("clarinet", "alto", "clarinet", CLARINET),
    Chair("saxophone", "tenor", "saxphone", ALTO_SAXOPHONE, ((TENOR_SAXOPHONE, 0.45), (SOPRANO_SAXOPHONE, 0.05))),
    Chair("bassoon", "bass", "bassoon", BASSOON),
)
