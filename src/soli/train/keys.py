"""The keys that settings have, for a message about one that they have not."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel


def first_wrong(errors: Sequence[Any]) -> Any:
    """The error to tell of: an unknown key before all others, for a missing one may be there under a wrong name."""
    return min(errors, key=lambda each: each["type"] != "extra_forbidden")


def known_keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The keys beside the last one of `path`, in the group of settings that the others lead to."""
    for part in path[:-1]:
        annotation = model.model_fields[part].annotation
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return list(model.model_fields)
