"""Whether recordings of the fonts that train are also in those that judge: the largest correlation of any two.

python bench/fonts.py --packages-root FOLDER [--write]

Compared is the first tenth of a second of every recording of an instrument with every one of the same instrument, where
it fits best: at any lag, and at any speed near that at which both sound alike. First differences are taken, so that the
low partials that all instruments share do not outweigh what tells recordings apart.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import ONE_THREAD, machine, parser, report, say, table
from numpy.typing import NDArray

if TYPE_CHECKING:
    from soli.data.corpora.fonts import Source
    from soli.types import Array

# What shares nothing stays below, steady reeds of one pitch too.
MOST = 0.9
LENGTH_S, LATEST_S, SHORTEST_S = 0.1, 0.1, 0.03
PERIOD = 50
CENTS = range(-20, 21, 2)
# Stated pitches are true to a few cents: what is far apart is no copy.
MOST_OCTAVES = 0.6
_ONSET = 0.02

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """The beginning of a recorded note, read so that a period of its stated pitch takes `PERIOD` samples.

    `wanted` (N,): its first tenth of a second; `heard` (V, T): somewhat more of it, at speeds around that.
    """

    hz: float
    wanted: Samples
    heard: Samples

    @classmethod
    def of(cls, samples: "Array", *, root: float, sample_rate: int) -> "Recording":
        hz = 440 * 2 ** ((root - 69) / 12)
        loud = np.abs(samples) > _ONSET * np.max(np.abs(samples), initial=1e-9)
        begun = samples[int(np.argmax(loud)) :]
        length_s = min(LENGTH_S + LATEST_S, 0.95 * len(begun) / sample_rate)
        speed = sample_rate / (hz * PERIOD)
        heard = np.stack([_read(begun, speed * 2 ** (cents / 1200), round(length_s * hz * PERIOD)) for cents in CENTS])
        return cls(hz, heard[CENTS.index(0), : round(LENGTH_S * hz * PERIOD)], heard)


def _read(samples: "Array", speed: float, frames: int) -> Samples:
    """The first differences of samples (T,) played at a speed."""
    from soli.data.corpora.sampler import interpolate

    sound = interpolate(samples, np.arange(frames + 1) * speed, fastest=max(speed, 1.0))
    return np.diff(sound.astype(np.float64))


def recordings(source: "Source", program: int) -> list[Recording]:
    """Every recording of an instrument once; none where the font lacks it."""
    from soli.data.corpora.fonts import open_font

    font = open_font(source.path)
    if program not in font.programs():
        return []
    found = {}
    for zone in font.instrument(program).zones:
        samples = zone.read()
        key = (samples.tobytes(), zone.root, zone.sample_rate)
        if key not in found and len(samples) > SHORTEST_S * zone.sample_rate:
            found[key] = Recording.of(samples, root=zone.root, sample_rate=zone.sample_rate)
    return list(found.values())


def likeness(one: Recording, other: Recording) -> float:
    """The largest normalised correlation of the beginning of one with any part of the beginning of the other."""
    return max(_within(one.wanted, other.heard), _within(other.wanted, one.heard))


def _within(wanted: Samples, heard: Samples) -> float:
    """The largest over all places in `heard` (V, T) at which `wanted` (N,) fits wholly; 0 where it is longer."""
    from scipy.signal import fftconvolve

    frames = len(wanted)
    if heard.shape[1] < frames:
        return 0.0
    products = fftconvolve(heard, wanted[None, ::-1], "valid", axes=1)
    sums = np.cumsum(np.pad(heard**2, ((0, 0), (1, 0))), axis=1)
    # What is nearly silent is like anything.
    energies = np.maximum(sums[:, frames:] - sums[:, :-frames], 1e-4 * sums[:, -1:] + 1e-20)
    return float(np.max(np.abs(products) / np.sqrt(energies * np.sum(wanted**2) + 1e-20)))


@dataclass(frozen=True)
class Pair:
    """The two recordings most alike of an instrument in two fonts; `trains`: whether that one is used there."""

    chair: str
    program: int
    trains: bool
    fonts: tuple[str, str]
    likeness: float


def compared(train: "Source", judge: "Source") -> Iterator[Pair]:
    """Each instrument of a font that trains with those of the same player in a font that judges."""
    from soli.data.corpora.players import CHAIRS

    for chair in CHAIRS:
        theirs = [each for voice in chair.voices for each in recordings(judge, voice.program)]
        for voice in chair.voices:
            pairs = itertools.product(recordings(train, voice.program), theirs)
            found = [likeness(one, other) for one, other in pairs if abs(np.log2(one.hz / other.hz)) < MOST_OCTAVES]
            if found:
                used = voice.program not in train.left_out
                yield Pair(chair.source, voice.program, used, (train.name, judge.name), max(found))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--packages-root", type=Path, help="where the fonts' packages are unpacked, if not installed")
    chosen = options.parse_args()
    os.environ.update(ONE_THREAD)
    from soli.data.corpora.fonts import font_sources

    fonts = font_sources({}, ["train", "valid", "test"], packages_root=chosen.packages_root)
    pairs = []
    for train, judge in itertools.product(fonts["train"], (*fonts["valid"], *fonts["test"])):
        for pair in compared(train, judge):
            say(f"{pair.fonts[0]}, {pair.fonts[1]}: {pair.program} {pair.chair} {pair.likeness:.2f}")
            pairs.append(pair)
    figures = {"pairs": [vars(pair) for pair in pairs], "most": MOST, "machine": machine()}
    report("fonts", page(pairs), figures, write=chosen.write)
    refused = too_alike(pairs)
    if refused:
        raise SystemExit("; ".join(refused))


def too_alike(pairs: list[Pair]) -> list[str]:
    """A line for each instrument that trains and is a copy of one that judges."""
    return [
        f"program {pair.program} of {pair.fonts[0]} is that of {pair.fonts[1]}: {pair.likeness:.2f}"
        for pair in pairs
        if pair.trains and pair.likeness >= MOST
    ]


def page(pairs: list[Pair]) -> str:
    programs = list(dict.fromkeys((pair.chair, pair.program) for pair in pairs))
    fonts = list(dict.fromkeys(pair.fonts for pair in pairs))
    found = {(pair.fonts, pair.program): pair for pair in pairs}
    rows = [
        [f"{chair} ({program})", *(_cell(found.get((each, program))) for each in fonts)] for chair, program in programs
    ]
    return f"""## Recordings that fonts share

The largest correlation of two recordings of a player's instruments, first tenths of a second, at the lag and speed at \
which they are most alike; in brackets what is left out of training. A copy is what reaches {MOST:g}; none may train. \
`python bench/fonts.py`.

{table(["program", *(f"{one}, {other}" for one, other in fonts)], rows)}
"""


def _cell(pair: Pair | None) -> str:
    if pair is None:
        return "-"
    return f"{pair.likeness:.2f}" if pair.trains else f"({pair.likeness:.2f})"


if __name__ == "__main__":
    main()
