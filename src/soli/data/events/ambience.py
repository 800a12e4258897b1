"""Ambience out of Debian packages, to put events over: wind, day and night, that hold none of ESC-10's ten classes.

Rain and waves are left out, being two of the ten, and so are running water, which nobody could tell from them, and
farms, where a rooster may crow or a dog bark. Each recording becomes a mono 32 kHz WAV.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.corpora.clean import PEAK, to_mono
from soli.data.corpora.packages import Package
from soli.data.corpora.sounds import Candidate, candidates, short_name
from soli.data.corpora.splits import noise_group
from soli.errors import DataError
from soli.media.audio import read_audio, write_audio
from soli.media.hashing import sha256_file
from soli.media.resample import resample
from soli.types import Array

PACKAGES = ("0ad-data", "megaglest-data")
SAMPLE_RATE = 32000
_WANTED = re.compile(
    r"audio/ambient/(dayscape/.*|weather/(snowstorm|wind|windstorm)_\d+)\.ogg"
    r"|tilesets/[^/]+/sounds/(day|night|nightime|sunny_day|desertday|wind)\.ogg"
)
# Powers are known of blocks this long, and excerpts begin at them.
STEP_S = 0.1
SILENT_POWER = 1e-8


@dataclass(frozen=True)
class Ambience:
    """A recording: its path, and the sum of the squares of its samples in each block of `STEP_S`."""

    path: str
    sha256: str
    group: str
    energies: tuple[float, ...]

    def excerpts(self, duration_s: float) -> list[tuple[float, float]]:
        """The start and the mean power of every excerpt of that length that is not silent."""
        blocks = round(duration_s / STEP_S)
        sums = np.concatenate([[0.0], np.cumsum(self.energies)])
        powers = (sums[blocks:] - sums[:-blocks]) / (duration_s * SAMPLE_RATE) if len(sums) > blocks else []
        return [(i * STEP_S, float(power)) for i, power in enumerate(powers) if power > SILENT_POWER]

    @property
    def duration_s(self) -> float:
        return len(self.energies) * STEP_S


def extract(packages: Sequence[Package], out: Path, *, watch: Callable[[], None] = lambda: None) -> list[Ambience]:
    """Writes every recording below `out/ambience`, copies once. Raises DataError where there is none."""
    found, seen = [], set[str]()
    for package in packages:
        for candidate in candidates(package):
            if candidate.kind != "noise" or not _WANTED.fullmatch(candidate.member):
                continue
            watch()
            data = candidate.read()
            fingerprint = hashlib.sha256(data).hexdigest()
            if fingerprint not in seen:
                seen.add(fingerprint)
                found.append(_store(candidate, data, out))
    if not found:
        raise DataError(f"no ambience in {', '.join(PACKAGES)}", do="see whether the packages are whole")
    return found


def _store(candidate: Candidate, data: bytes, out: Path) -> Ambience:
    audio = read_audio(data)
    mono = resample(to_mono(audio.samples)[None], audio.sample_rate, SAMPLE_RATE)
    peak = float(np.max(np.abs(mono), initial=0.0))
    mono = mono * np.float32(PEAK / peak) if peak > 0 else mono
    name = short_name(candidate.member)
    path = Path("ambience") / candidate.package.name / f"{name}.wav"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    write_audio(out / path, mono, sample_rate=SAMPLE_RATE, subtype="pcm16")
    group = noise_group(candidate.package.name, name)
    return Ambience(path.as_posix(), sha256_file(out / path), group, _energies(mono))


def _energies(samples: Array) -> tuple[float, ...]:
    size = round(STEP_S * SAMPLE_RATE)
    blocks = samples[0, : samples.shape[1] // size * size].reshape(-1, size)
    return tuple(float(value) for value in np.sum(np.square(blocks, dtype=np.float64), axis=1))


def by_fold(recordings: Sequence[Ambience], folds: int, duration_s: float) -> dict[int, list[Ambience]]:
    """The recordings of each fold: takes of one recording stay together, and folds last about as long.

    The longest goes first, to the fold that has least. Raises DataError where a fold would have none to cut from.
    """
    groups: dict[str, list[Ambience]] = defaultdict(list)
    for each in recordings:
        if each.excerpts(duration_s):
            groups[each.group].append(each)
    if len(groups) < folds:
        raise DataError(f"{len(groups)} recordings of ambience for {folds} folds", wanted="one or more for each")
    shared: dict[int, list[Ambience]] = {fold: [] for fold in range(1, folds + 1)}
    lengths = dict.fromkeys(shared, 0.0)
    for name in sorted(groups, key=lambda name: (-sum(each.duration_s for each in groups[name]), name)):
        least = min(lengths, key=lambda fold: (lengths[fold], fold))
        shared[least] += groups[name]
        lengths[least] += sum(each.duration_s for each in groups[name])
    return shared
