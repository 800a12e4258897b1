"""Short scores of four voices, so that no test needs music21 or a minute of rendering."""

import json
from pathlib import Path

from soli.data.corpora.chorale_scores import SCORES_NAME, Score
from soli.data.corpora.musicxml import Note

CHORDS = ((67, 62, 59, 43), (69, 64, 60, 48), (71, 66, 62, 47), (67, 62, 59, 43))


def score(bwv: str, *, moves: tuple[int, ...] = (0, 0, 0, 0), transposed: int = 0) -> Score:
    """Four chords, the last held; `moves` are added to the soprano, so that melodies differ."""
    parts = {
        name: tuple(
            Note(chord[voice] + transposed + (move if voice == 0 else 0), float(at), 1.0 + (at == 3), at == 3)
            for at, (chord, move) in enumerate(zip(CHORDS, moves, strict=True))
        )
        for voice, name in enumerate(("soprano", "alto", "tenor", "bass"))
    }
    return Score(bwv=bwv, bpm=120.0, parts=parts)


def scores() -> list[Score]:
    """Two chorales of Bach10, one on the tune of the first of these, and others on tunes of their own."""
    others = [score(f"{n}.6", moves=(0, n - 3, 2, n % 4)) for n in range(1, 25)]
    return [
        score("255"),
        score("48.3", transposed=3),
        score("274", moves=(0, 5, 0, 0)),
        *others,
    ]


def keep_scores(out: Path) -> None:
    """Puts the scores where a build looks for them before it asks music21."""
    out.mkdir(parents=True, exist_ok=True)
    (out / SCORES_NAME).write_text(json.dumps([each.model_dump() for each in scores()]))
