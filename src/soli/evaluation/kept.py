"""Results that are worked out once: a JSON file says from what, and a rerun takes them as they are."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from soli.atomic import write_atomically

Value = TypeVar("Value", bound=BaseModel)


def kept(path: Path, kind: type[Value], source: Mapping[str, object], make: Callable[[], Value]) -> Value:
    """The value in `path` where it was made from `source`, else what `make` gives, written there.

    A file that cannot be read, or was made from something else, is made anew. Raises OutputError, and what `make` does.
    """
    digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()
    found = _read(path, kind, digest)
    if found is None:
        found = make()
        write_atomically(path, json.dumps({"from": digest, "value": json.loads(found.model_dump_json())}) + "\n")
    return found


def _read(path: Path, kind: type[Value], digest: str) -> Value | None:
    try:
        record = json.loads(path.read_bytes())
        return kind.model_validate(record["value"]) if record["from"] == digest else None
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValidationError):
        return None
