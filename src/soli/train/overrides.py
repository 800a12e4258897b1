"""Settings changed one by one, as with `--set key.sub=value`, and checked with a message that names the key."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from soli.errors import UsageError, near
from soli.train.keys import first_wrong, known_keys

Settings = TypeVar("Settings", bound=BaseModel)

# What pydantic says of a value of the wrong sort speaks of Python; recipes are YAML.
_SORTS = {
    "missing": "is missing",
    "tuple_type": "should be a list, such as [voice, noise]",
    "dict_type": "should be a group of settings, such as {key: value}",
    "model_type": "should be a group of settings, such as {key: value}",
}


def keys_of(overrides: Sequence[str]) -> list[str]:
    """The keys that overrides change."""
    return [override.partition("=")[0] for override in overrides]


def set_value(values: dict[str, Any], override: str) -> None:
    """Puts `key.sub=value` into the values, groups made where there are none. Raises UsageError where it is not so."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UsageError(f'--set "{override}"', wanted="key=value, such as optim.lr=3e-4")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f'--set {key}: "{parent}" is a single value', wanted="a group of settings")
    try:
        number = float(text)  # YAML 1.1 reads 3e-4 as text
        values[last] = int(text) if text.lstrip("+-").isdigit() else number
    except ValueError:
        try:
            values[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            wrong = str(getattr(error, "problem", None) or "not readable")
            raise UsageError(f"--set {key}: {text} is not YAML: {wrong}", wanted="such as [voice, noise]") from error


def checked(model: type[Settings], values: Mapping[str, Any], *, where: str, told: Sequence[str] = ()) -> Settings:
    """Validates settings; UsageError names a key that is unknown (near names offered), or else the first that is wrong.

    `where` they come from, but for the keys in `told`, which come from the command line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = first_wrong(error.errors())
        path = [str(part) for part in first["loc"]]
        key = ".".join(path) or "settings"
        place = "--set" if any(_overlap(each, key) for each in told) else where
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f'{place}: there is no setting "{key}"', do=near(path[-1], known_keys(model, path))
            ) from error
        wrong = _SORTS.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise UsageError(f"{place}: {key}: {wrong}") from error


def _overlap(first: str, second: str) -> bool:
    """Whether two keys are the same, or one is of a group that the other names."""
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")
