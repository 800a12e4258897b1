"""Parts of a batch on their own: the journal under damage, the plan under odd names, the meters on known signals."""

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soli.errors import OutputError
from soli.separation.files import VIDEO, temporary_paths
from soli.separation.journal import NAME, SCHEMA, Entry, Journal, Output, file_key, key_of
from soli.separation.meters import Meter
from soli.separation.outfolder import held, sweep_unfinished, writable
from soli.separation.plan import Failure, Item, folder_name, plan
from soli.separation.record import Record

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
FIGURES = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
ENTRIES = st.builds(
    Entry,
    state=st.sampled_from(["written", "done"]),
    folder=NAMES,
    outputs=st.dictionaries(
        NAMES, st.builds(Output, path=NAMES, key=NAMES, size=st.integers(0), mtime_ns=st.integers(0))
    ),
    record=st.builds(
        Record,
        input=NAMES,
        outputs=st.dictionaries(NAMES, NAMES),
        duration_s=FIGURES,
        time_s=FIGURES,
        rtf=FIGURES,
        peak_rss_mb=FIGURES,
        null_db=st.one_of(st.none(), FIGURES),
        absent=st.lists(NAMES),
        warnings=st.lists(NAMES),
        video=st.one_of(st.none(), NAMES),
    ),
)
RECORD = Record("a.wav", {}, 1.0, 0.1, 0.1, 99.0, -150.0, "cpu", "tiny", False, [], [])


@settings(max_examples=25, deadline=None)  # every line waits for the disk
@given(st.lists(ENTRIES, max_size=4), st.data())
def test_the_journal_gives_back_what_was_written_and_survives_any_cut(
    entries: list[Entry], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        journal = Journal(out)
        for entry in entries:
            journal.append(entry)
        newest = {each.path: entry for entry in entries for each in entry.outputs.values()}
        again = Journal(out)
        assert {name: again.finished(Path(name)) for name in newest if Path(name).as_posix() == name} == {
            name: entry for name, entry in newest.items() if Path(name).as_posix() == name
        }
        if not entries:
            return
        bytes_ = (out / NAME).read_bytes()
        (out / NAME).write_bytes(bytes_[: data.draw(st.integers(0, len(bytes_)), label="cut")])
        torn = Journal(out)
        marker = dataclasses.replace(entries[0], outputs={"voice": Output("marker/voice.wav", "0" * 64, 1, 2)})
        torn.append(marker)
        assert Journal(out).finished(Path("marker/voice.wav")) == marker


@given(st.binary(max_size=300))
def test_no_bytes_in_the_journal_are_an_exception(garbage: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_bytes(garbage)
        assert Journal(Path(folder)).unfinished() == {}


def test_the_journal_knows_where_a_run_was_stopped(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for folder, states in {"a": ("begun",), "b": ("begun", "written"), "c": ("begun", "written", "done")}.items():
        for state in states:
            outputs = {"voice": Output(f"{folder}/voice.wav")}
            record = None if state == "begun" else RECORD
            journal.append(Entry(state, folder, outputs, record))  # type: ignore[arg-type]
    journal.append(Entry("begun", "a", {"voice": Output("a/voice.flac")}))
    assert Journal(tmp_path).unfinished() == {
        Path("a"): [("voice", Path("a/voice.flac")), ("voice", Path("a/voice.wav"))],
        Path("b"): [("voice", Path("b/voice.wav"))],
    }
    assert Journal(tmp_path).finished(Path("a/voice.wav")) is None


def test_every_file_has_the_newest_entry_that_names_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    both = Entry("done", "a", {"voice": Output("a/voice.wav", "old"), "noise": Output("a/noise.wav", "old")}, RECORD)
    one = Entry("done", "a", {"voice": Output("a/voice.wav", "new")}, RECORD)
    journal.append(both)
    journal.append(one)
    again = Journal(tmp_path)
    assert again.finished(Path("a/voice.wav")) == one
    assert again.finished(Path("a/noise.wav")) == both
    assert again.stems() == {tmp_path / "a/voice.wav", tmp_path / "a/noise.wav"}


def test_a_line_of_another_version_is_not_known(tmp_path: Path) -> None:
    entry = Entry("done", "a", {"voice": Output("a/voice.wav")}, RECORD)
    Journal(tmp_path).append(dataclasses.replace(entry, schema=SCHEMA + 1))
    assert Journal(tmp_path).finished(Path("a/voice.wav")) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line.pop("record"),
        lambda line: line.update(record=None),
        lambda line: line.update(folder=3),
        lambda line: line.update(state="half-done"),
        lambda line: line.update(more=1),
        lambda line: line["record"].pop("warnings"),
        lambda line: line["record"].update(warnings=None),
        lambda line: line["record"].update(warnings=[3]),
        lambda line: line["record"].update(time_s="soon"),
        lambda line: line["record"].update(mood="good"),
        lambda line: line["outputs"]["voice"].update(path=None),
        lambda line: line["outputs"]["voice"].update(size="large"),
    ],
)
def test_a_line_with_other_fields_is_not_known(tmp_path: Path, damage: Callable[[dict[str, Any]], object]) -> None:
    Journal(tmp_path).append(Entry("done", "a", {"voice": Output("a/voice.wav")}, RECORD))
    line = json.loads((tmp_path / NAME).read_bytes())
    assert Journal(tmp_path).finished(Path("a/voice.wav")) is not None
    damage(line)
    (tmp_path / NAME).write_text(json.dumps(line) + "\n", encoding="ascii")
    assert Journal(tmp_path).finished(Path("a/voice.wav")) is None
    assert Journal(tmp_path).unfinished() == {}


def test_the_key_changes_with_the_file_the_model_and_the_options(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"1")

    def key(model_sha256: str = "m", **options: object) -> str:
        return key_of(file_key(path), model_sha256=model_sha256, options=options)

    same = key()
    assert key() == same
    assert len({same, key("n"), key(format="wav"), key(format="flac")}) == 4
    os.utime(path, ns=(1, 1))
    assert key() != same


@given(NAMES)
def test_the_folder_of_a_file_is_one_step_below_the_output_folder(name: str) -> None:
    folder = folder_name(Path(name))
    assert folder not in ("", ".", "..")
    assert "/" not in folder
    assert name.startswith(folder)


def test_a_plan_opens_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.flac", "a.MP3", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"")
    items = plan(["gone.wav", str(tmp_path / "in"), "odd.xyz"])
    assert [item.path.name for item in items if isinstance(item, Item)] == ["gone.wav", "a.MP3", "b.flac", "odd.xyz"]
    assert [str(item.folder) for item in items if isinstance(item, Item)] == ["gone", "a", "b", "odd"]
    (nothing,) = plan([str(tmp_path)])
    assert isinstance(nothing, Failure)


def test_names_that_only_the_suffix_tells_apart_keep_it(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("a.wav", "a.mp3", "b.wav", "deep/a.wav"):
        (tmp_path / "in" / name).write_bytes(b"")
    items = plan([str(tmp_path / "in"), "x/c.wav", "y/c.wav", "b.wav"], recursive=True)
    assert [str(item.folder) for item in items if isinstance(item, Item)] == [
        "a.mp3", "a.wav", "b", "deep/a", "c", "c", "b"
    ]  # fmt: skip


@pytest.mark.parametrize("names", [["a.wav", "a.mp3", "a.wav.flac"], ["a.wav.x.y", "a.wav.x", "a.wav", "a.mp3"]])
def test_a_whole_name_makes_no_new_clash(names: list[str]) -> None:
    for order in (names, names[::-1]):
        folders = [str(item.folder) for item in plan(order) if isinstance(item, Item)]
        assert len(set(folders)) == len(names)
        assert all(name.startswith(folder) for name, folder in zip(order, folders, strict=True))


def test_pipes_of_a_folder_are_left_aside_for_nobody_may_be_writing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"")
    (item,) = plan([str(tmp_path)])
    assert isinstance(item, Item)
    assert item.path.name == "b.wav"


def test_what_a_folder_leaves_out_by_its_suffix_is_told(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for name in ("a.wav", "b.WAV", "c.txt", "d", ".e.txt", "none/f.txt"):
        (tmp_path / name).write_bytes(b"")
    left_out: list[Path] = []
    assert len(plan([str(tmp_path), "g.txt"], left_out=left_out.append)) == 3
    assert left_out == [tmp_path / "c.txt", tmp_path / "d"]
    (nothing,) = plan([str(tmp_path / "none")], left_out=left_out.append)  # the failure says so
    assert isinstance(nothing, Failure)
    assert len(left_out) == 2


def test_what_was_written_inside_the_input_folder_is_no_input(tmp_path: Path) -> None:
    out = tmp_path / "separated"
    (out / "a").mkdir(parents=True)
    for path in (out / "a/voice.wav", out / "a/mine.wav", tmp_path / "a.wav"):
        path.write_bytes(b"")
    Journal(out).append(Entry("done", "a", {"voice": Output("a/voice.wav")}, RECORD))
    items = plan([str(tmp_path)], recursive=True)
    # What the user put beside the stems is an input like any other.
    assert {item.path for item in items if isinstance(item, Item)} == {tmp_path / "a.wav", out / "a/mine.wav"}


def test_the_null_test_of_a_known_error() -> None:
    rng = np.random.default_rng(0)
    mixture = rng.standard_normal((2, 10000)).astype(np.float32)
    meter = Meter(("a", "b"))
    for start in range(0, 10000, 3000):
        part = mixture[:, start : start + 3000]
        meter.add(part, np.stack([0.5 * part, 0.49 * part]))
    assert meter.null_db == pytest.approx(-40, abs=0.01)  # one hundredth is left
    exact = Meter(("a",))
    exact.add(mixture, mixture[None])
    assert exact.null_db == -300


def test_a_silent_mixture_has_no_null_test_and_quiet_stems_are_absent() -> None:
    meter = Meter(("a", "b", "c"))
    assert meter.null_db is None
    stems = np.zeros((3, 1, 100), np.float32)
    stems[0, 0, 50], stems[1, 0, 50] = 1.1e-4, 0.9e-4  # either side of -80 dBFS
    meter.add(np.zeros((1, 100), np.float32), stems)
    assert meter.absent == ("b", "c")
    assert meter.null_db is None


def test_folders_that_stay_empty_are_taken_away_and_others_stay(tmp_path: Path) -> None:
    with writable(tmp_path / "x/y"):
        with held(tmp_path / "x/y/z"):
            pass
        assert not (tmp_path / "x/y/z").exists()
    assert not (tmp_path / "x").exists()
    (tmp_path / "mine").mkdir()
    with writable(tmp_path / "mine"), held(tmp_path / "mine/z"):
        (tmp_path / "mine/z/voice.wav").write_bytes(b"1")
    assert (tmp_path / "mine/z/voice.wav").exists()


def test_sweeping_takes_what_soli_would_write_and_nothing_of_the_user(tmp_path: Path) -> None:
    mine = {"voice.wav", ".hidden", "song.part", ".thesis.part", ".notes.part.txt", ".drums.wav.part"}
    for name in (".voice.wav.part", ".clip.part.mp4", "..clip.part.mp4.part", *mine):
        (tmp_path / name).write_bytes(b"")
    video = temporary_paths(VIDEO, tmp_path / "clip.mp4")
    sweep_unfinished({tmp_path: [*temporary_paths("voice", tmp_path / "voice.wav"), *video]})
    assert {path.name for path in tmp_path.iterdir()} == mine


def test_a_folder_that_cannot_be_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="cannot write /proc/soli/out"), writable(Path("/proc/soli/out")):
        pass
