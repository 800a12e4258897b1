"""When the quarters of a chorale fall: tempo, phrases that press on and hold back, fermatas, a slower end.

A phrase's tempo is an arch, as players shape it (Todd 1985), with a random walk on it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.data.corpora.chorale_scores import Score
from soli.data.corpora.musicxml import Note

Curve = NDArray[np.float64]

STEP = 0.25  # quarters from one point of the map to the next
_BPM = (58.0, 104.0)
_PHRASE_QUARTERS = 8.0  # where a score has no fermatas


@dataclass(frozen=True)
class Phrase:
    """From `start` to `end` in quarters; its last note begins at `last`, and `held` says that it is a fermata."""

    start: float
    last: float
    end: float
    held: bool


@dataclass(frozen=True)
class TempoMap:
    """The second at which each multiple of STEP quarters falls."""

    seconds: tuple[float, ...]

    def at(self, quarter: float) -> float:
        """The second of a place in the score; beyond the end the last tempo goes on."""
        place = quarter / STEP
        whole = min(max(int(place), 0), len(self.seconds) - 2)
        before, after = self.seconds[whole : whole + 2]
        return before + (after - before) * (place - whole)


def phrases(score: Score) -> list[Phrase]:
    """The phrases of a score, which fermatas end; without those, two bars each."""
    soprano = score.parts["soprano"]
    held = [note for note in soprano if note.fermata]
    if not held:
        held = [note for each in score.parts.values() for note in each if note.fermata]
    ends = _ends(held, score.quarters) if held else _even(soprano, score.quarters)
    starts = [0.0, *(end for _, end, _ in ends[:-1])]
    return [Phrase(start, last, end, is_held) for start, (last, end, is_held) in zip(starts, ends, strict=True)]


def _ends(held: list[Note], quarters: float) -> list[tuple[float, float, bool]]:
    """Where held notes begin and end, each place once, and the end of the piece if none is there."""
    found: list[tuple[float, float, bool]] = []
    for note in sorted(held, key=lambda each: each.onset):
        if not found or note.onset >= found[-1][1] - 1e-3:
            found.append((note.onset, note.onset + note.duration, True))
    if quarters - found[-1][1] >= 1:
        found.append((quarters - 1, quarters, False))
    else:
        found[-1] = (found[-1][0], quarters, found[-1][2])
    return found


def _even(soprano: tuple[Note, ...], quarters: float) -> list[tuple[float, float, bool]]:
    """Phrases of eight quarters, each to the end of the note that sounds there."""
    ends: list[tuple[float, float, bool]] = []
    for note in soprano:
        end = note.onset + note.duration
        if end - (ends[-1][1] if ends else 0.0) >= _PHRASE_QUARTERS and quarters - end >= _PHRASE_QUARTERS / 2:
            ends.append((note.onset, end, False))
    return [*ends, (soprano[-1].onset, quarters, False)]


def draw_tempo(score: Score, rng: np.random.Generator) -> tuple[float, TempoMap]:
    """Draws the tempo in quarters a minute, near the score's where it has one, and the map that rubato makes of it."""
    own, off = float(np.exp(rng.uniform(*np.log(_BPM)))), float(np.exp(0.1 * rng.standard_normal()))
    bpm = float(np.clip(score.bpm * off, *_BPM)) if score.bpm else own
    points = int(np.ceil(score.quarters / STEP)) + 1
    places = (np.arange(points - 1) + 0.5) * STEP
    slower = walk(rng, len(places), spread=rng.uniform(0.01, 0.03))
    arch, ritard, last_ritard = rng.uniform(0.0, 0.08), rng.uniform(0.02, 0.12), rng.uniform(0.1, 0.4)
    for phrase in (found := phrases(score)):
        inside = (places >= phrase.start) & (places < phrase.end)
        share = (places[inside] - phrase.start) / (phrase.end - phrase.start)
        slower[inside] += arch * (4 * (share - 0.45) ** 2 - 0.3)
        is_last = phrase is found[-1]
        before = (places >= phrase.last - 2) & (places < phrase.last)
        slower[before] += (last_ritard if is_last else ritard) * (places[before] - phrase.last + 2) / 2
        stretch = rng.uniform(1.15, 2.0) if phrase.held else rng.uniform(1.0, 1.15)
        slower[(places >= phrase.last) & (places < phrase.end)] += np.log(max(stretch, 1.3) if is_last else stretch)
    seconds = np.concatenate([[0.0], np.cumsum(60 / bpm * STEP * np.exp(slower))])
    return round(bpm, 2), TempoMap(tuple(round(float(each), 5) for each in seconds))


def walk(rng: np.random.Generator, length: int, *, spread: float, memory: float = 0.93) -> Curve:
    """A random course of that standard deviation, whose neighbours are alike."""
    steps = rng.standard_normal(length) * spread * np.sqrt(1 - memory**2)
    course = np.empty(length)
    value = rng.standard_normal() * spread
    for number, step in enumerate(steps):
        value = memory * value + step
        course[number] = value
    return course
