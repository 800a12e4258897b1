from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.atomic import part_of
from soli.detection.labels import read_audacity, read_events, write_audacity, write_events
from soli.errors import DataError, OutputError
from soli.types import Event

SOME = [Event(2.25, 3.5, "keys, jangling", 0.75), Event(0.5, 0.5, 'a "bark"', 1.0), Event(0.125, 9.0, "Ключи", 0.0)]

seconds = st.integers(0, 10**10).map(lambda number: number / 10**6)
labels = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
    lambda text: text == text.strip() and text
)
an_event = st.builds(
    lambda one, two, label, confidence: Event(min(one, two), max(one, two), label, confidence / 10**6),
    seconds,
    seconds,
    labels,
    st.integers(0, 10**6),
)


@settings(deadline=None)  # it writes to a disk that others use, too
@given(events=st.lists(an_event, max_size=8))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> None:
    folder = tmp_path_factory.mktemp("events")
    write_events(folder / "events.csv", events)
    in_order = sorted(events, key=lambda event: (event.onset_s, event.offset_s, event.label))
    assert read_events(folder / "events.csv") == in_order
    write_audacity(folder / "labels.txt", events)
    assert [(each.onset_s, each.offset_s, each.label) for each in read_audacity(folder / "labels.txt")] == [
        (each.onset_s, each.offset_s, each.label) for each in in_order
    ]


def test_the_table_is_plain_text(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", SOME)
    assert (tmp_path / "events.csv").read_text().splitlines() == [
        "onset_s,offset_s,label,confidence",
        "0.125000,9.000000,Ключи,0.000000",
        '0.500000,0.500000,"a ""bark""",1.000000',
        '2.250000,3.500000,"keys, jangling",0.750000',
    ]


def test_the_label_track_is_what_audacity_reads(tmp_path: Path) -> None:
    write_audacity(tmp_path / "labels.txt", SOME[:1])
    assert (tmp_path / "labels.txt").read_text() == "2.250000\t3.500000\tkeys, jangling\n"


def test_label_tracks_of_audacity_are_read(tmp_path: Path) -> None:
    track = tmp_path / "labels.txt"
    track.write_bytes(b"\xef\xbb\xbf1.000000\t2.000000\tbark\r\n\\\t100.0\t2000.0\r\n\r\n3.5\t3.5\tknock\r\n")
    assert read_audacity(track) == [Event(1, 2, "bark", 1.0), Event(3.5, 3.5, "knock", 1.0)]


def test_columns_come_in_any_order_and_confidence_may_be_missing(tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    table.write_text("label, offset_s, onset_s\nbark,2,1\n\n")
    assert read_events(table) == [Event(1, 2, "bark", 1.0)]


def test_no_events_are_a_table_too(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", [])
    assert read_events(tmp_path / "events.csv") == []
    write_audacity(tmp_path / "labels.txt", [])
    assert read_audacity(tmp_path / "labels.txt") == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    write_events(table, SOME)
    old = table.read_bytes()
    with pytest.raises(DataError, match="the number nan"):
        write_events(table, [Event(0, float("nan"), "bark", 1.0)])
    with pytest.raises(DataError, match="without a tab"):
        write_audacity(table, [Event(0, 1, "a\tb", 1.0)])
    assert table.read_bytes() == old
    assert not part_of(table).exists()
    with pytest.raises(OutputError):
        write_events(table / "below.csv", SOME)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; wanted a line with the columns onset_s,offset_s,label,confidence"),
        (b"onset,offset_s,label\n", "has the column 'onset'; wanted did you mean onset_s"),
        (b"onset_s,label\n", "has no column offset_s"),
        (b"onset_s,onset_s,offset_s,label\n", "has a column twice"),
        (b"onset_s,offset_s,label\n1,2\n", "line 2: 2 fields; wanted 3"),
        (b"onset_s,offset_s,label\n1,two,bark\n", "line 2: offset_s is 'two'; wanted a number"),
        (b"onset_s,offset_s,label\n1,nan,bark\n", "line 2: offset_s is nan; wanted a finite number"),
        (b"onset_s,offset_s,label\n-1,2,bark\n", "line 2: onset_s is -1; wanted 0 s or more"),
        (b"onset_s,offset_s,label\n\n2,1,bark\n", "line 3: an event from 2 to 1 s"),
        (b"onset_s,offset_s,label\n1,2, \n", "line 2: an event without a label"),
        (b"onset_s,offset_s,label,confidence\n1,2,bark,7\n", "line 2: a confidence of 7; wanted 0 to 1"),
        (b"\xff\xfe\x00R\x00I", "is no text in UTF-8"),
    ],
)
def test_a_bad_table_gives_one_line_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    table = tmp_path / "events.csv"
    table.write_bytes(content)
    _fails(read_events, table, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1.0 2.0 bark\n", "line 1: 1 fields; wanted onset, offset and label"),
        (b"1.0\t2.0\n", "line 1: 2 fields"),
        (b"0\t1\tbark\n2\t1\tbark\n", "line 2: an event from 2 to 1 s"),
        (b"0\tone\tbark\n", "line 1: offset_s is 'one'"),
        (b"0\t1\t\n", "line 1: an event without a label"),
    ],
)
def test_a_bad_label_track_gives_one_line_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    track = tmp_path / "labels.txt"
    track.write_bytes(content)
    _fails(read_audacity, track, message)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    _fails(read_events, tmp_path / "none.csv", "no file")
    _fails(read_audacity, tmp_path, "no file")


def _fails(read: Any, path: Path, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
