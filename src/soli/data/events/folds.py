"""Rows of folds as manifests to train and score with: one fold is tested on, and one may be kept for validation."""

from collections.abc import Sequence
from pathlib import Path

from soli.data.folds import TEST, TRAIN, VALID
from soli.data.manifest import Row, write_manifest


def fold_rows(rows: Sequence[Row], held_out: int, *, valid: int | None = None) -> list[Row]:
    """The rows with fold `held_out` as `test`, fold `valid` as `valid`, and all others as `train`.

    Files that serve in several folds are the caller's to avoid; `soli data check` names them.
    """
    splits = {held_out: TEST} | ({valid: VALID} if valid is not None else {})
    return [row.model_copy(update={"split": splits.get(int(row.meta["fold"]), TRAIN)}) for row in rows]


def write_folds(out: Path, rows: Sequence[Row], *, validate: bool, prefix: str = "") -> list[str]:
    """Writes `fold-K.jsonl` for every fold K; with `validate` the fold after it, the first after the last, validates.

    Names begin with `prefix`. The paths of the rows start from `out`. Returns the names of the files.
    """
    folds = sorted({int(row.meta["fold"]) for row in rows})
    names = []
    for place, fold in enumerate(folds):
        valid = folds[(place + 1) % len(folds)] if validate else None
        names.append(f"{prefix}fold-{fold}.jsonl")
        write_manifest(out / names[-1], fold_rows(rows, fold, valid=valid))
    return names
