"""`scenes`: a benchmark that anybody may use, ESC-10's ten classes over ambience in the protocol of Kong et al.

The protocol has four folds, and none to validate on; ESC-10 comes in five, which keep takes of one recording together,
and they stay as they are. So fold K is tested on, the fold after it chooses networks and thresholds, and the other
three are trained on: as many as the protocol trains on. Ambience is disjoint between folds too. There is less of it
than of DCASE's scenes, so that a recording serves often, in excerpts of 10 s from anywhere in it. Else all is as
there: three events at 0.5, 3.0 and 5.5 s of at most 2 s, a fold's events shuffled anew each time they are used up,
levels by the whole file. Clips lose the silence that they are padded with. Rows hold onsets, offsets and stems for
scores alone: what a network learns from is `labels`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from soli.data.corpora.packages import download_packages, find_packages
from soli.data.events.ambience import PACKAGES, SAMPLE_RATE, Ambience, by_fold, extract
from soli.data.events.build import begin, check_place, fingerprint, record_of
from soli.data.events.classes import SCENE
from soli.data.events.dcase2018 import DURATION_S, LONGEST_EVENT_S, ONSETS_S, Event, drawn_again, event_part, mixed_row
from soli.data.events.folds import write_folds
from soli.data.events.scenes_terms import write_terms
from soli.data.events.sounds import Measured
from soli.data.manifest import Part, Row, write_manifest
from soli.data.readers.problems import BadSetError
from soli.data.readers.tagged import sound_files
from soli.errors import DataError
from soli.media.audio import read_audio, write_audio
from soli.media.hashing import sha256_file
from soli.types import Array

FOLDS = 5
_CLASS = re.compile(r"\d+ - (?P<label>.+)")
_CLIP = re.compile(r"(?P<fold>[1-5])-(?P<clip>\d+)-(?P<take>[A-Z])")
# Ends of a clip this far below its peak are padding.
_SILENT_DB = 50.0


class Settings(BaseModel):
    """What the benchmark is made as; `snr`: one set of manifests each, of the same draws."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    snr: tuple[float, ...] = Field(default=(20.0, 10.0, 0.0), min_length=1)
    per_fold: int = Field(default=400, ge=1, lt=1_000_000)
    seed: int = Field(default=1234, ge=0, lt=2**32)


@dataclass(frozen=True)
class Clip:
    """A clip of ESC-10: where it lies, its class in small letters, and its fold."""

    path: Path
    label: str
    fold: int


@dataclass(frozen=True)
class Built:
    """What was built: the manifests, and of each fold its events and minutes of ambience."""

    out: str
    manifests: tuple[str, ...]
    folds: dict[int, tuple[int, float]]


def build(
    out: Path,
    esc10: Path,
    settings: Settings,
    *,
    packages_root: Path | None = None,
    download: bool = False,
    watch: Callable[[int, None], None] = lambda done, total: None,
) -> Built:
    """Builds the benchmark in `out`, afresh where it was stopped. The same sounds and seed give the same bytes.

    Raises DataError where ESC-10 or a package is missing or not whole, UsageError or OutputError where `out` holds a
    set made otherwise, or something else.
    """
    clips = read_esc10(esc10)
    names = [path.relative_to(esc10).as_posix() for path in (clip.path for clip in clips)]
    record = record_of("scenes", settings.model_dump(), fingerprint(esc10, names))
    check_place(out, record)
    if download:
        packages_root = out / ".packages"
        download_packages(PACKAGES, packages_root)
    packages = find_packages(PACKAGES, packages_root=packages_root)
    begin(out, record)
    looked = count(1)
    ambience = by_fold(extract(packages, out, watch=lambda: watch(next(looked), None)), FOLDS, DURATION_S)
    events = {}
    for clip in clips:
        watch(next(looked), None)
        events[clip] = store_event(clip, out)
    write_terms(out, esc10, packages, settings.snr)
    manifests = [name for snr_db in settings.snr for name in _write(out, events, ambience, snr_db, settings)]
    folds = {
        fold: (sum(clip.fold == fold for clip in clips), round(sum(each.duration_s for each in ambience[fold]) / 60, 1))
        for fold in ambience
    }
    return Built(str(out), tuple(manifests), folds)


def read_esc10(root: Path) -> list[Clip]:
    """The clips of ESC-10 in the order of their names. Raises DataError where it is not there, or has odd names."""
    if not root.is_dir():
        raise DataError(
            f"no ESC-10 at {root}", wanted="its folder of `001 - Dog bark` to `010 - Fire crackling`", do="give --esc10"
        )
    clips, problems = [], []
    for folder in sorted(root.iterdir()):
        named = _CLASS.fullmatch(folder.name)
        if named is None or not folder.is_dir():
            continue
        label = named["label"].lower().replace(" ", "_")
        for path in sound_files(folder):
            match = _CLIP.fullmatch(path.stem)
            if match is None:
                problems.append(f"{folder.name}/{path.name} is not called FOLD-CLIP-TAKE")
            else:
                clips.append(Clip(path, label, int(match["fold"])))
    there = {(clip.label, clip.fold) for clip in clips}
    labels = sorted({clip.label for clip in clips})
    problems += [
        f"the class {label} has no clip of fold {fold}"
        for label in labels
        for fold in range(1, FOLDS + 1)
        if (label, fold) not in there
    ]
    if problems:
        raise BadSetError(root, problems)
    if not clips:
        raise DataError(f"{root} holds no clips of ESC-10", wanted="folders such as `001 - Dog bark`")
    return clips


def store_event(clip: Clip, out: Path) -> Measured:
    """Writes a clip without its padding below `out/events`, mono at 32 kHz; its path starts from `out`."""
    audio = read_audio(clip.path, mono=True, sample_rate=SAMPLE_RATE)
    samples = trimmed(audio.samples)
    if not samples.shape[1]:
        raise DataError(f"{clip.path} is silent: all its samples are zero", wanted="an event")
    peak = max(1.0, float(np.max(np.abs(samples))))
    path = Path("events") / clip.label / f"{clip.path.stem}.wav"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    write_audio(out / path, samples / np.float32(peak), sample_rate=SAMPLE_RATE, subtype="pcm16")
    stored = read_audio(out / path)
    power = float(np.mean(np.square(stored.samples, dtype=np.float64)))
    return Measured(path.as_posix(), sha256_file(out / path), stored.duration_s, power)


def trimmed(samples: Array) -> Array:
    """The samples (1, T) without the ends that lie `_SILENT_DB` under their peak, to 10 ms; none of silence."""
    size = SAMPLE_RATE // 100
    blocks = samples[0, : samples.shape[1] // size * size].reshape(-1, size)
    peaks = np.abs(blocks).max(axis=1, initial=0.0)
    sounding = np.flatnonzero(peaks > peaks.max(initial=0.0) * 10 ** (-_SILENT_DB / 20))
    if not sounding.size:
        return samples[:, :0]
    return samples[:, int(sounding[0]) * size : (int(sounding[-1]) + 1) * size]


def _write(
    out: Path,
    events: Mapping[Clip, Measured],
    ambience: Mapping[int, Sequence[Ambience]],
    snr_db: float,
    settings: Settings,
) -> list[str]:
    """The manifests of one SNR: of all rows, and one a fold."""
    made = rows(events, ambience, snr_db, settings)
    name = f"snr-{snr_db:g}"
    write_manifest(out / f"{name}.jsonl", made)
    return [f"{name}.jsonl", *write_folds(out, made, validate=True, prefix=f"{name}-")]


def rows(
    events: Mapping[Clip, Measured], ambience: Mapping[int, Sequence[Ambience]], snr_db: float, settings: Settings
) -> list[Row]:
    """The mixtures of all folds at one SNR; the draws are the same at each."""
    rng = np.random.RandomState(settings.seed)
    made: list[Row] = []
    for fold in range(1, FOLDS + 1):
        own = [(clip, sound) for clip, sound in events.items() if clip.fold == fold]
        backgrounds = [(each, *excerpt) for each in ambience[fold] for excerpt in each.excerpts(DURATION_S)]
        drawn = drawn_again(len(own), len(ONSETS_S) * settings.per_fold, rng)
        for number in range(settings.per_fold):
            chosen = [own[i] for i in drawn[len(ONSETS_S) * number :][: len(ONSETS_S)]]
            parts = [
                event_part(_laid(clip, sound, onset_s), sound, snr_db=snr_db)
                for (clip, sound), onset_s in zip(chosen, ONSETS_S, strict=True)
            ]
            parts.append(_background(*backgrounds[rng.randint(len(backgrounds))]))
            meta = {"fold": fold, "snr_db": snr_db, "name": f"{len(made):05d}.wav"}
            made.append(mixed_row(parts, meta, sample_rate=SAMPLE_RATE, spec="scenes", seed=settings.seed))
    return made


def _laid(clip: Clip, sound: Measured, onset_s: float) -> Event:
    return Event(sound.path, clip.label, onset_s, onset_s + min(sound.duration_s, LONGEST_EVENT_S))


def _background(recording: Ambience, start_s: float, power: float) -> Part:
    return Part(
        source=SCENE,
        path=recording.path,
        sha256=recording.sha256,
        start_s=start_s,
        duration_s=DURATION_S,
        gain_db=-10 * float(np.log10(power)),
    )
