"""Reads sets of weakly labelled clips: `weak_labels.csv` of `filename,<class>,...` with 0 and 1, beside the clips.

The thesis's mixer writes one for each of `training`, `development` and `validation`. Development is what a network is
chosen by, and validation what it is scored on, so they become the splits `valid` and `test`.
"""

from collections import Counter
from pathlib import Path

from soli.data.folds import TEST, TRAIN, VALID, WHOLE
from soli.data.readers.problems import BadSetError
from soli.data.readers.tagged import FILE_COLUMNS, LABEL_COLUMNS, Tagged, TaggedSet, read_lines, sound_files, sounds_of

WEAK_NAME = "weak_labels.csv"
SPLITS = {"training": TRAIN, "development": VALID, "validation": TEST}


def weak_indexes(place: Path) -> dict[str, Path]:
    """The csv of each split of a weak set, the split `all` where it is not divided; empty where it is no weak set."""
    if place.is_file():
        return {WHOLE: place} if _is_weak(place) else {}
    if (place / WEAK_NAME).is_file():
        return {WHOLE: place / WEAK_NAME}
    return {split: place / name / WEAK_NAME for name, split in SPLITS.items() if (place / name / WEAK_NAME).is_file()}


def _is_weak(index: Path) -> bool:
    head = [name.strip().lower() for name in read_lines(index)[0][1]]
    return head[0] in FILE_COLUMNS and not set(head[1:]) & set(LABEL_COLUMNS)


def read_weak(index: Path) -> tuple[TaggedSet, tuple[str, ...]]:
    """The clips of one csv and its classes, in its order; a clip may have no label at all.

    Raises BadSetError where a clip is missing, is not listed or comes twice, or a value is not 0 or 1.
    """
    (_, head), *lines = read_lines(index)
    classes = tuple(name.strip() for name in head[1:])
    folder = sounds_of(index, [line[0] for _, line in lines])
    files, problems = [], []
    for number, line in lines:
        problem = _problem(line, len(head), folder)
        if problem:
            problems.append(f"line {number} {problem}")
            continue
        labels = tuple(label for label, value in zip(classes, line[1:], strict=True) if value.strip() == "1")
        files.append(Tagged(line[0].strip(), labels))
    named = Counter(file.path for file in files)
    problems += [f"{name} is listed {count} times" for name, count in named.items() if count > 1]
    problems += [f"{path.name} is not in it" for path in sound_files(folder) if path.name not in named]
    if problems:
        raise BadSetError(index, problems)
    return TaggedSet(folder, tuple(files)), classes


def _problem(line: list[str], columns: int, folder: Path) -> str:
    if len(line) != columns:
        return f"has {len(line)} columns, the head {columns}"
    odd = sorted({value.strip() for value in line[1:]} - {"0", "1"})
    if odd:
        return f"has the value {odd[0]!r}, wanted 0 or 1"
    return "" if (folder / line[0].strip()).is_file() else f"names {line[0]}, which is not in {folder}"
