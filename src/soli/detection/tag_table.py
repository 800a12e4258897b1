"""The table of a recording's tags, tags.csv: a line a class, the surest first."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from soli.errors import DataError

COLUMNS = ("label", "confidence", "threshold", "present")


def tags_table(tags: Mapping[str, float], thresholds: Mapping[str, float]) -> str:
    """The text of the table; `present` is 1 or 0, and decided before numbers are rounded to the sixth place."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for label, confidence in sorted(tags.items(), key=lambda tag: -tag[1]):
        threshold = thresholds[label]
        rows.writerow((label, f"{confidence:.6f}", f"{threshold:.6f}", int(confidence > threshold)))
    return text.getvalue()


def read_tags(path: Path) -> dict[str, tuple[float, bool]]:
    """The confidence of each class, and whether it is present. Raises DataError where it is no such table."""
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        if tuple(lines[0]) != COLUMNS:
            raise ValueError(f"its columns are {','.join(lines[0])}")
        return {label: (float(confidence), present == "1") for label, confidence, _, present in lines[1:]}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, IndexError) as error:
        raise DataError(f"{path} is no table of tags: {error}", wanted=f"the columns {','.join(COLUMNS)}") from error
