"""`soli evaluate` of a model of sound events, as it is called."""

import json
import sys
from pathlib import Path

import pytest

import made_scenes as scenes
import models
from soli.cli.main import main
from soli.data.manifest import read_manifest, write_manifest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.write_scenes(tmp_path_factory.mktemp("data"), test=4, valid=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.model(tmp_path_factory.mktemp("model"))


def _call(*words: object) -> int:
    return main(["evaluate", *map(str, words), "--workers", "1", "--scores", "si"])


def test_tables_and_pictures_are_written(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _call(model, "--data", data, "--out", tmp_path, "--pictures", "1") == 0
    said = capsys.readouterr()
    assert "Audio tagging" in said.out
    assert "Separation of the classes that sound (dB): SI-SDR" in said.out
    assert "tuned for each class on 8 rows of split valid" in said.out
    assert "scored 4 rows of split test; 8 of other splits left out" in said.err
    kinds = ("tagging", "frame_based", "segment_based", "event_based", "psds", "segmentation", "separation")
    for name in (*(f"{kind}.csv" for kind in kinds), "thresholds.csv", "found.csv", "truth.csv", "tags.csv"):
        assert (tmp_path / name).read_text().count("\n") > 1, name
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "by-class.png", "test-0-masks.png", "test-0-rolls.png", "test-0-curves.png"
    }  # fmt: skip


def test_json_is_the_summary(data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--pictures", 0, "--split", "test", "--json", "--thresholds", "published")
    assert _call(model, "--data", data, "--out", tmp_path, *options) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == json.loads((tmp_path / "summary.json").read_text())
    assert said.err == ""
    assert not (tmp_path / "pictures").exists()


def test_without_matplotlib_all_but_the_pictures_is_there(
    data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    assert _call(model, "--data", data, "--out", tmp_path, "--thresholds", "model") == 0
    assert "no pictures: matplotlib" in capsys.readouterr().err
    assert (tmp_path / "event_based.csv").is_file()


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def test_labels_of_another_set_are_refused_before_any_work(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row.model_copy(update={"labels": ("humm",)}) for row in read_manifest(data).rows]
    write_manifest(data.parent / "others.jsonl", rows)
    assert _call(model, "--data", data.parent / "others.jsonl", "--out", tmp_path / "out") == 2
    assert 'labelled "humm", which is no class of tiny' in _one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--thresholds", "best"), "thresholds 'best'; wanted one of valid, model, published"),
        (("--thresholds", "valid", "--split", "valid"), "is scored"),
        (("--split", "tset"), "no rows of split 'tset'"),
        (("--scores", "sdr"), "unknown scores 'sdr'"),
    ],
    ids=str,
)
def test_wrong_calls_are_told_in_one_line(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert main(["evaluate", str(model), "--data", str(data), "--out", str(tmp_path / "out"), *options]) == 2
    assert said in _one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--thresholds", "model"), ("--pictures", "2")], ids=str)
def test_options_for_sound_events_alone_are_refused_elsewhere(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    separator = str(models.save(tmp_path, models.half_model()))
    for model in (separator, "mixture"):
        assert main(["evaluate", model, "--data", str(data), "--out", str(tmp_path / "out"), *options]) == 2
        assert f"{options[0]} is for models of sound events" in _one_line(capsys)
