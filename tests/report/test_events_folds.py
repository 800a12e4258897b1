"""Folds of a set of sound events: `soli evaluate` on each, then one report of all."""

import csv
import json
import shutil
from pathlib import Path

import pytest

import made_scenes as scenes
import models
from soli.cli.main import main
from soli.data.manifest import read_manifest, write_manifest
from soli.errors import DataError
from soli.evaluation.card import read_card
from soli.evaluation.events_folds import holds_events, read_folds, spread
from soli.evaluation.events_run import evaluate_events, plan_events
from soli.evaluation.events_summary import EventsSummary


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of a set; the second one's model takes half a hum for a hiss."""
    root = tmp_path_factory.mktemp("folds")
    data = scenes.write_scenes(root / "data", test=8, valid=0)
    rows = read_manifest(data).rows
    good = scenes.model(root)
    bad = models.save(root, models.events_model((350,), sources=scenes.CLASSES), "bad")
    for number, model in ((1, good), (2, bad)):
        half = root / "data" / f"fold-{number}.jsonl"
        write_manifest(half, rows[4 * (number - 1) :][:4])
        plan = plan_events(str(model), half, workers=1, families=("si",), thresholds="published")
        evaluate_events(plan, root / "scores" / f"fold-{number}")
    return root / "scores"


def _summary(folder: Path) -> EventsSummary:
    return EventsSummary.model_validate_json((folder / "summary.json").read_text())


def test_figures_are_averaged_and_numbers_summed(folds: Path) -> None:
    found = read_folds(folds)
    assert list(found.summaries) == ["fold-1", "fold-2"]
    one, two = (_summary(folds / name) for name in found.summaries)
    for kind, figure in (("tagging", "precision"), ("event_based", "f1"), ("separation", "si_sdr")):
        values = [each.sections[kind].macro[figure] for each in (one, two)]
        assert values[0] != values[1]
        assert found.over_folds(kind, figure) == values
        assert found.sections[kind].macro[figure] == pytest.approx(sum(values) / 2)
        assert spread(values) == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    of_class = [each.sections["event_based"].classes["hum"] for each in (one, two)]
    assert found.sections["event_based"].classes["hum"]["reference"] == sum(each["reference"] for each in of_class) == 4
    assert found.sections["psds"].overall["psds"] == pytest.approx(
        (one.sections["psds"].overall["psds"] + two.sections["psds"].overall["psds"]) / 2
    )


def test_a_report_of_all_folds(folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folds), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "Event-based detection: F1" in said
    assert "fold-2: 4 of 4 clips" in said
    with (tmp_path / "folds.csv").open() as file:
        rows = {(row["scores"], row["figure"]): row for row in csv.DictReader(file)}
    row = rows["event_based", "f1"]
    assert float(row["mean"]) == pytest.approx((float(row["fold-1"]) + float(row["fold-2"])) / 2)
    for name in ("tagging.csv", "separation.csv", "report.txt", "pictures/by-class.png"):
        assert (tmp_path / name).stat().st_size > 0, name
    page = (tmp_path / "index.html").read_text()
    assert "pictures/by-class.png" in page
    assert "http" not in page
    for title in ("Audio tagging", "Time-frequency segmentation", "hum", "hiss"):
        assert title in page


def test_one_evaluation_has_a_page_too_with_its_pictures(
    folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(folds / "fold-1", tmp_path / "own")
    (own / "pictures").mkdir()
    shutil.copy(Path(__file__), own / "pictures" / "a-b-masks.png")
    assert main(["report", str(own), "--out", str(tmp_path / "page"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"page": str(tmp_path / "page" / "index.html"), "folds": ["own"]}
    assert (tmp_path / "page" / "pictures" / "a-b-masks.png").is_file()
    assert "a-b: waveform, spectrogram and masks" in (tmp_path / "page" / "index.html").read_text()


def test_a_models_card_takes_the_averages(folds: Path) -> None:
    summary = _summary(folds / "fold-2")
    found = read_card(folds / "fold-2" / "summary.json")
    assert (found["manifest"], found["items"], found["thresholds"]) == ("fold-2.jsonl", 4, "published")
    assert found["event_based"]["f1"] == round(summary.sections["event_based"].macro["f1"], 3)
    assert found["psds"]["psds"] == round(summary.sections["psds"].overall["psds"], 3)


def test_what_does_not_belong_together_is_refused(folds: Path, tmp_path: Path) -> None:
    assert holds_events(folds)
    assert not holds_events(tmp_path)
    with pytest.raises(DataError, match="holds no evaluation of sound events"):
        read_folds(tmp_path)
    shutil.copytree(folds / "fold-1", tmp_path / "a")
    shutil.copytree(folds / "fold-1", tmp_path / "b")
    with pytest.raises(DataError, match="a and b are of the same clips"):
        read_folds(tmp_path)
    two = _summary(folds / "fold-2")
    for change, said in (
        ({"classes": ("hum", "horn")}, "of the classes hum, hiss, b of hum, horn"),
        ({"run": two.run.model_copy(update={"settings": {**two.run.settings, "thresholds": "model"}})}, "thresholds"),
    ):
        (tmp_path / "b" / "summary.json").write_text(two.model_copy(update=change).model_dump_json())
        with pytest.raises(DataError, match=said):
            read_folds(tmp_path)
    (tmp_path / "b" / "summary.json").write_text('{"kind": "events"}')
    with pytest.raises(DataError, match="of another soli"):
        read_folds(tmp_path)


def test_the_report_is_written_beside_what_it_reads(folds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folds), "--out", str(folds / "report")]) == 2
    assert "which is only read" in capsys.readouterr().err
    assert main(["report", str(folds), "--out", str(folds.parent / "r"), "--song", "1"]) == 2
    assert "--song and --model are for sweeps" in capsys.readouterr().err
