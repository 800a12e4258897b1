"""Measuring the recordings that mixtures are made of, once and before anything is rendered: what is wrong is told then.

A recording is measured as it will be mixed: as the mean of its channels, at the rate of the mixtures.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.readers.problems import BadSetError
from soli.errors import InputError
from soli.media.audio import read_audio
from soli.media.excerpt import resample_excerpt
from soli.media.hashing import sha256_file
from soli.pool import mapped

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """A recording: its length, and the mean power of it, or of its first seconds."""

    path: str
    sha256: str
    duration_s: float
    power: float

    @property
    def rms_db(self) -> float:
        return 10 * float(np.log10(self.power))


def measure(
    root: Path,
    paths: Sequence[str],
    *,
    sample_rate: int,
    first_s: float | None = None,
    shortest_s: float = 0.0,
    longest_s: float | None = None,
    workers: int = 1,
    watch: Watch = lambda done, total: None,
) -> dict[str, Measured]:
    """Measures recordings; `first_s`: the power is that of so many seconds from the start.

    Raises BadSetError with a line for each that cannot be read, is silent, or is not as long as it has to be.
    """
    work = _Work(root, sample_rate, first_s)
    distinct = list(dict.fromkeys(paths))
    measured, problems = {}, []
    with closing(mapped(work, distinct, workers=workers, least=16)) as found:
        for number, each in enumerate(found, start=1):
            watch(number, len(distinct))
            problem = each if isinstance(each, str) else _problem(each, shortest_s, longest_s)
            if problem:
                problems.append(problem)
            elif isinstance(each, Measured):
                measured[each.path] = each
    if problems:
        raise BadSetError(root, problems)
    return measured


def _problem(sound: Measured, shortest_s: float, longest_s: float | None) -> str:
    if sound.power == 0.0:
        return f"{sound.path} is silent: all its samples are zero, and no level can be set by it"
    if sound.duration_s < shortest_s - 1e-6:
        return f"{sound.path} has {sound.duration_s:.3f} s, wanted {shortest_s:g} s or more"
    if longest_s is not None and sound.duration_s > longest_s + 1e-6:
        return (
            f"{sound.path} has {sound.duration_s:.3f} s, a mixture {longest_s:g} s: give a larger --length, or --crop"
        )
    return ""


@dataclass(frozen=True)
class _Work:
    """Measures a recording, in whatever process; a line where it cannot be read."""

    root: Path
    sample_rate: int
    first_s: float | None

    def __call__(self, path: str) -> Measured | str:
        try:
            audio = read_audio(self.root / path, mono=True)
            sha256 = sha256_file(self.root / path)
        except InputError as error:
            return str(error)
        frames = round((self.first_s or audio.duration_s) * self.sample_rate)
        samples = resample_excerpt(audio.samples, audio.sample_rate, self.sample_rate, skip=0, frames=frames)
        return Measured(path, sha256, audio.duration_s, float(np.mean(np.square(samples, dtype=np.float64))))
