"""Files are whole or not there, whatever goes wrong while they are written."""

from pathlib import Path

import pytest

from soli.atomic import part_of, write_atomically
from soli.errors import OutputError


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
