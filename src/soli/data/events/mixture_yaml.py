"""`mixture.yaml`: the plan of a set of mixtures in the form that Kong et al. publish theirs, read and written.

A list of {mixture_name, fold, scene_audio_name, events: [{event_audio_name, event_label, onset, offset}]}, seconds from
the start of the mixture; names of files without folders.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from soli.atomic import write_atomically
from soli.data.events.dcase2018 import DURATION_S, FOLDS, Event, Mixture
from soli.data.readers.problems import BadSetError
from soli.errors import DataError

YAML_NAME = "mixture.yaml"
# libyaml's, where there is one: the plain ones take minutes for 8000 mixtures.
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event_audio_name: str
    event_label: str
    onset: float = Field(ge=0, lt=DURATION_S)
    offset: float = Field(gt=0, le=DURATION_S)

    @model_validator(mode="after")
    def _rising(self) -> "_Event":
        if self.offset <= self.onset:
            raise ValueError(f"the offset {self.offset:g} is not behind the onset {self.onset:g}")
        return self


class _Mixture(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mixture_name: str = Field(pattern=r"^[^/\\.][^/\\]*\.wav$")
    fold: int = Field(ge=1, le=FOLDS)
    scene_audio_name: str | None = None
    events: list[_Event] = Field(min_length=1)


_MIXTURES = TypeAdapter(list[_Mixture])


def write_plan(path: Path, plan: Iterable[Mixture]) -> None:
    """Writes the plan; a mixture over white noise has no `scene_audio_name`."""
    write_atomically(path, yaml.dump([_as_written(each) for each in plan], Dumper=_Dumper, default_flow_style=False))


def _as_written(mixture: Mixture) -> dict[str, Any]:
    events = [
        {
            "event_audio_name": _base(event.name),
            "event_label": event.label,
            "onset": event.onset_s,
            "offset": event.offset_s,
        }
        for event in mixture.events
    ]
    scene = {} if mixture.scene is None else {"scene_audio_name": _base(mixture.scene)}
    return {"mixture_name": mixture.name, "fold": mixture.fold, **scene, "events": events}


def read_plan(path: Path, *, events: Mapping[str, str], scenes: Sequence[str] | None) -> list[Mixture]:
    """Reads a plan, its names as the paths that end in them; without `scenes` those it names are left out.

    `events`: the label of each path. Raises DataError where the file is none or a field is wrong, BadSetError with a
    line for each file that it names and that is not there, each label that is another one there, and each name that
    comes twice.
    """
    found = _read(path)
    event_paths, scene_paths = _by_base(events), _by_base(scenes or ())
    problems, seen = [], set[str]()
    for each in found:
        if each.mixture_name in seen:
            problems.append(f"{each.mixture_name} comes twice")
        seen.add(each.mixture_name)
        missing = [event.event_audio_name for event in each.events if _base(event.event_audio_name) not in event_paths]
        if scenes is not None and _base(each.scene_audio_name or "") not in scene_paths:
            missing.append(each.scene_audio_name or "no scene")
        problems += [f"{each.mixture_name} names {name}, which is not there" for name in missing]
        problems += [
            f"{each.mixture_name} calls {name} {event.event_label}, the set of events {events[event_paths[name]]}"
            for event in each.events
            if (name := _base(event.event_audio_name)) in event_paths and events[event_paths[name]] != event.event_label
        ]
    if problems:
        raise BadSetError(path, problems)
    return [
        Mixture(
            each.mixture_name,
            each.fold,
            scene_paths[_base(each.scene_audio_name or "")] if scenes is not None else None,
            tuple(
                Event(event_paths[_base(event.event_audio_name)], event.event_label, event.onset, event.offset)
                for event in each.events
            ),
        )
        for each in found
    ]


def _read(path: Path) -> list[_Mixture]:
    try:
        return _MIXTURES.validate_python(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}", wanted="a plan in YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{path}: {place}: {message}", wanted="a list of mixtures as Kong et al. have it") from error


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _by_base(paths: Iterable[str]) -> dict[str, str]:
    return {_base(path): path for path in paths}
