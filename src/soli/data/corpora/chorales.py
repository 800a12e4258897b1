"""Builds a set of rendered chorales in the layout of Bach10, so that what reads that set reads this one.

OUT/SPLIT/NNNN-bwvX/NNNN-bwvX.wav                      the mix: 44.1 kHz, mono, 16 bits
OUT/SPLIT/NNNN-bwvX/NNNN-bwvX-SOURCE.wav               violin, clarinet, saxphone (as Bach10 spells it), bassoon
OUT/SPLIT/NNNN-bwvX/NNNN-bwvX.notes.csv                every note: when, which, how far off
OUT/SPLIT/NNNN-bwvX/performance.json                   all that was drawn
OUT/chorales.json, licences.json, README.md            the settings, the fonts' terms, what this is
OUT/scores.json                                        the scores, as they were parsed

No chorale is in two splits, nor any tune, as far as `tunes` can tell; Bach10's are for the test alone. A build that was
stopped goes on with the same call; more pieces are added by asking for more.
"""

import csv
import dataclasses
import functools
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from soli.atomic import folder_atomically, write_atomically
from soli.data.building import check_free
from soli.data.corpora.chorale_scores import SCORES_NAME, Score, read_scores, splits_of
from soli.data.corpora.fonts import Source, ensemble, fingerprint
from soli.data.corpora.performance import PERFORMANCE_NAME, Performance
from soli.data.corpora.performing import perform
from soli.data.corpora.players import CHAIRS
from soli.data.corpora.playing import render
from soli.data.corpora.sampler import RATE
from soli.data.library import Split
from soli.data.origins import LICENCES_NAME
from soli.errors import DataError, OutputError, UsageError
from soli.media.audio import write_audio
from soli.pool import mapped
from soli.version import __version__

RECORD_NAME = "chorales.json"
README_NAME = "README.md"
_FULL = np.float32(32768)
# Raised where the same settings come to make other pieces: other splits, draws or sounds.
_RULES = 2

Watch = Callable[[int, int | None], None]
Fonts = Mapping[Split, tuple[Source, ...]]


class Settings(BaseModel):
    """How many performances each split has, and the seed that draws them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int = Field(ge=0, lt=10000)
    valid: int = Field(default=0, ge=0, lt=10000)
    test: int = Field(default=0, ge=0, lt=10000)
    seed: int = Field(default=0, ge=0)

    @property
    def counts(self) -> dict[Split, int]:
        counts: dict[Split, int] = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: count for split, count in counts.items() if count}


@dataclass(frozen=True)
class Piece:
    """Performance `number` of a split, of a score."""

    split: Split
    number: int
    score: Score

    @property
    def name(self) -> str:
        return f"{self.number:04d}-{self.score.name}"


@dataclass(frozen=True)
class Built:
    """What a build came to: pieces by split, how many were written now and were there before, and how long they are."""

    out: str
    pieces: dict[str, int]
    written: int
    kept: int
    hours: float


def build(
    out: Path,
    settings: Settings,
    fonts: Fonts,
    *,
    workers: int = 1,
    watch: Watch = lambda done, total: None,
    watch_scores: Watch = lambda done, total: None,
) -> Built:
    """Builds the set, or goes on with it. The same settings and fonts give the same bytes, with any `workers`.

    Raises DataError for a font that cannot be used, before anything is written; UsageError where `out` holds a set of
    other settings, OutputError where it holds something else; MissingExtraError without music21.
    """
    if not settings.counts:
        raise UsageError("no pieces are asked for", wanted="--train, --valid or --test, with a number")
    for split in settings.counts:
        ensemble(fonts[split])
    record = _record(settings, fonts)
    before = _check_place(out, record)
    scores = read_scores(out / SCORES_NAME, watch=watch_scores)
    pieces = [piece for split, count in settings.counts.items() for piece in _pieces(split, count, settings, scores)]
    record["pieces"] = {split: [piece.name for piece in pieces if piece.split == split] for split in settings.counts}
    _check_pieces(out, before, record["pieces"])
    left = [piece for piece in pieces if not (out / piece.split / piece.name / PERFORMANCE_NAME).is_file()]
    write_atomically(out / RECORD_NAME, json.dumps(record, indent=1) + "\n")
    _write_terms(out, settings, fonts)
    watch(len(pieces) - len(left), len(pieces))
    work = functools.partial(make, out=out, fonts=fonts, settings=settings)
    with closing(mapped(work, left, workers=workers)) as made:
        for done, _ in enumerate(made, start=len(pieces) - len(left) + 1):
            watch(done, len(pieces))
    seconds = sum(_length_s(out / piece.split / piece.name) for piece in pieces)
    counts = Counter[str](piece.split for piece in pieces)
    return Built(str(out), dict(counts), len(left), len(pieces) - len(left), round(seconds / 3600, 3))


def _pieces(split: Split, count: int, settings: Settings, scores: list[Score]) -> list[Piece]:
    """The first `count` pieces of a split: its scores in an order that the seed draws, again and again.

    In the test Bach10's own come first.
    """
    chosen = splits_of(scores)[split]
    if not chosen:
        raise DataError(f"no chorale is left for {split}", do="remove scores.json: the scores will be parsed again")
    rng = np.random.default_rng([settings.seed, zlib.crc32(f"order {split}".encode())])
    order = list(range(len(chosen))) if split == "test" else [int(each) for each in rng.permutation(len(chosen))]
    return [Piece(split, number + 1, chosen[order[number % len(order)]]) for number in range(count)]


def make(piece: Piece, *, out: Path, fonts: Fonts, settings: Settings) -> None:
    """Draws, renders and writes one piece; its folder appears whole or not at all. Raises OutputError."""
    instruments = ensemble(fonts[piece.split])
    performance = perform(
        piece.score,
        split=piece.split,
        number=piece.number,
        seed=settings.seed,
        fonts=[each.keys() for each in instruments],
    )
    quartet = render(performance, instruments)
    files = {piece.name: quartet.mixture}
    files |= {f"{piece.name}-{chair.file}": quartet.stems[chair.source] for chair in CHAIRS}
    folder = out / piece.split / piece.name
    with folder_atomically(folder) as part:
        for name, samples in files.items():
            write_audio(
                part / f"{name}.wav", samples[None].astype(np.float32) / _FULL, sample_rate=RATE, subtype="pcm16"
            )
        write_atomically(part / f"{piece.name}.notes.csv", notes_text(performance))
        write_atomically(part / PERFORMANCE_NAME, performance.model_dump_json() + "\n")


def notes_text(performance: Performance) -> str:
    """A line a note, in the order of their onsets: what an aligned MIDI file would say, and how each is intoned."""
    rows: list[tuple[Any, ...]] = []
    for player in performance.players:
        for note in player.notes:
            hz, depth = (note.vibrato.hz, note.vibrato.cents) if note.vibrato else (0.0, 0.0)
            times = (f"{note.onset_s:.4f}", f"{note.offset_s:.4f}")
            rows.append((*times, note.pitch, f"{note.cents:.2f}", hz, depth, note.level_db, player.source, player.part))
    rows.sort(key=lambda row: (float(row[0]), row[-1]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("onset_s", "offset_s", "midi_pitch", "cents", "vibrato_hz", "vibrato_cents", "level_db", "source", "part")
    )
    writer.writerows(rows)
    return text.getvalue()


def _length_s(folder: Path) -> float:
    performance = Performance.model_validate_json((folder / PERFORMANCE_NAME).read_bytes())
    return performance.duration_s


def _record(settings: Settings, fonts: Fonts) -> dict[str, Any]:
    used = {split: [_font_record(source) for source in fonts[split]] for split in settings.counts}
    return {"rules": _RULES, "settings": settings.model_dump(), "fonts": used, "soli": __version__}


def _font_record(source: Source) -> dict[str, Any]:
    record: dict[str, Any] = {"name": source.name, "sha256": fingerprint(source.path)}
    return {**record, "left_out": sorted(source.left_out)} if source.left_out else record


def _check_place(out: Path, record: dict[str, Any]) -> dict[str, list[str]]:
    """Sees that `out` is new, empty, or this set already; only the counts may have grown.

    Gives the names of the pieces that it was to have, by split.
    """
    file = out / RECORD_NAME
    if not file.is_file():
        check_free(out, besides=(SCORES_NAME,))
        return {}
    try:
        old = json.loads(file.read_text(encoding="utf-8"))
        if old.get("rules") != _RULES:
            raise _of_other_rules(out, f"by soli {old['soli']}")
        settings = Settings.model_validate(old["settings"])
        changed = [
            f"the fonts of {split}" for split, used in old["fonts"].items() if record["fonts"].get(split) != used
        ]
        pieces: dict[str, list[str]] = {split: list(old["pieces"][split]) for split in settings.counts}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged", do="build in another folder") from error
    if settings.seed != record["settings"]["seed"]:
        changed.append(f"seed: {settings.seed} -> {record['settings']['seed']}")
    wanted = record["settings"]
    changed += [f"{split}: {n} -> {wanted[split]}" for split, n in settings.counts.items() if wanted[split] < n]
    if changed:
        raise UsageError(
            f"{out} was built with other settings ({', '.join(changed)})",
            do="give the same ones (more pieces may be asked for), or build in another folder",
        )
    return pieces


def _check_pieces(out: Path, before: dict[str, list[str]], pieces: dict[str, list[str]]) -> None:
    """Sees that every piece is what it was to be: which score it plays depends on all scores, and on their splits."""
    for split, names in pieces.items():
        for old, new in zip(before.get(split, []), names, strict=False):
            if old != new:
                raise _of_other_rules(out, f"from other scores ({split}/{old} would be {new})")
        there = (path.name for path in (out / split).glob("[!.]*") if path.is_dir())
        foreign = sorted(set(there) - set(names))
        if foreign:
            raise OutputError(f"{out} holds {split}/{foreign[0]}, which is none of its pieces", do="move it away")


def _of_other_rules(out: Path, how: str) -> UsageError:
    return UsageError(f"{out} was built {how}, and cannot be gone on with", do="build in another folder")


def _write_terms(out: Path, settings: Settings, fonts: Fonts) -> None:
    terms: dict[str, dict[str, Any]] = {}
    for split in settings.counts:
        for source in fonts[split]:
            entry = terms.setdefault(source.name, {**dataclasses.asdict(source.licence), "role": "instruments"})
            entry.setdefault("splits", []).append(split)
    terms["music21"] = {"package": "music21", "licences": ["BSD-3-Clause"], "role": "scores"}
    write_atomically(out / LICENCES_NAME, json.dumps(terms, indent=1) + "\n")
    write_atomically(out / README_NAME, readme_text(settings, fonts))


def readme_text(settings: Settings, fonts: Fonts) -> str:
    """What the set is, and on whose recordings it rests."""
    rows = []
    for split, count in settings.counts.items():
        names = ", ".join(source.name for source in fonts[split])
        terms = ", ".join(dict.fromkeys(term for source in fonts[split] for term in source.licence.licences))
        rows.append(f"| {split} | {count} | {names} | {terms} |")
    table = "\n".join(["| split | pieces | sound fonts | their licences |", "|---|--:|---|---|", *rows])
    return f"""# Rendered chorales

Made by soli {__version__} (`soli data build chorales`), seed {settings.seed}: four-part chorales by J. S. Bach, from \
the corpus of music21 (BSD), played by sampled violin, clarinet, saxophone and bassoon.

Each folder holds a mix and its four stems, whose sum it is, sample by sample; `.notes.csv` has the notes as they are \
played, and `performance.json` all that was drawn to play them so.

{table}

The terms of the sound fonts are in `{LICENCES_NAME}`. Chorales of the Bach10 set are in the test split alone.
"""
