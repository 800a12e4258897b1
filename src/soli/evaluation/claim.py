"""Whose folder a comparison's is: that of one manifest and split, and nobody else's files lie in it."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from soli.errors import OutputError, UsageError
from soli.evaluation.identity import RUN, SCHEMA_VERSION, Identity, called
from soli.evaluation.selection import Selection
from soli.evaluation.subject import Subject

_MADE_FIRST = "models"


def check_folder(out: Path, selection: Selection, data: Path) -> None:
    """Looks at what is there before anything is written.

    Raises UsageError where `out` holds scores of another manifest or split, OutputError where it holds no scores but
    something else. Model files are made before the first score.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out} is a file", wanted="a folder to write to", do="give another --out")
    judged = list(_judged(out))
    for name, before in judged:
        changed = _changed(before, selection, data)
        if changed:
            raise UsageError(
                f"{out} holds another comparison: changed {changed}, says {name}/{RUN}",
                do="give another --out, or remove the folder to start anew",
            )
    others = sorted(path.name for path in out.iterdir() if path.name != _MADE_FIRST and path.name[0] != ".")
    if others and not judged:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise OutputError(f"{out} holds {others[0]}{more}, and no comparison", do="give another --out")


def check_model(folder: Path, subject: Subject, origin: str) -> None:
    """Raises UsageError where the folder of one entrant holds the scores of another model."""
    before = dict(_judged(folder.parent)).get(folder.name)
    if before is not None and (before.model, before.model_sha256) != (subject.name, subject.sha256):
        then, now = called(before.model, before.model_sha256), called(subject.name, subject.sha256)
        raise UsageError(
            f"{folder} holds the results of another model of that name ({then}, now {now})",
            do=f"rename {origin}, or give another --out",
        )


def _judged(out: Path) -> Iterator[tuple[str, Identity]]:
    """Who was judged into the folder, by name."""
    for record in sorted(out.glob(f"*/{RUN}")):
        try:
            yield record.parent.name, Identity.model_validate_json(record.read_bytes())
        except ValidationError:
            continue  # a run of soli train has a file of that name, too


def _changed(before: Identity, selection: Selection, data: Path) -> str:
    """What of the items is not as it was, or how they are scored; empty where all is the same."""
    if before.schema_version != SCHEMA_VERSION:
        return f"what its figures mean (made by soli {before.soli}, version {before.schema_version} of results)"
    sha256 = selection.manifest.sha256
    if before.manifest_sha256 != sha256:
        then = f"{Path(before.manifest).name} {before.manifest_sha256[:8]}"
        return f"the manifest ({then}, now {data.name} {sha256[:8]})"
    splits, now = before.settings.get("splits", []), selection.settings.get("splits", [])
    return "" if splits == now else f"the split ({_listed(splits)}, now {_listed(now)})"


def _listed(splits: list[str]) -> str:
    return ", ".join(splits) or "all rows"
