"""Which rows of a manifest are scored: those of one split, so that none that was trained on gets in unasked."""

from collections import Counter
from dataclasses import dataclass, replace

from soli.data.manifest import Manifest
from soli.errors import UsageError, near

TEST = "test"
ALL = "all"
"""Stands for every split."""


@dataclass(frozen=True)
class Selection:
    """The manifest with the rows to score alone.

    `name`: the split, or "all"; `left_out`: how many rows of other splits the manifest has besides.
    """

    name: str
    manifest: Manifest
    left_out: int = 0

    @property
    def splits(self) -> list[str]:
        """The splits that are scored."""
        return sorted({row.split for row in self.manifest.rows})

    @property
    def settings(self) -> dict[str, list[str]]:
        """What to remember of the choice: nothing where the manifest left none."""
        return {"splits": self.splits} if self.left_out or len(self.splits) > 1 else {}


def select(manifest: Manifest, split: str | None = None) -> Selection:
    """The rows of `split`, or all of them for "all".

    Without a name those of `test` are taken, and all of a manifest that has no such rows. Raises UsageError, which
    names the splits that there are, for one that the manifest has not.
    """
    there = Counter(row.split for row in manifest.rows)
    wanted = split if split is not None else TEST if TEST in there else ALL
    if wanted == ALL:
        return Selection(ALL, manifest)
    if wanted not in there:
        listed = ", ".join(f"{name} (rows: {count})" for name, count in sorted(there.items()))
        raise UsageError(
            f"the manifest has no rows of split {wanted!r}", wanted=f"{listed} or {ALL}", do=near(wanted, [*there, ALL])
        )
    rows = tuple(row for row in manifest.rows if row.split == wanted)
    return Selection(wanted, replace(manifest, rows=rows), len(manifest.rows) - len(rows))


def remark(splits: list[str], items: int, left_out: int) -> str | None:
    """What to say to someone who named no split: that rows were left out, or that more than one split was scored."""
    if left_out:
        rows = "1 row" if items == 1 else f"{items} rows"
        return f"scored {rows} of split {splits[0]}; {left_out} of other splits left out: --split all scores them"
    if len(splits) > 1:
        return f"scored rows of the splits {', '.join(splits)}: --split scores one of them alone"
    return None
