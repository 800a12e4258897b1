"""Before a set is built: whether its folder is free, and whether there is room."""

import shutil
from pathlib import Path

import pytest

from soli.data.building import check_free, check_room, size
from soli.errors import OutputError


def test_folders_that_are_new_empty_or_hold_hidden_names_alone_are_free(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    check_free(tmp_path)
    (tmp_path / ".packages").mkdir()
    (tmp_path / ".set.json.part").write_text("half")
    check_free(tmp_path)
    (tmp_path / "scores.json").write_text("{}")
    check_free(tmp_path, besides=("scores.json",))
    with pytest.raises(OutputError, match="holds something else; wanted a new or empty folder"):
        check_free(tmp_path)
    with pytest.raises(OutputError, match=r"scores\.json holds something else"):
        check_free(tmp_path / "scores.json")


def test_room_is_that_of_the_disk_that_the_folder_will_be_on(tmp_path: Path) -> None:
    left = check_room(tmp_path / "to/be/made", 0, what="0 items", do="")
    assert left == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    assert check_room(tmp_path, left // 2, what="3 items", do="") == pytest.approx(left / 2, rel=0.1)
    with pytest.raises(OutputError, match=r"3 items take .* GB, and .*/made has .* GB of room; ask for fewer"):
        check_room(tmp_path / "to/be/made", 2 * left, what="3 items", do="ask for fewer")


def test_sizes_for_people() -> None:
    assert (size(2_500_000_000), size(99_000_000), size(0)) == ("2.5 GB", "99.0 MB", "0.0 MB")
