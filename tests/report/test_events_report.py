"""What an evaluation of sound events leaves beside its scores: CSV files that read back, a report, and pictures."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from matplotlib import pyplot as plt

import made_scenes as scenes
from soli.evaluation.events_run import EventsResult, evaluate_events, plan_events
from soli.evaluation.events_shown import shown
from soli.evaluation.events_view import Shown
from soli.report import events_plots
from soli.report.events_files import file_of, write_pictures, write_tables
from soli.report.events_tables import csv_files, report_text, text_table


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> EventsResult:
    folder = tmp_path_factory.mktemp("scenes")
    data, model = scenes.write_scenes(folder, test=4), scenes.model(folder)
    plan = plan_events(str(model), data, workers=1)
    return evaluate_events(plan, folder / "out")


@pytest.fixture(scope="module")
def clips(result: EventsResult) -> list[Shown]:
    return shown(result.plan, result.summary.thresholds, ["test-2", "test-3"])


def _read(text: str) -> dict[str, dict[str, str]]:
    return {row["class"]: row for row in csv.DictReader(io.StringIO(text))}


def test_every_table_is_a_csv_file_that_holds_its_figures(result: EventsResult) -> None:
    files = csv_files(result.summary, result.lines)
    for kind, section in result.summary.sections.items():
        rows = _read(files[f"{kind}.csv"])
        for name, figures in {"all together": section.overall, **section.classes}.items():
            for figure, value in figures.items():
                written = rows[name][figure]
                assert (float(written) if written else None) == (None if value is None else pytest.approx(value))
    assert list(_read(files["separation.csv"])) == ["macro average", "all together", "hum", "hiss"]


def test_what_was_found_can_be_scored_by_others(result: EventsResult) -> None:
    files = csv_files(result.summary, result.lines)
    truth, found = (list(csv.DictReader(io.StringIO(files[name]))) for name in ("truth.csv", "found.csv"))
    assert [(row["clip"], row["label"]) for row in truth] == [
        ("test-0", "hum"), ("test-1", "hiss"), ("test-2", "hum"), ("test-2", "hiss")
    ]  # fmt: skip
    assert [(row["clip"], row["label"]) for row in found] == [(row["clip"], row["label"]) for row in truth]
    for wanted, given in zip(truth, found, strict=True):
        assert float(given["onset_s"]) == pytest.approx(float(wanted["onset_s"]), abs=0.05)
    tags = list(csv.DictReader(io.StringIO(files["tags.csv"])))
    assert [float(row["hum"]) > 0.5 for row in tags] == [True, False, True, False]


def test_the_report_says_which_thresholds_were_used_and_on_what(result: EventsResult) -> None:
    text = report_text(result.summary)
    assert "tuned for each class on 12 rows of split valid, none of which is scored" in text
    assert "4 of 4 clips of split test" in text
    for title in ("Audio tagging", "Event-based detection", "Time-frequency segmentation", "Separation", "Thresholds"):
        assert f"\n{title}" in text
    assert "SI-SDR gain" in text


def test_tables_in_text_stand_in_columns() -> None:
    assert text_table(["", "F1"], [["hum", "0.5"], ["a longer one", "-"]]) == [
        "               F1",
        "hum           0.5",
        "a longer one    -",
    ]


def test_files_are_written(result: EventsResult, clips: list[Shown], tmp_path: Path) -> None:
    write_tables(result.summary, result.lines, tmp_path)
    drawn = write_pictures(result.summary, clips[:1], tmp_path)
    assert (tmp_path / "report.txt").read_text() == report_text(result.summary)
    assert len(drawn) == 1 + 3
    for path in drawn:
        picture = image.imread(tmp_path / path)
        assert min(picture.shape[:2]) > 300, path
        assert len(np.unique(picture.reshape(-1, picture.shape[-1])[::97], axis=0)) > 20, f"{path} shows nothing"
    assert not plt.get_fignums(), "pictures are forgotten once they are written"


def _words(figure: plt.Figure) -> set[str]:
    return {
        text.get_text()
        for axes in figure.axes
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title, *axes.get_yticklabels())
    } - {""}


def test_bars_stand_for_every_class(result: EventsResult) -> None:
    figure = events_plots.by_class(result.summary.sections)
    scores, gains = figure.axes
    assert scores.get_ylabel() == "F1"
    assert gains.get_ylabel() == "SI-SDR improvement (dB)"
    assert [text.get_text() for text in gains.get_xticklabels()] == list(scenes.CLASSES)
    heights = [bar.get_height() for bar in scores.patches]
    assert len(heights) == 4 * len(scenes.CLASSES)
    assert heights[:2] == [1.0, 1.0], "tagging is without a mistake"
    plt.close(figure)


def test_masks_of_every_class_and_the_ideal_ones_of_those_that_sound(clips: list[Shown]) -> None:
    figure = events_plots.masks(clips[0])
    assert {"hum", "hiss", "ideal: hum", "ideal: hiss", "time (s)", "mel band", "waveform"} <= _words(figure)
    plt.close(figure)
    figure = events_plots.masks(clips[1])
    assert {"hum", "hiss"} <= _words(figure)
    assert not any(word.startswith("ideal") for word in _words(figure)), "nothing sounds there"
    plt.close(figure)


def test_rolls_show_truth_and_what_was_found(clips: list[Shown]) -> None:
    figure = events_plots.rolls(clips[0])
    assert {"time (s)", "hum", "hiss", "test-2, truth", "test-2, event-wise: found"} <= _words(figure)
    truth, _, found = (axes.images[0].get_array() for axes in figure.axes[:3])
    assert truth.any(axis=1).all()
    assert np.abs(truth - found).mean() < 0.1
    plt.close(figure)
    figure = events_plots.rolls(replace(clips[0], true=None))
    assert "test-2, truth" not in _words(figure)
    plt.close(figure)


def test_curves_lie_over_their_targets(clips: list[Shown]) -> None:
    figure = events_plots.curves(clips[0])
    assert {"hum", "hiss", "time (s)"} <= _words(figure)
    for axes, values in zip(figure.axes, clips[0].frames, strict=True):
        assert axes.lines[0].get_ydata() == pytest.approx(values)
        assert axes.collections, "the target"
    plt.close(figure)


@pytest.mark.parametrize(("clip", "name"), [("00001", "00001"), ("../a b/ü.wav", "_a_b_.wav"), ("...", "clip")])
def test_a_clips_name_leads_out_of_no_folder(clip: str, name: str) -> None:
    assert file_of(clip) == name
