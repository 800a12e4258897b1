"""A run: its settings, read from a recipe and checked before anything starts, and its folder on disk.

RUN/run.json                      settings, library and manifest hashes, versions
RUN/log.jsonl                     a line every few steps, a line a validation
RUN/curves.png                    the same as a picture
RUN/state.safetensors             everything needed to go on; state.previous.safetensors is the one before
RUN/weights.safetensors           the best weights so far (of the moving average), for export and fine-tuning
"""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from soli.atomic import write_atomically
from soli.data.song_mixing import SongMixing
from soli.errors import InputError, UsageError, near
from soli.modelfile.info import REST, SourceName
from soli.nested import flatten
from soli.train.overrides import checked, keys_of, set_value
from soli.version import __version__


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OptimSettings(_Settings):
    """AdamW with linear warm-up, a plateau, and a linear descent to zero over the last part of the run."""

    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    steps: int = Field(1000, gt=0)
    batch: int = Field(16, gt=0)
    warmup: int = Field(100, ge=0)
    descent: float = Field(0.4, ge=0, le=1, description="share of the steps over which the rate falls to zero")
    clip: float = Field(5.0, gt=0, description="largest norm of the gradient")
    ema: float = Field(0.998, ge=0, lt=1, description="decay of the moving average of the weights; 0 turns it off")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the network's products while it trains; weights and losses are float32 either way"
    )


class DataSettings(_Settings):
    """Where training items come from: a mixing spec over a library (drawn on the fly) or the rows of a manifest."""

    spec: str | None = Field(None, description="a mixing spec: a file, or a name in soli/recipes/data")
    duration_s: float | None = Field(
        None, gt=0, description="length of a training item (of labelled clips: at most); default: the spec's or row's"
    )
    mixing: SongMixing | None = Field(None, description="mix the manifest's songs anew: {} as the Bach10 thesis did")
    distinct: int = Field(0, ge=0, description="serve the first so many items over and over; 0: every one is new")
    leave_out: int | None = Field(None, description="of a set of songs: test on this one, validate on the next")
    remix: bool = Field(False, description="cut each source from a row of its own, instead of all from one")
    split: str = Field("train", description="what to train on; a library has train, valid and test, a manifest any")
    valid: str | None = Field(None, description="validation manifest, beside the data; default: the data's own")
    valid_split: str = "valid"
    shared_files: bool = Field(False, description="allow rows to validate on that share sound files with training")
    valid_rows: int = Field(0, ge=0, description="validate on so many rows, spread evenly over the split; 0: all")
    workers: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _one_way_of_mixing(self) -> "DataSettings":
        if self.mixing is not None and self.remix:
            raise ValueError("remix has no effect on items that are mixed anew; leave it out, or mixing")
        if self.mixing is not None and self.spec is not None:
            raise ValueError("mixing is for songs, spec for a library of sounds; leave one of them out")
        if self.mixing is not None and self.duration_s is None:
            raise ValueError("mixing needs a length of the items: set duration_s")
        return self


class WatchSettings(_Settings):
    """When to validate, log and save."""

    valid_every: int = Field(500, gt=0)
    patience: int = Field(0, ge=0, description="stop after so many validations without gain; 0: never")
    log_every: int = Field(20, gt=0)
    save_every_s: float = Field(120.0, gt=0)


class ExportSettings(_Settings):
    """What the model file says about its use.

    A family that knows how far it looks (wave_unet) says so in the model file itself, and refuses the settings of
    surroundings and windows.
    """

    chunk_s: float = Field(20.0, gt=0)
    past_s: float = Field(0.0, ge=0, description="what a chunk is given before its start; not for wave_unet")
    future_s: float = Field(0.0, ge=0, description="what a chunk is given after its end; not for wave_unet")
    window_s: float | None = Field(
        6.0,
        gt=0,
        description="what is given at once; null: any length; not for wave_unet. Near data.duration_s it is what "
        "training saw; validation gives rows as a whole, whatever their length",
    )
    overlap_s: float = Field(1.5, ge=0, description="what neighbouring windows share; not for wave_unet")
    storage: Literal["float32", "float16"] = Field(
        "float32", description="how weights are kept in the file; they are computed with in float32 either way"
    )
    weights_licence: str = "Apache-2.0"
    data_licence: str = ""


# All orders of interchangeable sources are tried: 120 of five.
_MOST_INTERCHANGEABLE = 5


class RunSettings(_Settings):
    """Everything that makes one training run differ from another; a recipe lists only what differs from here.

    `rest` names the source that takes what the others leave, and is never computed. `interchangeable` says that the
    sources mean nothing by themselves (speaker one, speaker two): each item is compared in the order that fits best.
    `consistent` makes the estimates of all sources sum to the mixture. The sources of a network of sound events are its
    classes; where there are none, they become the labels of the data, in alphabetical order.
    """

    name: SourceName
    family: str
    sources: tuple[SourceName, ...] = Field(description="of sound events: the classes; []: the labels of the data")
    rest: str | None = None
    interchangeable: bool = False
    consistent: bool = False
    network: dict[str, Any] = {}
    preset: str | None = None
    objective: dict[str, float]
    data: DataSettings = DataSettings()
    optim: OptimSettings = OptimSettings()
    watch: WatchSettings = WatchSettings()
    export: ExportSettings = ExportSettings()
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _rest_is_last(self) -> "RunSettings":
        if self.rest is not None and self.sources[-1:] != (self.rest,):
            raise ValueError(f'rest "{self.rest}" must be the last of the sources {list(self.sources)}')
        if len({source.lower() for source in self.sources}) < len(self.sources):
            raise ValueError(f"a source is named twice in {list(self.sources)}")
        if REST in self.sources and self.rest != REST:
            raise ValueError(f'"{REST}" is what the other sources leave: set rest: {REST}')
        if self.rest is not None and self.outputs == 0:
            raise ValueError("the rest is the only source, and nothing is left to estimate")
        return self

    @model_validator(mode="after")
    def _several_and_no_rest(self) -> "RunSettings":
        alone = f"{self.sources[0]} is alone" if self.sources else "there is none"
        for name in ("interchangeable", "consistent"):
            if getattr(self, name) and self.rest is not None:
                why = "could be any of the others" if name == "interchangeable" else "makes the sources sum up already"
                raise ValueError(f'{name}: the rest "{self.rest}" {why}; set rest: null, or {name}: false')
            if getattr(self, name) and len(self.sources) < 2:
                raise ValueError(f"{name}: needs two sources or more, and {alone}")
        if self.interchangeable and len(self.sources) > _MOST_INTERCHANGEABLE:
            orders = f"{len(self.sources)} sources have too many orders to try all"
            raise ValueError(f"interchangeable: {orders}; wanted at most {_MOST_INTERCHANGEABLE}")
        return self

    @property
    def estimated(self) -> tuple[str, ...]:
        """The sources that the network estimates: all but the rest."""
        return self.sources if self.rest is None else self.sources[:-1]

    @property
    def outputs(self) -> int:
        """How many sources the network estimates."""
        return len(self.estimated)


def find_recipe(name: str) -> Path:
    """The recipe file `name`: a path, or a name shipped with soli such as `voice`."""
    if Path(name).is_file():
        return Path(name)
    shipped = Path(str(resources.files("soli") / "recipes"))
    for candidate in (shipped / name, shipped / f"{name}.yaml", shipped / name.removeprefix("recipes/")):
        if candidate.is_file():
            return candidate
    files = [path.relative_to(shipped) for path in sorted(shipped.rglob("*.yaml"))]
    known = [path.with_suffix("").as_posix() for path in files if path.parts[0] != "data"]
    raise UsageError(f'there is no recipe "{name}"', wanted="a .yaml file or a shipped recipe", do=near(name, known))


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> RunSettings:
    """Reads a recipe and applies `key.sub=value` overrides; UsageError names the key that does not fit."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {error}", wanted="a recipe as in soli/recipes") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds no settings", wanted="a recipe as in soli/recipes")
    for override in overrides:
        set_value(values, override)
    return check_settings(values, where=str(path), told=keys_of(overrides))


def check_settings(values: Mapping[str, Any], *, where: str, told: Sequence[str] = ()) -> RunSettings:
    """The settings of a run; UsageError names the key that does not fit (see `overrides.checked`)."""
    return checked(RunSettings, values, where=where, told=told)


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "run.json"
        self.log = path / "log.jsonl"
        self.curves = path / "curves.png"
        self.state = path / "state.safetensors"
        self.previous_state = path / "state.previous.safetensors"
        self.weights = path / "weights.safetensors"

    def create(
        self, settings: RunSettings, data: Mapping[str, Any], *, budget: Mapping[str, float] | None = None
    ) -> None:
        """Starts a run; UsageError when the folder holds one already. `budget`: what its steps were found from."""
        if self.record.exists():
            raise UsageError(f"{self.path} holds a run already", do="go on with --resume, or name another --out")
        self._write(settings, data, budget)

    def go_on(
        self, settings: RunSettings, data: Mapping[str, Any], *, budget: Mapping[str, float] | None = None
    ) -> None:
        """Takes a run up again, at its beginning where it was stopped before its first save.

        What only concerns export may have changed. Raises UsageError, which lists what else has, or says that the
        folder holds no run.
        """
        if not self.record.is_file():
            raise UsageError(f"{self.path} holds no run to go on with", do="start one: the same without --resume")
        self.check_unchanged(settings, data)
        before = self._read().get("budget")
        if budget is not None and before is not None:
            self._refuse_other(before, dict(budget))
        self._write(settings, data, budget or before)

    def _write(self, settings: RunSettings, data: Mapping[str, Any], budget: Mapping[str, float] | None) -> None:
        record = {"soli": __version__, "settings": settings.model_dump(mode="json"), "data": dict(data)}
        record |= {} if budget is None else {"budget": dict(budget)}
        write_atomically(self.record, json.dumps(record, indent=2) + "\n")

    def read(self) -> tuple[RunSettings, dict[str, Any]]:
        """Settings and data of the run; InputError when the folder holds none."""
        record = self._read()
        return check_settings(record["settings"], where=str(self.record)), record["data"]

    def _read(self) -> dict[str, Any]:
        if not self.record.is_file():
            raise InputError(f"{self.path} holds no run", wanted="a folder with run.json", do="check the path")
        try:
            record: Any = json.loads(self.record.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                f"{self.record} is damaged: {error}", do="start the run again in another folder"
            ) from error
        held = record if isinstance(record, dict) else {}
        missing = [key for key in ("settings", "data") if key not in held]
        if missing:
            raise InputError(f"{self.record} lacks {missing[0]}", do="start the run again in another folder")
        return held

    def check_unchanged(self, settings: RunSettings, data: Mapping[str, Any]) -> None:
        """UsageError that lists the settings that differ from those the run was started with."""
        before, before_data = self.read()
        before = before.model_copy(update={"export": settings.export})
        old, new = flatten(before.model_dump(mode="json")), flatten(settings.model_dump(mode="json"))
        old |= flatten({"data of the run": before_data})
        new |= flatten({"data of the run": dict(data)})
        self._refuse_other(old, new)

    def _refuse_other(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        # A group without settings stands in one list, and what the other has of it in the other.
        keys = [key for key in sorted({*old, *new}) if {} not in (old.get(key), new.get(key))]
        changed = [f"{k}: {old.get(k)} -> {new.get(k)}" for k in keys if old.get(k) != new.get(k)]
        if changed:
            raise UsageError(
                f"{self.path} was started with other settings: {', '.join(changed)}",
                do="resume with the same settings, or name another --out",
            )
