"""What a performance of a chorale is: every number that decides its sound, drawn before anything sounds, and kept."""

from pydantic import BaseModel, ConfigDict

from soli.data.corpora.room import Point, Room

PERFORMANCE_NAME = "performance.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Vibrato(_Frozen):
    """`cents` to each side, `hz` times a second, from `delay_s` after the onset on."""

    hz: float
    cents: float
    delay_s: float
    phase: float


class PlayedNote(_Frozen):
    """One note as it is played.

    `pitch` is what the score says, transposed; `cents` how far off it is played. The note's level is full from
    `attack_s` after `onset_s` until `duration_s`, and gone `release_s` later. A note bound to the one before begins
    `skip_s` inside its recording, and `glide_cents` off its pitch, which it reaches in `glide_s`. `level_db` is its
    level, and `swell_db` what that differs by at the beginning and at the end. `seed` draws its small unsteadiness.
    """

    pitch: int
    cents: float
    onset_s: float
    duration_s: float
    attack_s: float
    release_s: float
    skip_s: float = 0.0
    glide_cents: float = 0.0
    glide_s: float = 0.0
    vibrato: Vibrato | None = None
    velocity: int
    level_db: float
    swell_db: tuple[float, float]
    seed: int

    @property
    def offset_s(self) -> float:
        return self.onset_s + self.duration_s


class Resonance(_Frozen):
    """A hill or a dip in the spectrum, `octaves` wide."""

    hz: float
    gain_db: float
    octaves: float


class Player(_Frozen):
    """One player and instrument.

    `font`: which of the split's fonts, in their order in chorales.json, the instrument is from. `side`: which of that
    font's microphones. `shift`: as many semitones higher is the recording that each note is
    played from. `kept`: how much of the recorded vibrato stays. `bright`: by how many dB the partials above
    `bright_hz` change beyond each dB of level. `unsteady_cents`, `unsteady_db`: how pitch and level waver.
    """

    source: str
    part: str
    program: int
    font: int = 0
    side: str
    shift: float
    kept: float
    gain_db: float
    bright: float
    bright_hz: float
    unsteady_cents: float
    unsteady_db: float
    noise_db: float
    noise_hz: tuple[float, float]
    body: tuple[Resonance, ...]
    seat_m: Point
    seed: int
    notes: tuple[PlayedNote, ...]


class Performance(_Frozen):
    """A whole performance. `level_dbfs`: the level of the mix (RMS), unless a peak has it lowered."""

    schema_: int = 1
    bwv: str
    split: str
    number: int
    seed: int
    bpm: float
    transposed: int
    tuning_cents: float
    level_dbfs: float
    room: Room | None
    players: tuple[Player, ...]

    @property
    def title(self) -> str:
        """What the piece's folder and files are called after its number."""
        return f"bwv{self.bwv}"

    @property
    def folder(self) -> str:
        return f"{self.number:04d}-{self.title}"

    @property
    def duration_s(self) -> float:
        """Until the last note has died away."""
        return max(note.offset_s + note.release_s for player in self.players for note in player.notes)
