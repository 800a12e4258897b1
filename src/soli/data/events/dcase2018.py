"""Plans the mixer of Kong et al. (arXiv 1804.04715): three events at fixed times over a scene, in four folds.

The folds are those of the shuffled position modulo 4, over all files that the csv lists, verified or not; events are
the verified ones of the mixture's fold, the fold's list shuffled anew each time it is used up. A scene serves once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from soli.data.events.classes import SCENE
from soli.data.events.sounds import Measured
from soli.data.manifest import Mix, Part, Row, Synth
from soli.data.readers.problems import BadSetError
from soli.data.readers.tagged import TaggedSet
from soli.errors import DataError
from soli.version import __version__

FOLDS = 4
ONSETS_S = (0.5, 3.0, 5.5)
LONGEST_EVENT_S = 2.0
DURATION_S = 10.0
SceneType = Literal["dcase2018_task1", "white_noise"]


class Settings(BaseModel):
    """The mixer's options: those of the published program, and how many mixtures a fold has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scene_type: SceneType = "dcase2018_task1"
    snr: float = Field(default=0.0, ge=-100, le=100)
    sampling_rate: int = Field(default=32000, ge=1000, le=192_000)
    per_fold: int = Field(default=2000, ge=1, lt=1_000_000)
    seed: int = Field(default=1234, ge=0, lt=2**32)


@dataclass(frozen=True)
class Event:
    """An event of a mixture: the name of its file, its label, and from when to when it sounds."""

    name: str
    label: str
    onset_s: float
    offset_s: float


@dataclass(frozen=True)
class Mixture:
    """One mixture of a plan, as `mixture.yaml` has it; `scene` is None where there are no scenes."""

    name: str
    fold: int
    scene: str | None
    events: tuple[Event, ...]


def folds_of(count: int, seed: int) -> list[int]:
    """The fold, from 1, of each of `count` files: its place in a shuffled order, modulo 4, plus 1."""
    # The published folds come of this generator; with the same seed the same files are in each.
    order = np.random.RandomState(seed).permutation(count)
    folds = np.zeros(count, int)
    folds[order] = np.arange(count) % FOLDS + 1
    return [int(fold) for fold in folds]


def draw(
    events: TaggedSet, scenes: Sequence[str] | None, lengths: Mapping[str, float], settings: Settings
) -> list[Mixture]:
    """The plan: `settings.per_fold` mixtures a fold; `lengths` has the seconds of each verified event file.

    Raises DataError where a fold has no event; `check` tells what else may be too few.
    """
    folds = folds_of(len(events.files), settings.seed)
    rng = np.random.RandomState(settings.seed)
    order = list(rng.permutation(len(scenes))) if scenes is not None else []
    plan: list[Mixture] = []
    for fold in range(1, FOLDS + 1):
        own = [i for i, file in enumerate(events.files) if folds[i] == fold and file.verified]
        if not own:
            raise DataError(f"fold {fold} has no verified event", wanted=f"{FOLDS} event files or more", do="add some")
        drawn = drawn_again(len(own), len(ONSETS_S) * settings.per_fold, rng)
        for number in range(settings.per_fold):
            place = len(plan)
            files = [events.files[own[i]] for i in drawn[len(ONSETS_S) * number :][: len(ONSETS_S)]]
            laid = tuple(
                Event(file.path, file.labels[0], onset_s, onset_s + min(lengths[file.path], LONGEST_EVENT_S))
                for file, onset_s in zip(files, ONSETS_S, strict=True)
            )
            scene = scenes[order[place]] if scenes is not None else None
            plan.append(Mixture(f"{place:05d}.wav", fold, scene, laid))
    return plan


def drawn_again(count: int, wanted: int, rng: np.random.RandomState) -> list[int]:
    """So many draws of `count` things: each once in a random order, then again, shuffled anew."""
    order, drawn = np.arange(count), []
    for _ in range(wanted // count + 1):
        rng.shuffle(order)
        drawn += [int(i) for i in order]
    return drawn[:wanted]


def check(events: TaggedSet, scenes: Sequence[str] | None, settings: Settings) -> None:
    """Raises DataError where scenes are fewer than mixtures, or a class has one file: tested on it, nothing trained."""
    total = FOLDS * settings.per_fold
    if scenes is not None and len(scenes) < total:
        raise DataError(
            f"{len(scenes)} scenes for {total} mixtures, and a scene serves once",
            do=f"give --per-fold {len(scenes) // FOLDS} or fewer, more scenes, or --scene-type white_noise",
        )
    counts = dict.fromkeys(events.classes, 0)
    for file in events.files:
        counts[file.labels[0]] += file.verified
    few = [
        f"the class {label} has {count or 'no'} verified file{'' if count == 1 else 's'}, wanted 2 or more"
        for label, count in counts.items()
        if count < 2
    ]
    if few:
        raise BadSetError(events.root, few)


def check_lengths(plan: Sequence[Mixture], events: Mapping[str, Measured], place: Path) -> None:
    """Raises BadSetError naming the events of a plan that claim more than their files hold."""
    problems = [
        f"{mixture.name} has {event.offset_s - event.onset_s:.3f} s of {event.name}, which has {length_s:.3f} s"
        for mixture in plan
        for event in mixture.events
        if event.offset_s - event.onset_s > (length_s := events[event.name].duration_s) + 0.01
    ]
    if problems:
        raise BadSetError(place, problems)


def rows(
    plan: Sequence[Mixture],
    settings: Settings,
    *,
    events: Mapping[str, Measured],
    scenes: Mapping[str, Measured],
) -> list[Row]:
    """The plan as rows (see `mixed_row`); the keys of the measures are the names that the plan has."""
    made = []
    for number, mixture in enumerate(plan):
        parts = [event_part(each, events[each.name], snr_db=settings.snr) for each in mixture.events]
        parts.append(_scene_part(mixture, scenes, settings, number))
        meta = {"fold": mixture.fold, "snr_db": settings.snr, "name": mixture.name}
        row = mixed_row(parts, meta, sample_rate=settings.sampling_rate, spec="dcase2018", seed=settings.seed)
        made.append(row)
    return made


def mixed_row(parts: Sequence[Part], meta: dict[str, Any], *, sample_rate: int, spec: str, seed: int) -> Row:
    """Events of an RMS of 10^(snr / 20), over their whole files, and a scene of an RMS of 1, as one mixture.

    Both are divided by twice the larger of the peaks of all events and of the scene: the mixture is the mean of two
    channels, one of events and one of scene, whose joint peak is 1.
    """
    return Row(
        id=str(meta["name"]).removesuffix(".wav"),
        split="all",
        sample_rate=sample_rate,
        duration_s=DURATION_S,
        mono=True,
        parts=tuple(parts),
        mix=Mix(target=SCENE, peak=0.5, peak_of="sides"),
        labels=tuple(sorted({part.source for part in parts} - {SCENE})),
        meta=meta,
        spec=spec,
        seed=seed,
        soli=__version__,
    )


def event_part(event: Event, sound: Measured, *, snr_db: float) -> Part:
    return Part(
        source=event.label,
        path=sound.path,
        sha256=sound.sha256,
        onset_s=event.onset_s,
        duration_s=event.offset_s - event.onset_s,
        gain_db=snr_db - sound.rms_db,
    )


def _scene_part(mixture: Mixture, scenes: Mapping[str, Measured], settings: Settings, number: int) -> Part:
    if mixture.scene is None:
        seed = int(np.random.default_rng([settings.seed, number]).integers(2**31))
        return Part(source=SCENE, duration_s=DURATION_S, synth=Synth(seed=seed))
    sound = scenes[mixture.scene]
    return Part(source=SCENE, path=sound.path, sha256=sound.sha256, duration_s=DURATION_S, gain_db=-sound.rms_db)
