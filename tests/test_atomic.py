"""Files are whole or not there, whatever goes wrong while they are written."""

import errno
import os
import threading
from pathlib import Path

import pytest

from soli.atomic import folder_atomically, part_of, write_atomically
from soli.errors import InputError, OutputError


def test_text_and_bytes_are_written_and_folders_made(tmp_path: Path) -> None:
    path = tmp_path / "new/deep/file.txt"
    write_atomically(path, "höher\n")
    assert path.read_bytes() == "höher\n".encode()
    write_atomically(path, b"\xff\0")
    assert path.read_bytes() == b"\xff\0"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_is_kept_under_another_name(tmp_path: Path) -> None:
    path, keep = tmp_path / "state", tmp_path / "state.previous"
    for content in ("one", "two", "three"):
        write_atomically(path, content, keep=keep)
    assert (path.read_text(), keep.read_text()) == ("three", "two")


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "file"
    part_of(path).write_bytes(b"half" * 1000)
    write_atomically(path, "whole")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file/below", r"cannot write .*file/below: (Not a directory|File exists); choose another folder"),
        ("x" * 250, "File name too long; choose a shorter name"),
        ("folder", "Is a directory; choose another name"),
    ],
)
def test_a_failure_says_why_and_leaves_nothing(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=said):
        write_atomically(tmp_path / name, "text")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"


def test_two_writers_never_give_half_of_either(tmp_path: Path) -> None:
    path, size = tmp_path / "file", 1 << 20
    write_atomically(path, b"0" * size)
    failures: list[BaseException] = []

    def write(letter: bytes) -> None:
        try:
            for _ in range(20):
                write_atomically(path, letter * size)
        except BaseException as error:  # noqa: BLE001 - of another thread, and looked at below
            failures.append(error)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        content = path.read_bytes()
        assert (len(content), len(set(content))) == (size, 1)
    assert failures == []
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_where_files_cannot_have_two_names_the_old_one_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    path, keep = tmp_path / "state", tmp_path / "state.previous"
    for content in ("one", "two", "three"):
        write_atomically(path, content, keep=keep)
    assert (path.read_text(), keep.read_text()) == ("three", "two")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_system_without_locks_or_synced_folders_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    files_only = os.fsync

    def no_folders(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        files_only(handle)

    monkeypatch.setattr("fcntl.flock", no_locks)
    monkeypatch.setattr(os, "fsync", no_folders)
    write_atomically(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def test_a_folder_takes_the_place_of_the_old_one_when_it_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    for content in ("one", "two"):
        with folder_atomically(folder) as part:
            assert list(part.iterdir()) == []
            (part / content).write_text(content)
            assert [each.name for each in tmp_path.glob("new/[!.]*/*")] == ([] if content == "one" else ["one"])
        assert [each.name for each in folder.iterdir()] == [content]
    assert list(folder.parent.iterdir()) == [folder]


def test_what_a_killed_filling_left_is_not_in_the_folder(tmp_path: Path) -> None:
    part_of(tmp_path / "folder").mkdir()
    (part_of(tmp_path / "folder") / "half").write_text("half")
    with folder_atomically(tmp_path / "folder") as part:
        (part / "whole").write_text("whole")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["folder", "whole"]


@pytest.mark.parametrize(
    ("failure", "raised", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "folder: No space left on device; free some"),
        (InputError("no sound"), InputError, "no sound"),
    ],
)
def test_a_folder_that_cannot_be_filled_leaves_the_old_one(
    tmp_path: Path, failure: Exception, raised: type[Exception], said: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")

    def fill() -> None:
        with folder_atomically(folder) as part:
            (part / "new").write_text("new")
            raise failure

    with pytest.raises(raised, match=said):
        fill()
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["folder", "old"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"cannot write .*file/below"), folder_atomically(tmp_path / "file/below"):
        pass
    assert (tmp_path / "file").read_text() == "mine"
