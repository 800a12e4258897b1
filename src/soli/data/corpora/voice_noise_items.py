"""One item of a voice-and-noise set: drawn from a library, mixed at a whole number of dB, written as three files.

An item is a function of the settings, the library, its split and its number, whatever was made before it and by
however many processes. SNR is the mean power of the voice over that of the noise, both over the whole item. Levels:
the mixture's RMS is drawn between -30 and -20 dBFS, and lowered where a peak of mixture, voice or noise would pass
0.99; nothing is clipped. The mixture is the sum of the two other files, in float32, to the last bit.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from soli.atomic import folder_atomically
from soli.data.draws import NOISE, VOICE
from soli.data.library import Library, Split
from soli.data.manifest import Row
from soli.data.plan import Planner
from soli.data.render import render
from soli.data.spec import MixSpec, read_spec
from soli.dsp.levels import gain, peak_db, rms_db
from soli.errors import DataError, OutputError
from soli.media.audio import write_audio
from soli.types import MAX_RATE, MIN_RATE, Array

LEVEL_DBFS = (-30.0, -20.0)
PEAK_DBFS = -0.1
# Of the noise as the planner lays it out, at about -26 dBFS: what lies below is a recording's pause, and drawn anew.
AUDIBLE_DBFS = -75.0
_MOST_DRAWS = 20
_NEXT_DRAW = 10_000_000
# Voices whose recordings end below this are left out at any rate; at 8 kHz, where the rate's own band ends.
_MAX_BANDWIDTH_HZ = 12_000


class Settings(BaseModel):
    """What a set is made as; two sets of the same settings and library are the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int = Field(gt=0, lt=_NEXT_DRAW)
    test: int = Field(gt=0, lt=_NEXT_DRAW)
    valid: int = Field(default=0, ge=0, lt=_NEXT_DRAW)
    snr_db: tuple[int, int] = (-4, 4)
    sample_rate: int = Field(default=8000, ge=MIN_RATE, le=MAX_RATE)
    length_s: float = Field(default=10.0, ge=0.5, le=3600)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _rising(self) -> "Settings":
        if self.snr_db[0] > self.snr_db[1]:
            raise ValueError(f"the SNRs {self.snr_db[0]}..{self.snr_db[1]} fall")
        return self

    @property
    def counts(self) -> dict[Split, int]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def spec(self) -> MixSpec:
        """The shipped spec at this rate and length; its Mix is not used."""
        spec = read_spec("voice-noise")
        speech = {"min_bandwidth_hz": min(0.45 * self.sample_rate, _MAX_BANDWIDTH_HZ)}
        return spec.model_copy(
            update={
                "sample_rate": self.sample_rate,
                "duration_s": self.length_s,
                "speech": spec.speech.model_copy(update=speech),
            }
        )


@dataclass(frozen=True)
class Place:
    """Where an item goes: `train/0001` is number 1 of `train`."""

    split: Split
    number: int

    @property
    def path(self) -> str:
        return f"{self.split}/{self.number:04d}"


class Line(BaseModel):
    """What an item was made of, as `items.jsonl` has it: paths are those of the library."""

    path: str
    snr_db: int
    level_dbfs: float
    language: str
    speaker: str
    voice: list[str]
    noise: list[str]


@dataclass(frozen=True)
class Maker:
    """Makes the items of one set. Cheap to keep; holds the library's lists and no sound."""

    settings: Settings
    planner: Planner

    @classmethod
    def of(cls, settings: Settings, library: Library) -> "Maker":
        return cls(settings, Planner(settings.spec, library, seed=settings.seed))

    def snr_db(self, place: Place) -> int:
        low, high = self.settings.snr_db
        return int(self._rng(place, "snr").integers(low, high + 1))

    def files(self, place: Place) -> tuple[str, str, str]:
        """The names of the item's files."""
        return f"mix_snr_{self.snr_db(place)}.wav", f"{VOICE}.wav", f"{NOISE}.wav"

    def make(self, place: Place) -> tuple[Line, Array, Array]:
        """The item's line, and its voice and noise (1, T). Raises InputError for the library's files."""
        row, voice, noise = self._audible(place)
        snr_db = self.snr_db(place)
        noise = noise * np.float32(gain(rms_db(voice) - rms_db(noise) - snr_db))
        mixture = voice + noise
        drawn_dbfs = float(self._rng(place, "level").uniform(*LEVEL_DBFS))
        loudest_db = max(peak_db(each) for each in (mixture, voice, noise))
        louder_db = min(drawn_dbfs - rms_db(mixture), PEAK_DBFS - loudest_db)
        factor = np.float32(gain(louder_db))
        line = Line(
            path=place.path,
            snr_db=snr_db,
            level_dbfs=round(rms_db(mixture) + louder_db, 2),
            language=str(row.meta["language"]),
            speaker=str(row.meta["speaker"]),
            voice=_files_of(row, VOICE),
            noise=_files_of(row, NOISE),
        )
        return line, voice * factor, noise * factor

    def write(self, place: Place, out: Path) -> Line:
        """Makes an item and writes its folder below `out`, whole or not at all, in place of a damaged one.

        Raises OutputError where that cannot be, or where the folder holds files that are none of the item's.
        """
        line, voice, noise = self.make(place)
        folder = out / place.path
        names = self.files(place)
        with folder_atomically(folder) as part:
            for name, samples in zip(names, (voice + noise, voice, noise), strict=True):
                write_audio(part / name, samples, sample_rate=self.settings.sample_rate, subtype="float32")
            _check_ours(folder, names)
        return line

    def _audible(self, place: Place) -> tuple[Row, Array, Array]:
        """The first draw in which both stems can be heard, for a noise recording may pause for as long as an item."""
        for draw in range(_MOST_DRAWS):
            row = self.planner.row(place.split, place.number + draw * _NEXT_DRAW)
            stems = render(row.model_copy(update={"mix": None}), self.planner.library.root).stems
            voice, noise = stems[VOICE][:1], stems[NOISE][:1]
            if min(rms_db(voice), rms_db(noise)) > AUDIBLE_DBFS:
                return row, voice, noise
        raise DataError(
            f"{_MOST_DRAWS} draws for {place.path} were all silent at {self.settings.sample_rate} Hz",
            do="see whether the library's sounds are in order: soli data check",
        )

    def _rng(self, place: Place, what: str) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, zlib.crc32(f"{what} {place.split}".encode()), place.number])


def _files_of(row: Row, source: str) -> list[str]:
    return sorted({part.path for part in row.parts if part.source == source})


def _check_ours(folder: Path, names: tuple[str, ...]) -> None:
    foreign = sorted({path.name for path in folder.iterdir()} - set(names)) if folder.exists() else []
    if foreign:
        raise OutputError(f"{folder} holds {foreign[0]}, which is not ours", do="move it away, or build elsewhere")
