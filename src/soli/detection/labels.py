"""Files of sound events: tables (events.csv), and the label tracks that Audacity imports and exports.

Times are written to the microsecond. What is read is checked: a bad file gives one line that names it, the place and
what is wrong there.
"""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

from soli.atomic import write_atomically
from soli.errors import DataError, near
from soli.types import Event

COLUMNS = ("onset_s", "offset_s", "label", "confidence")
_NEEDED = COLUMNS[:3]


def write_events(path: Path | str, events: Iterable[Event]) -> None:
    """Writes a table with a header and a line an event, in order of time; whole or not at all. Raises OutputError."""
    write_atomically(Path(path), events_table(events))


def events_table(events: Iterable[Event]) -> str:
    """The text of a table of events. Raises DataError where a number is not finite."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for event in _ordered(events):
        rows.writerow((_number(event.onset_s), _number(event.offset_s), event.label, _number(event.confidence)))
    return text.getvalue()


def read_events(path: Path | str) -> list[Event]:
    """Reads a table with the columns onset_s, offset_s, label and, if there is one, confidence (else 1), in any order.

    Raises DataError: no file, no text, other columns, a line with another number of fields, a time that is none.
    """
    file = Path(path)
    lines = list(csv.reader(io.StringIO(_text(file), newline="")))
    if not lines:
        raise DataError(f"{file} is empty", wanted=f"a line with the columns {','.join(COLUMNS)}")
    header = _header(lines[0], file)
    events = []
    for number, fields in enumerate(lines[1:], start=2):
        if not fields:
            continue
        if len(fields) != len(header):
            raise DataError(
                f"{file} line {number}: {len(fields)} fields", wanted=f"{len(header)}, as in the first line"
            )
        events.append(_event(dict(zip(header, fields, strict=True)), f"{file} line {number}"))
    return events


def write_audacity(path: Path | str, events: Iterable[Event]) -> None:
    """Writes a label track, whole or not at all. Raises OutputError, and DataError as `audacity_track` does."""
    write_atomically(Path(path), audacity_track(events))


def audacity_track(events: Iterable[Event]) -> str:
    """The text of a label track: onset, offset and label, tabs between them.

    It has no place for a confidence. Raises DataError where a label has a tab or a new line.
    """
    lines = []
    for event in _ordered(events):
        if any(mark in event.label for mark in "\t\r\n"):
            raise DataError(f"the label {event.label!r}", wanted="one without a tab or a new line, for a label track")
        lines.append(f"{_number(event.onset_s)}\t{_number(event.offset_s)}\t{event.label}\n")
    return "".join(lines)


def read_audacity(path: Path | str) -> list[Event]:
    """Reads a label track; lines with the frequencies of a label, which begin with a backslash, tell nothing of events.

    The confidence of each event is 1. Raises DataError as `read_events` does.
    """
    file = Path(path)
    events = []
    for number, line in enumerate(_text(file).splitlines(), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        fields = line.split("\t")
        if len(fields) != 3:
            raise DataError(
                f"{file} line {number}: {len(fields)} fields", wanted="onset, offset and label, a tab between each"
            )
        events.append(_event(dict(zip(_NEEDED, fields, strict=True)), f"{file} line {number}"))
    return events


def _ordered(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.onset_s, event.offset_s, event.label))


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise DataError(f"an event with the number {value}", wanted="finite times and confidences")
    return f"{value:.6f}"


def _text(file: Path) -> str:
    if not file.is_file():
        raise DataError(f"no file {file}", wanted="a file of events")
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text in UTF-8 (byte {error.start})", wanted="a file of events") from error
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from error


def _header(fields: list[str], file: Path) -> list[str]:
    names = [field.strip() for field in fields]
    for name in names:
        if name not in COLUMNS:
            raise DataError(f"{file} has the column {name!r}", wanted=near(name, COLUMNS))
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise DataError(f"{file} has no column {missing[0]}", wanted=f"the columns {','.join(COLUMNS)}")
    if len(set(names)) != len(names):
        raise DataError(f"{file} has a column twice", wanted=f"the columns {','.join(COLUMNS)}")
    return names


def _event(fields: dict[str, str], place: str) -> Event:
    onset_s, offset_s = (_time(fields[name], f"{place}: {name}") for name in ("onset_s", "offset_s"))
    if offset_s < onset_s:
        raise DataError(
            f"{place}: an event from {onset_s:g} to {offset_s:g} s", wanted="an end that is not before it begins"
        )
    label = fields["label"].strip()
    if not label:
        raise DataError(f"{place}: an event without a label", wanted="a class name")
    confidence = _finite(fields.get("confidence", "1"), f"{place}: confidence")
    if not 0 <= confidence <= 1:
        raise DataError(f"{place}: a confidence of {confidence:g}", wanted="0 to 1")
    return Event(onset_s, offset_s, label, confidence)


def _time(text: str, place: str) -> float:
    value = _finite(text, place)
    if value < 0:
        raise DataError(f"{place} is {value:g}", wanted="0 s or more")
    return value


def _finite(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{place} is {text.strip()!r}", wanted="a number") from error
    if not math.isfinite(value):
        raise DataError(f"{place} is {text.strip()}", wanted="a finite number")
    return value
