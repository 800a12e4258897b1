"""What sets were made of: a set that soli built says so in `licences.json`; a model trained on it repeats it."""

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from soli.errors import DataError

LICENCES_NAME = "licences.json"


def origins(paths: Iterable[str], root: Path) -> list[dict[str, str]]:
    """The packages that files of built sets were made of, by name: `name`, `licence` and `role`.

    Args:
        paths: files, relative to `root` or absolute. The set of a file is the nearest folder above it that holds a
            `licences.json`; where that says which `splits` a package is in, only files in folders so called count.
        root: the folder of the manifest that names them.

    Raises:
        DataError: a `licences.json` is damaged.
    """
    known: dict[Path, Path | None] = {}
    parts = {(home, _split(path, home)) for path in map(root.joinpath, paths) if (home := _home(path.parent, known))}
    found: dict[str, dict[str, str]] = {}
    for home, split in sorted(parts):
        for name, entry in _read(home / LICENCES_NAME).items():
            if split in entry.get("splits", [split]):
                found[name] = {
                    "name": name,
                    "licence": " and ".join(entry["licences"]),
                    "role": entry.get("role", "sounds"),
                }
    return [found[name] for name in sorted(found)]


def _home(folder: Path, known: dict[Path, Path | None]) -> Path | None:
    """The folder of the set; None where no folder above says what it is."""
    if folder not in known:
        if (folder / LICENCES_NAME).is_file():
            known[folder] = folder
        else:
            known[folder] = None if folder == folder.parent else _home(folder.parent, known)
    return known[folder]


def _split(path: Path, home: Path) -> str:
    return PurePosixPath(path.relative_to(home)).parts[0]


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        entries: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        for entry in entries.values():
            " and ".join(entry["licences"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged: {error!r}", do="build the set again: what is there is kept") from error
    return entries
