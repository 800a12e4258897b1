"""The table of tags is read as it was written, whatever a class is called."""

from pathlib import Path

import pytest

from soli.detection.tag_table import read_tags, tags_table
from soli.errors import DataError

AWKWARD = 'bark, "loud"'


def test_tags_come_back_the_surest_first(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(tags_table({"rain": 0.25, AWKWARD: 0.75}, {"rain": 0.1, AWKWARD: 0.8}), encoding="utf-8")
    assert list(read_tags(path).items()) == [(AWKWARD, (0.75, False)), ("rain", (0.25, True))]


def test_what_is_present_is_decided_before_rounding(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(tags_table({"a": 0.50000001, "b": 0.5}, {"a": 0.5, "b": 0.5}), encoding="utf-8")
    assert read_tags(path) == {"a": (0.5, True), "b": (0.5, False)}


@pytest.mark.parametrize(
    "text", ["", "label,confidence\nrain,0.5\n", "label,confidence,threshold,present\nrain,much,0.5,1\n"]
)
def test_other_tables_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"tags\.csv is no table of tags"):
        read_tags(path)
    with pytest.raises(DataError, match="cannot read"):
        read_tags(tmp_path / "none.csv")
