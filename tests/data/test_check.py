"""A spoiled library or manifest is found out, and the offenders are named."""

from pathlib import Path

import pytest

from soli.data.check import check
from soli.data.library import LIBRARY_NAME, Sound, read_library, write_library
from soli.data.manifest import Part, Row, read_manifest, write_manifest
from soli.data.plan import Planner
from soli.data.spec import MixSpec
from soli.errors import DataError


def respell(root: Path, **changes: dict[str, object]) -> None:
    """Rewrites the library with some sounds changed; the key is a sound's path."""
    sounds = [s.model_copy(update=changes.get(s.path, {})) for s in read_library(root).sounds]
    write_library(root / LIBRARY_NAME, sounds)


def one(root: Path, kind: str, split: str) -> Sound:
    return read_library(root).of(kind, split)[0]


def test_a_whole_library_is_in_order(own_library: Path) -> None:
    report = check(own_library)
    assert report.problems == []
    assert report.files == report.items == 33
    assert report.splits == {"train": 21, "valid": 6, "test": 6}


def test_changed_and_missing_files_are_named(own_library: Path) -> None:
    changed, missing = one(own_library, "speech", "train"), one(own_library, "noise", "test")
    (own_library / changed.path).write_bytes((own_library / changed.path).read_bytes()[:-1])
    (own_library / missing.path).unlink()
    problems = check(own_library / LIBRARY_NAME).problems
    assert len(problems) == 2
    assert any(p.startswith(f"{changed.path} has changed: its sha256 begins") for p in problems)
    assert f"{missing.path} is missing in {own_library}" in problems
    assert len(check(own_library, hashes=False).problems) == 1


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("speech", {"speaker": "l0-one", "language": "l9"}, "the speaker l0-one is in test and train"),
        ("speech", {"language": "l0_XX"}, "the language l0 is in test and train"),
        ("noise", {"group": "train-rain"}, "the noise recording train-rain is in test and train"),
    ],
)
def test_what_two_splits_share_is_named(own_library: Path, kind: str, changes: dict[str, str], said: str) -> None:
    respell(own_library, **{one(own_library, kind, "test").path: changes})
    assert said in check(own_library).problems


def test_the_same_content_under_two_names_is_found(own_library: Path) -> None:
    train, test = one(own_library, "noise", "train"), one(own_library, "noise", "test")
    (own_library / test.path).write_bytes((own_library / train.path).read_bytes())
    respell(own_library, **{test.path: {"sha256": train.sha256}})
    assert check(own_library).problems == [f"the file with sha256 {train.sha256} is in test and train"]


def test_a_path_listed_twice_is_found(own_library: Path) -> None:
    sound = one(own_library, "noise", "train")
    write_library(own_library / LIBRARY_NAME, [*read_library(own_library).sounds, sound])
    assert check(own_library).problems == [f"{sound.path} is listed 2 times"]


def test_a_manifest_of_two_splits_is_checked(own_library: Path) -> None:
    planner = Planner(MixSpec(name="tiny"), read_library(own_library))
    rows = [*planner.rows("train", 5), *planner.rows("test", 5)]
    path = own_library / "m.jsonl"
    write_manifest(path, rows)
    assert check(path).problems == []
    leaked = rows[0].model_copy(update={"id": "leak", "split": "test"})
    write_manifest(path, [*rows, leaked])
    problems = check(path).problems
    assert f"the file {leaked.parts[0].path} is in test and train" in problems
    assert f"the file with sha256 {leaked.parts[0].sha256} is in test and train" in problems
    assert any(p.startswith("the speaker made/l") for p in problems)


def test_a_part_of_a_foreign_source_is_named(own_library: Path) -> None:
    part = Part(source="organ", path=one(own_library, "noise", "train").path, duration_s=1.0)
    row = Row(id="a", split="x", sample_rate=8000, duration_s=1.0, sources=("voice",), parts=(part,), mixture="no.wav")
    write_manifest(own_library / "m.jsonl", [row])
    problems = check(own_library / "m.jsonl").problems
    assert problems == [
        "row a has a part of organ, which is none of its sources",
        f"no.wav is missing in {own_library}",
    ]


def test_the_manifests_root_can_be_given(own_library: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.jsonl", Planner(MixSpec(name="t"), read_library(own_library)).rows("train", 2))
    assert check(tmp_path / "m.jsonl").problems != []
    assert check(tmp_path / "m.jsonl", root=own_library).problems == []
    assert read_manifest(tmp_path / "m.jsonl", root=own_library).root == own_library


@pytest.mark.parametrize(("text", "said"), [("", "holds no sounds"), ("{}\n", "line 1 is not a sound: kind: Field")])
def test_a_library_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / LIBRARY_NAME).write_text(text)
    with pytest.raises(DataError, match=said):
        check(tmp_path)


def test_a_folder_without_a_library_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no library at .*soli data build speech-noise"):
        check(tmp_path)
