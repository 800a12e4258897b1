"""A library of sounds to mix: one line a sound in `library.jsonl`, the files beside it.

Every sound is a mono WAV file at its native rate, brought to one peak level so that 16 bits are used whole; the
gain that did so is recorded, and mixing sets levels anyway.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from soli.atomic import write_atomically
from soli.errors import DataError

LIBRARY_NAME = "library.jsonl"
Kind = Literal["speech", "noise"]
Split = Literal["train", "valid", "test"]


class Sound(BaseModel):
    """One sound of a library, with what a planner needs to know of it without reading it.

    `bandwidth_hz` is the frequency above which the long-term spectrum stays far below its maximum, `active` the share
    of 20 ms frames that sound, `level_rms_dbfs` the level of those frames, `floor_db` the quietest frames of the
    original recording relative to them (how noisy the recording itself is).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    path: str
    sha256: str
    sample_rate: int = Field(gt=0)
    frames: int = Field(gt=0)
    bandwidth_hz: float
    level_rms_dbfs: float
    active: float
    floor_db: float
    gain_db: float
    language: str | None = None
    speaker: str | None = None
    package: str
    class_: str = Field(alias="class")
    group: str
    licence: str
    split: Split
    origin: str

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Library:
    """The sounds of one library and the folder that their paths start from."""

    sounds: tuple[Sound, ...]
    root: Path

    def of(self, kind: Kind, split: Split) -> list[Sound]:
        return [sound for sound in self.sounds if sound.kind == kind and sound.split == split]


def read_library(path: Path | str) -> Library:
    """Reads `library.jsonl`, given by name or by its folder. Raises DataError naming the file and the line."""
    file = Path(path)
    if file.is_dir():
        file = file / LIBRARY_NAME
    if not file.is_file():
        raise DataError(f"no library at {file}", do="build one: soli data build speech-noise OUT")
    sounds = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            sounds.append(Sound.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                f"{file} line {number} is not a sound: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                do="build the library again",
            ) from error
    if not sounds:
        raise DataError(f"{file} holds no sounds", do="build the library again")
    return Library(tuple(sounds), file.parent)


def write_library(path: Path, sounds: Iterable[Sound]) -> None:
    """Writes the lines, whole or not at all."""
    write_atomically(path, "".join(sound.model_dump_json(by_alias=True) + "\n" for sound in sounds))
