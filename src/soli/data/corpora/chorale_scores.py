"""The four-part chorales of J. S. Bach in music21's corpus, as plain lists of notes, and which split each is for.

Only music21's files are used, and they are kept as JSON: its parser takes minutes for what takes seconds here.
"""

import importlib.util
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from soli.atomic import write_atomically
from soli.data.corpora.bach10_songs import is_held_out
from soli.data.corpora.musicxml import Note, Part, read_musicxml
from soli.data.corpora.splits import fraction
from soli.data.corpora.tunes import BEGINNING, Moves, by_tune, moves
from soli.data.library import Split
from soli.errors import DataError, MissingExtraError

SCORES_NAME = "scores.json"
PARTS = ("soprano", "alto", "tenor", "bass")
# Shares of the tunes that are not Bach10's; training takes the rest.
_VALID_SHARE, _TEST_SHARE = 0.08, 0.08
# A tune that was set more often trains: to judge on, many tunes are better than many settings of one.
_MOST_KIN = 5
_QUARTERS = (16, 100)

Watch = Callable[[int, int | None], None]


class Score(BaseModel):
    """A chorale; `bpm` are the quarters a minute that its edition proposes, if it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bwv: str
    bpm: float | None
    parts: dict[str, tuple[Note, ...]]

    @property
    def quarters(self) -> float:
        return max(notes[-1].onset + notes[-1].duration for notes in self.parts.values())

    @property
    def name(self) -> str:
        """`bwv66.6`."""
        return f"bwv{self.bwv}"

    @property
    def number(self) -> str:
        """The catalogue number without the letter of a variant: `248.23-s` is 248.23."""
        return re.split(r"[-a-z]", self.bwv, maxsplit=1)[0]

    def melody(self) -> Moves:
        """The moves of the soprano from beat to beat."""
        soprano = self.parts["soprano"]
        first = soprano[0].onset
        return moves([note.pitch for note in soprano if abs((note.onset - first) - round(note.onset - first)) < 1e-3])


def read_scores(kept: Path, *, watch: Watch = lambda done, total: None) -> list[Score]:
    """All chorales with four voices, by BWV number, one of each; parsed once and then read from the file `kept`.

    Raises MissingExtraError where music21 is not installed, DataError where `kept` is damaged.
    """
    if kept.is_file():
        try:
            return [Score.model_validate(each) for each in json.loads(kept.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            raise DataError(f"{kept} is damaged", do="remove it: the scores will be parsed again") from error
    files = _corpus_files()
    found: dict[str, Score] = {}
    for done, score in enumerate(map(_parse, files), start=1):
        watch(done, len(files))
        if score is not None:
            found.setdefault(score.number, score)
    scores = sorted(found.values(), key=lambda score: [int(each) for each in score.number.split(".")])
    write_atomically(kept, json.dumps([score.model_dump() for score in scores]) + "\n")
    return scores


def splits_of(scores: list[Score]) -> dict[Split, list[Score]]:
    """The scores of each split, Bach10's own first among those of the test.

    Chorales of one tune (see `tunes`) are in one split, and those of a tune of Bach10's are for the test.
    """
    sorted_out: dict[Split, list[Score]] = {"train": [], "valid": [], "test": []}
    for places in by_tune([score.melody() for score in scores]):
        tune = [scores[place] for place in places]
        sorted_out[_split(tune)] += tune
    order = {score.name: place for place, score in enumerate(scores)}
    for chosen in sorted_out.values():
        chosen.sort(key=lambda score: (not is_held_out(score.name), order[score.name]))
    return sorted_out


def _split(tune: list[Score]) -> Split:
    """The split of a tune, by the beginning of its first chorale."""
    if any(is_held_out(score.name) for score in tune):
        return "test"
    share = fraction("chorale " + " ".join(f"{move:+d}" for move in tune[0].melody()[:BEGINNING]))
    if len(tune) > _MOST_KIN or share >= _VALID_SHARE + _TEST_SHARE:
        return "train"
    return "valid" if share < _VALID_SHARE else "test"


def _corpus_files() -> list[Path]:
    """The corpus's files in an order of their own: what has no letter of a variant comes first."""
    found = importlib.util.find_spec("music21")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("music21", "corpora")
    folder = Path(found.submodule_search_locations[0]) / "corpus" / "bach"
    files = [file for file in folder.glob("bwv*") if re.fullmatch(r"bwv[\d.]+(-\w+)?\.(mxl|xml)", file.name)]
    if not files:
        raise DataError(f"{folder} has no scores", do="install music21 again: some packages of it lack its corpus")
    return sorted(files, key=lambda file: (len(file.name), file.name))


def _parse(file: Path) -> Score | None:
    """The score of a file, None where it is no chorale with four voices."""
    read = read_musicxml(file)
    voices = _voices(read)
    if voices is None or not all(part.notes for part in voices.values()):
        return None
    bpm = next((part.bpm for part in read if part.bpm), None)
    silent = math.floor(min(part.notes[0].onset for part in voices.values()))
    parts = {
        name: tuple(note._replace(onset=round(note.onset - silent, 5)) for note in part.notes)
        for name, part in voices.items()
    }
    score = Score(bwv=file.stem.removeprefix("bwv"), bpm=bpm, parts=parts)
    ends = [notes[-1].onset + notes[-1].duration for notes in parts.values()]
    whole = _QUARTERS[0] <= score.quarters <= _QUARTERS[1] and max(ends) - min(ends) < 4
    return score if whole else None


def _voices(parts: list[Part]) -> dict[str, Part] | None:
    """The parts by voice: by their names where those tell, otherwise four of them from the top."""
    named = {name: [part for part in parts if part.name.lower().rstrip(".") in (name, name[0])] for name in PARTS}
    if all(len(found) == 1 for found in named.values()):
        return {name: found[0] for name, found in named.items()}
    return dict(zip(PARTS, parts, strict=True)) if len(parts) == len(PARTS) else None
