"""What a set was made of, as the set itself says it."""

import json
from pathlib import Path

import pytest

from soli.data.origins import LICENCES_NAME, origins
from soli.errors import DataError

TERMS = {
    "font-a": {"licences": ["MIT"], "role": "instruments", "splits": ["train"]},
    "font-b": {"licences": ["GPL-2"], "role": "instruments", "splits": ["valid", "test"]},
    "scores": {"licences": ["BSD-3-Clause", "CC0"], "role": "scores"},
}
SCORES = {"name": "scores", "licence": "BSD-3-Clause and CC0", "role": "scores"}
FONT_A = {"name": "font-a", "licence": "MIT", "role": "instruments"}
FONT_B = {"name": "font-b", "licence": "GPL-2", "role": "instruments"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of two built sets, and one that says nothing of itself."""
    for name, terms in (("chorales", TERMS), ("speech", {"voices": {"licences": ["CC-BY-3.0"]}})):
        (tmp_path / name).mkdir()
        (tmp_path / name / LICENCES_NAME).write_text(json.dumps(terms))
    return tmp_path


def test_a_split_is_made_of_what_was_taken_for_it(root: Path) -> None:
    assert origins(["chorales/train/01/01-violin.wav", "chorales/train/02/02-violin.wav"], root) == [FONT_A, SCORES]
    assert origins(["valid/01/01-violin.wav"], root / "chorales") == [FONT_B, SCORES]
    assert origins([str(root / "chorales/train/01.wav"), "chorales/test/02.wav"], root) == [FONT_A, FONT_B, SCORES]


def test_sets_add_up_and_those_that_say_nothing_add_nothing(root: Path) -> None:
    voices = {"name": "voices", "licence": "CC-BY-3.0", "role": "sounds"}
    assert origins(["speech/a.wav", "chorales/train/01.wav", "other/b.wav"], root) == [FONT_A, SCORES, voices]
    assert origins(["other/b.wav"], root) == []


@pytest.mark.parametrize("damaged", ["{", "[]", '{"a": {}}', '{"a": {"licences": [1]}}'])
def test_damage_is_told_of(root: Path, damaged: str) -> None:
    (root / "chorales" / LICENCES_NAME).write_text(damaged)
    with pytest.raises(DataError, match=r"chorales/licences\.json is damaged"):
        origins(["chorales/train/01.wav"], root)
