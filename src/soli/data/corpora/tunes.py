"""Which melodies are of one tune: Bach set most of them more than once, with other rhythms, upbeats and passing notes.

A tune is told by its moves, the intervals between the notes on its beats, so that keys and lengths do not count. Two
melodies are of one tune where they share a long run of moves anywhere, or their beginning; what is of one tune with
either of two is of one with both. Stock cadences are shorter than such a run. In music21's four-part chorales runs of
one move less would join unlike tunes to each other, a quarter of all at last; of one more, part known kin.
"""

import itertools
from collections.abc import Sequence

RUN = 11
BEGINNING = 6

Moves = tuple[int, ...]


def moves(pitches: Sequence[int]) -> Moves:
    """The intervals of a melody in semitones, repeated notes left out."""
    return tuple(after - before for before, after in itertools.pairwise(pitches) if after != before)


def by_tune(melodies: Sequence[Moves]) -> list[list[int]]:
    """The places of the melodies of each tune, in order of the first of each."""
    tune = list(range(len(melodies)))
    met: dict[tuple[str, Moves], int] = {}
    for place, melody in enumerate(melodies):
        for mark in _marks(melody):
            one, other = tune[met.setdefault(mark, place)], tune[place]
            if one != other:
                tune = [min(one, other) if each in (one, other) else each for each in tune]
    return [[place for place, each in enumerate(tune) if each == first] for first in dict.fromkeys(tune)]


def _marks(melody: Moves) -> set[tuple[str, Moves]]:
    """What another melody has in common with this one where they are of one tune."""
    runs = {("run", melody[start : start + RUN]) for start in range(len(melody) - RUN + 1)}
    return runs | {("beginning", melody[:BEGINNING])}
