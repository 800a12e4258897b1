"""Plans the mixer of DCASE 2013 task 2's single sounds: up to so many events a mixture, with white noise.

Source: the EPFL thesis on weakly labelled separation. The files of each class are divided among training, development
and validation before anything is mixed. A mixture draws the number of its events, then files with replacement.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from soli.data.events.classes import SCENE, check_classes
from soli.data.events.shares import counts_of, divide
from soli.data.events.sounds import Measured
from soli.data.manifest import Mix, Part, Row, Synth
from soli.data.readers.tagged import Tagged, TaggedSet
from soli.data.readers.weak_labels import SPLITS
from soli.version import __version__

TRAINING, DEVELOPMENT, VALIDATION = FOLDERS = tuple(SPLITS)
RATES = (8000, 16000, 44100)
# An analysis window of the thesis at its lowest rate; a mixture must hold one at least.
SHORTEST_S = 0.128


class Settings(BaseModel):
    """The mixer's options; names and defaults are the reference's. `crop`: longer files are cut to the mix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: float = Field(default=10.0, ge=SHORTEST_S, le=3600, allow_inf_nan=False)
    max_event: int = Field(default=4, ge=1, le=1000)
    overlap: bool = False
    crop: bool = False
    white_noise_ratio: float = Field(default=0.05, ge=0, le=1)
    sampling_rate: int = 16000
    n_files: int = Field(default=2000, ge=1, lt=10_000_000)
    training_share: float = Field(default=0.8, gt=0, le=1)
    development_share: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> "Settings":
        if self.sampling_rate not in RATES:
            raise ValueError(f"sampling_rate {self.sampling_rate}, wanted one of {', '.join(map(str, RATES))}")
        if self.training_share + self.development_share > 1 + 1e-9:
            raise ValueError("training_share and development_share come to more than 1")
        return self

    @property
    def shares(self) -> dict[str, float]:
        left = 1 - self.training_share - self.development_share
        return {TRAINING: self.training_share, DEVELOPMENT: self.development_share, VALIDATION: max(0.0, left)}


def parted(found: TaggedSet, settings: Settings) -> dict[str, list[Tagged]]:
    """The source files of each folder; BadSetError where a class has too few to be in each."""
    check_classes(found.classes)
    rng = np.random.default_rng([settings.seed, 0])
    return divide(found.by_class(), settings.shares, rng, place=str(found.root))


def rows(parts: Mapping[str, Sequence[Tagged]], measured: Mapping[str, Measured], settings: Settings) -> Iterator[Row]:
    """The rows of all folders; a mixture is a function of the seed, its folder and its number. Paths as measured."""
    for number, (folder, count) in enumerate(counts_of(settings.n_files, settings.shares).items(), start=1):
        files = sorted(parts[folder], key=lambda file: file.path)
        for index in range(count):
            rng = np.random.default_rng([settings.seed, number, index])
            yield _row(folder, index, files, measured, settings, rng)


def _row(
    folder: str,
    index: int,
    files: Sequence[Tagged],
    measured: Mapping[str, Measured],
    settings: Settings,
    rng: np.random.Generator,
) -> Row:
    drawn = [files[i] for i in rng.integers(len(files), size=int(rng.integers(1, settings.max_event + 1)))]
    sounds = [measured[file.path] for file in drawn]
    lengths = [min(sound.duration_s, settings.length) for sound in sounds]
    placed = places(lengths, settings, rng)
    # Those at the end of the draw that find no place are dropped.
    parts = tuple(
        Part(source=file.labels[0], path=sound.path, sha256=sound.sha256, onset_s=onset_s, duration_s=duration_s)
        for file, sound, (onset_s, duration_s) in zip(drawn, sounds, placed, strict=False)
    )
    labels = tuple(sorted({part.source for part in parts}))
    noise, mix = _noise(labels[0], settings, rng)
    return Row(
        id=f"{folder}/{index:05d}",
        split=SPLITS[folder],
        sample_rate=settings.sampling_rate,
        duration_s=settings.length,
        mono=True,
        parts=parts + noise,
        mix=mix,
        labels=labels,
        meta={"folder": folder, "name": f"{index:05d}.wav"},
        spec="dcase2013",
        seed=settings.seed,
        soli=__version__,
    )


def places(lengths: Sequence[float], settings: Settings, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Onset and duration of each event that has a place, in order."""
    room_s = settings.length
    if settings.overlap:
        return [(float(rng.uniform(0.0, room_s - length_s)), length_s) for length_s in lengths]
    if sum(lengths) <= room_s:
        silence_s = rng.uniform(0.0, room_s - sum(lengths))
        gaps = np.cumsum(silence_s * rng.dirichlet(np.ones(len(lengths))))
        before = [0.0, *accumulate(lengths)]
        return [(float(gap + start), length_s) for gap, start, length_s in zip(gaps, before, lengths, strict=False)]
    starts = [0.0, *accumulate(lengths)]
    return [
        (start, min(length_s, room_s - start))
        for start, length_s in zip(starts, lengths, strict=False)
        if start < room_s
    ]


def _noise(target: str, settings: Settings, rng: np.random.Generator) -> tuple[tuple[Part, ...], Mix]:
    """The white noise, zero in the mean, and the levels: its energy over the mix's, and the peak of both at 1."""
    if settings.white_noise_ratio == 0:
        return (), Mix(target=target, peak=1.0, peak_of="mixture")
    noise = Part(source=SCENE, duration_s=settings.length, synth=Synth(seed=int(rng.integers(2**31))))
    snr_db = 10 * float(np.log10(settings.white_noise_ratio))
    return (noise,), Mix(target=SCENE, snr_db=snr_db, measured="whole", peak=1.0, peak_of="mixture")
