"""Reads recordings that are tagged with what they hold: a folder that says it by names, or a csv.

- A folder of `<class><nn>.wav`: the class is what stands before the number (DCASE 2013's `singlesounds_stereo`).
- A folder of folders: each is a class, its name without a number in front (`001 - Dog bark` is `Dog bark`).
- A csv with a column for the file and one for the label, and `manually_verified` where there is one (DCASE 2018's
  `train.csv`); or the folder it is in. Several labels of a file have semicolons or commas between them.
- A csv of `filename,<class>,...` with 0 and 1, as the mixers write it; or the folder it is in (`weak_labels.py`).
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from soli.data.readers.problems import BadSetError
from soli.data.readers.stems import SUFFIXES
from soli.errors import DataError

FILE_COLUMNS = ("fname", "filename", "file", "path", "name")
LABEL_COLUMNS = ("label", "labels", "class", "category", "tag", "tags")
_INDEX_NAMES = ("train.csv", "labels.csv", "meta.csv")
# Where the sounds of a csv lie, from the csv: DCASE 2018 has them in audio_train.
_SOUND_FOLDERS = ("", "audio_train", "audio")
_NUMBERED = re.compile(r"(?P<label>.*?[^\d_\s-])[_\s-]*\d+")
_LISTED = re.compile(r"(\d+\s*-\s*)?(?P<label>.+)")


@dataclass(frozen=True)
class Tagged:
    """A file and what it holds; `path` starts from the set's root. `verified`: somebody has listened to it."""

    path: str
    labels: tuple[str, ...]
    verified: bool = True

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class TaggedSet:
    """The files of a set in the order of its csv, or of their names; `unlisted`: beside them, and not in the csv."""

    root: Path
    files: tuple[Tagged, ...]
    unlisted: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in alphabetical order."""
        return tuple(sorted({label for file in self.files for label in file.labels}))

    def by_class(self) -> dict[str, list[Tagged]]:
        """The files of each class, by their first label."""
        groups: dict[str, list[Tagged]] = defaultdict(list)
        for file in self.files:
            groups[file.labels[0]].append(file)
        return {label: groups[label] for label in sorted(groups)}


def read_tagged(place: Path) -> TaggedSet:
    """Reads a set of any of the forms. Raises DataError (BadSetError with a line each) where it is not as it says."""
    if place.is_file() and place.suffix.lower() in (".csv", ".tsv", ".txt"):
        return _from_csv(place, strict=False)
    if not place.is_dir():
        found = "is no folder and no csv" if place.exists() else "is not there"
        raise DataError(f"{place} {found}", wanted="a folder of tagged recordings, or a csv of file and label")
    index = next((place / name for name in _INDEX_NAMES if (place / name).is_file()), None)
    if index is not None:
        return _from_csv(index, strict=True)
    if (place / "singlesounds_stereo").is_dir():
        place = place / "singlesounds_stereo"
    files = _from_names(place)
    if not files:
        raise DataError(
            f"{place} holds no tagged recordings", wanted="files <class><nn>.wav, a folder a class, or a csv of labels"
        )
    return TaggedSet(place, tuple(files))


def sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)


def _from_names(root: Path) -> list[Tagged]:
    own = sound_files(root)
    if own:
        matches = {path: _NUMBERED.fullmatch(path.stem) for path in own}
        problems = [f"{path.name} has no class before a number" for path, match in matches.items() if match is None]
        if problems:
            raise BadSetError(root, problems)
        return [Tagged(path.name, (match["label"],)) for path, match in matches.items() if match]
    files = []
    for folder in sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith(".")):
        match = _LISTED.fullmatch(folder.name)
        label = match["label"] if match else folder.name
        files += [Tagged(f"{folder.name}/{path.name}", (label,)) for path in sound_files(folder)]
    return files


def _from_csv(index: Path, *, strict: bool) -> TaggedSet:
    """`strict`: files that lie among the listed ones and are not listed are a problem, not a fact."""
    lines = [line for _, line in read_lines(index)]
    head = [name.strip().lower() for name in lines[0]]
    file_at = _column(index, head, FILE_COLUMNS)
    label_at = _column(index, head, LABEL_COLUMNS)
    verified_at = head.index("manually_verified") if "manually_verified" in head else None
    folder = sounds_of(index, [line[file_at] for line in lines[1:] if len(line) == len(head)])
    problems, files = [], []
    for number, line in enumerate(lines[1:], start=2):
        problem = _line_problem(line, len(head), file_at, label_at, folder)
        if problem:
            problems.append(f"line {number} {problem}")
            continue
        labels = tuple(dict.fromkeys(each.strip() for each in re.split("[;,]", line[label_at]) if each.strip()))
        verified = verified_at is None or line[verified_at].strip() not in ("0", "false", "False")
        files.append(Tagged(line[file_at].strip(), labels, verified))
    unlisted = _unlisted(folder, files)
    if strict:
        problems += [f"{name} is not in it" for name in unlisted]
    if problems:
        raise BadSetError(index, problems)
    return TaggedSet(folder, tuple(files), tuple(unlisted))


def _line_problem(line: Sequence[str], columns: int, file_at: int, label_at: int, folder: Path) -> str:
    if len(line) != columns:
        return f"has {len(line)} columns, the head {columns}"
    if not re.sub("[;,]", "", line[label_at]).strip():
        return f"has no label for {line[file_at]}"
    return "" if (folder / line[file_at].strip()).is_file() else f"names {line[file_at]}, which is not in {folder}"


def read_lines(index: Path) -> list[tuple[int, list[str]]]:
    """The lines of a csv with their numbers, split at commas, tabs or semicolons, whichever its head has most of.

    Raises DataError where there is none but the head, or it is no text.
    """
    try:
        text = index.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {index}: {error}", wanted="a csv in UTF-8") from error
    head = text.partition("\n")[0]
    delimiter = max(",\t;", key=head.count)
    lines = [
        (number, line) for number, line in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1) if line
    ]
    if len(lines) < 2:
        raise DataError(f"{index} lists no files", wanted="a head and a line a file")
    return lines


def sounds_of(index: Path, names: Sequence[str]) -> Path:
    """The folder that the files of a csv lie in: the one that has the first of them, else the csv's own."""
    folders = [index.parent / name for name in _SOUND_FOLDERS]
    return next((folder for folder in folders for name in names[:1] if (folder / name.strip()).is_file()), index.parent)


def _column(index: Path, head: Sequence[str], names: Sequence[str]) -> int:
    for name in names:
        if name in head:
            return head.index(name)
    raise DataError(f"{index} has the columns {', '.join(head)}", wanted=f"one called {' or '.join(names)}")


def _unlisted(folder: Path, files: Sequence[Tagged]) -> list[str]:
    listed = {file.path for file in files}
    return [path for path in _all_sounds(folder, files) if path not in listed]


def _all_sounds(folder: Path, files: Sequence[Tagged]) -> Iterator[str]:
    """The sounds of every folder that a listed file lies in."""
    for place in sorted({(folder / file.path).parent for file in files}):
        yield from (path.relative_to(folder).as_posix() for path in sound_files(place))
