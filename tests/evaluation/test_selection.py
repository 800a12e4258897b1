"""Which rows are scored: never training rows unasked, and never those of two splits in one folder."""

import json
from pathlib import Path

import pytest
import tiny_manifest as tiny

import models
from soli.cli.main import main
from soli.data.manifest import read_manifest, write_manifest
from soli.errors import OutputError, UsageError
from soli.evaluation.compare import compare
from soli.evaluation.contest import Entry, contest_on
from soli.evaluation.identity import LINES
from soli.evaluation.results import read_lines
from soli.evaluation.run import evaluate
from soli.evaluation.selection import select


def split_manifest(folder: Path, *names: str) -> Path:
    """A manifest of four mixtures whose splits are called so."""
    path = tiny.make(folder, count=len(names))
    rows = read_manifest(path).rows[: len(names)]
    write_manifest(path, [row.model_copy(update={"split": name}) for row, name in zip(rows, names, strict=True)])
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return split_manifest(tmp_path / "data", "train", "train", "test", "valid")


def ids(manifest: Path, split: str | None = None) -> list[str]:
    return [row.id for row in select(read_manifest(manifest), split).manifest.rows]


def test_test_alone_unless_something_else_is_asked_for(mixed: Path) -> None:
    assert ids(mixed) == ids(mixed, "test") == ["mix-2"]
    assert ids(mixed, "train") == ["mix-0", "mix-1"]
    assert ids(mixed, "all") == ["mix-0", "mix-1", "mix-2", "mix-3"]
    assert select(read_manifest(mixed)).left_out == 3


def test_a_manifest_without_test_is_scored_whole(tmp_path: Path) -> None:
    manifest = split_manifest(tmp_path, "train", "valid")
    assert ids(manifest) == ["mix-0", "mix-1"]
    assert select(read_manifest(manifest)).left_out == 0


def test_an_unknown_split_is_refused_with_those_there_are(mixed: Path, tmp_path: Path) -> None:
    known = r"'tset'; wanted test \(rows: 1\), train \(rows: 2\), valid \(rows: 1\) or all; did you mean test"
    with pytest.raises(UsageError, match=known):
        evaluate("mixture", mixed, tmp_path / "out", split="tset")
    with pytest.raises(UsageError, match=known):
        compare([Entry("mixture", "mixture", "")], contest_on(mixed, tmp_path / "out", split="tset"))
    assert not (tmp_path / "out").exists()


def test_a_folder_keeps_the_scores_of_one_split(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert evaluate("mixture", mixed, out, workers=1, families=("si",)).splits == ["test"]
    assert evaluate("mixture", mixed, out, split="test", workers=1, families=("si",)).done == 1
    before = (out / LINES).read_bytes()
    for split, now in (("train", r"\['train'\]"), ("all", r"\['test', 'train', 'valid'\]")):
        with pytest.raises(UsageError, match=rf"changed the setting splits \(\['test'\], now {now}\)"):
            evaluate("mixture", mixed, out, split=split, workers=1, families=("si",))
    assert (out / LINES).read_bytes() == before
    assert {line.id for line in read_lines(out / LINES)} == {"mix-2"}


def test_where_a_manifest_has_one_split_its_name_makes_no_difference(tmp_path: Path) -> None:
    manifest = split_manifest(tmp_path, "test", "test")
    evaluate("mixture", manifest, tmp_path / "out", workers=1, families=("si",))
    again = evaluate("mixture", manifest, tmp_path / "out", split="all", workers=1, families=("si",))
    assert (again.done, again.splits, again.left_out) == (2, ["test"], 0)


def test_evaluate_says_which_split_was_scored(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["evaluate", "mixture", "--data", str(mixed), "--scores", "si", "--workers", "1", "--out"]
    assert main([*call, str(tmp_path / "one"), "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert (printed["splits"], printed["left_out"], printed["items"]) == (["test"], 3, 1)
    assert said.err == ("soli: note: scored 1 row of split test; 3 of other splits left out: --split all scores them\n")
    assert main([*call, str(tmp_path / "two"), "--split", "train"]) == 0
    said = capsys.readouterr()
    assert "2 of 2 items of split train" in said.out
    assert said.err == ""
    assert main([*call, str(tmp_path / "one"), "--split", "train"]) == 2
    assert "changed the setting splits" in capsys.readouterr().err


def test_compare_says_which_split_was_scored_and_keeps_to_it(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = str(models.save(tmp_path, models.half_model(name="half"), "half"))
    out = tmp_path / "out"
    call = ["compare", half, "--data", str(mixed), "--workers", "1", "--out", str(out)]
    assert main([*call, "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert (printed["splits"], printed["left_out"], printed["items"]) == (["test"], 3, ["mix-2"])
    assert "scored 1 row of split test; 3 of other splits left out" in said.err
    assert (
        "1 items of split test, the same for all; 3 of other splits are left out." in (out / "compare.md").read_text()
    )
    assert "1 items of split test" in (out / "index.html").read_text()
    before = (out / "compare.json").read_bytes()
    assert main([*call, "--split", "all"]) == 2
    assert "changed the split (test, now test, train, valid)" in capsys.readouterr().err
    assert (out / "compare.json").read_bytes() == before


def test_compare_leaves_the_folder_of_something_else_alone(mixed: Path, tmp_path: Path) -> None:
    entries, out = [Entry("mixture", "mixture", "")], tmp_path / "out"
    out.mkdir()
    (out / ".hidden").write_text("")
    (out / "index.html").write_text("my page")
    with pytest.raises(OutputError, match=r"holds index\.html, and no comparison; give another --out"):
        compare(entries, contest_on(mixed, out, workers=1))
    assert sorted(path.name for path in out.iterdir()) == [".hidden", "index.html"]


def test_compare_refuses_the_folder_of_another_manifest(mixed: Path, tmp_path: Path) -> None:
    entries, out = [Entry("mixture", "mixture", "")], tmp_path / "out"
    compare(entries, contest_on(mixed, out, workers=1))
    compare(entries, contest_on(mixed, out, workers=1))
    write_manifest(mixed, read_manifest(mixed).rows[1:])
    with pytest.raises(UsageError, match=r"changed the manifest \(test\.jsonl [0-9a-f]{8}, now test\.jsonl"):
        compare(entries, contest_on(mixed, out, workers=1))


def test_compare_takes_neither_a_file_nor_a_folder_of_training_runs(mixed: Path, tmp_path: Path) -> None:
    entries, out = [Entry("mixture", "mixture", "")], tmp_path / "out"
    out.write_text("")
    with pytest.raises(OutputError, match="out is a file; wanted a folder to write to"):
        compare(entries, contest_on(mixed, out, workers=1))
    runs = tmp_path / "runs"
    (runs / "mine").mkdir(parents=True)
    (runs / "mine" / "run.json").write_text('{"soli": "0.1.0", "settings": {}, "data": {}}')
    with pytest.raises(OutputError, match="holds mine, and no comparison"):
        compare(entries, contest_on(mixed, runs, workers=1))


def test_compare_goes_on_in_a_folder_where_only_models_were_made(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "models").mkdir(parents=True)
    assert compare([Entry("mixture", "mixture", "")], contest_on(mixed, tmp_path / "out", workers=1)).items == ["mix-2"]
