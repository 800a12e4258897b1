"""Models of sound events judged: whole runs on tiny scenes, whose scores are known or found by another way."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import made_scenes as scenes
import models
from soli.data.manifest import read_manifest, write_manifest
from soli.errors import DataError, OutputError, SoliError, UsageError
from soli.evaluation.events_item import Judged
from soli.evaluation.events_line import ClipLine, Frames
from soli.evaluation.events_run import EventsPlan, EventsResult, evaluate_events, plan_events
from soli.evaluation.events_store import CELLS, CLIPS, ClipStore, read_clips
from soli.evaluation.events_summary import EventsSummary
from soli.evaluation.identity import SUMMARY, Identity
from soli.metrics import tagging
from soli.metrics.sed import event_based, segment_based, summed
from soli.types import Event


def _plan(model: str, data: Path, **changes: Any) -> EventsPlan:
    """In this process, and without the scores that take long."""
    return plan_events(model, data, **{"workers": 1, "families": ("si",), **changes})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(scenes.model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def result(data: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> EventsResult:
    return evaluate_events(_plan(model, data), tmp_path_factory.mktemp("out"))


def _without_time(summary: EventsSummary) -> dict[str, object]:
    return json.loads(summary.model_copy(update={"model_s": 0.0, "rtf": 0.0}).model_dump_json())


def test_a_model_that_hears_what_there_is_scores_high(result: EventsResult) -> None:
    found = result.summary.sections
    assert set(found) == {
        "tagging", "frame_based", "segment_based", "event_based", "psds", "segmentation", "separation"
    }  # fmt: skip
    assert found["tagging"].macro["f1"] == found["tagging"].macro["roc_auc"] == 1.0
    assert found["event_based"].macro["f1"] == 1.0
    assert found["event_based"].macro["error_rate"] == 0.0
    assert found["segment_based"].macro["f1"] > 0.9
    assert found["frame_based"].macro["f1"] > 0.85
    assert found["psds"].overall["psds"] == pytest.approx(1.0)
    assert found["segmentation"].macro["roc_auc"] > 0.7, "a hum is a line, its mask wide"
    assert found["separation"].macro["si_sdr"] > 20
    assert result.summary.strong == result.summary.done == 6
    assert set(result.summary.separation) == {"hum", "hiss", "rest"}


def test_figures_are_those_of_the_metrics_on_what_was_written(result: EventsResult) -> None:
    """By another way: from the lines of the clips, with the functions of soli.metrics alone."""
    thresholds, lines = result.summary.thresholds, result.lines
    truth = [[name in line.labels for name in scenes.CLASSES] for line in lines]
    tags = [line.tags for line in lines]
    table = tagging.evaluate(truth, tags, classes=scenes.CLASSES, threshold=thresholds.tag)
    assert result.summary.sections["tagging"].model_dump() == {
        "macro": table.as_dict()["macro"], "overall": table.as_dict()["micro"], "classes": table.as_dict()["classes"]
    }  # fmt: skip
    given = [thresholds.events(line, rate_hz=result.plan.rate_hz) for line in lines]
    wanted = [line.events or () for line in lines]
    pairs = list(zip(wanted, given, strict=True))
    events = summed(event_based(*pair, classes=scenes.CLASSES) for pair in pairs)
    segments = summed(segment_based(*pair, classes=scenes.CLASSES, duration_s=scenes.SECONDS) for pair in pairs)
    assert result.summary.sections["event_based"].macro["f1"] == events.macro("f1")
    assert result.summary.sections["segment_based"].overall["error_rate"] == segments.overall.error_rate


def test_separation_is_of_the_classes_that_sound(result: EventsResult) -> None:
    items = {line.id: [each.source for each in line.separation] for line in result.lines}
    assert items["test-0"] == ["hum", "rest"]
    assert items["test-2"] == ["hum", "hiss", "rest"]
    assert items["test-3"] == []
    table = result.summary.sections["separation"]
    assert {name: table.classes[name]["items"] for name in scenes.CLASSES} == {"hum": 3, "hiss": 3}
    means = [table.classes[name]["si_sdr"] for name in scenes.CLASSES]
    assert table.macro["si_sdr"] == pytest.approx(np.mean(means))
    assert table.macro["si_sdr_improvement"] < table.macro["si_sdr"]


def test_a_class_that_is_not_tagged_is_separated_all_the_same(data: Path, tmp_path: Path) -> None:
    deaf = models.events_model((2000,), sources=scenes.CLASSES, detection={"tag": (1.0, 1.0)})
    plan = _plan(str(models.save(tmp_path, deaf)), data, thresholds="model")
    found = evaluate_events(plan, tmp_path / "out").summary.sections
    assert found["tagging"].macro["recall"] == 0.0
    assert found["event_based"].macro["recall"] == 0.0
    assert found["separation"].macro["si_sdr"] > 20


def test_thresholds_come_from_the_rows_to_validate_on_and_from_nowhere_else(
    data: Path, model: str, result: EventsResult, tmp_path: Path
) -> None:
    """Other clips to test on do not move them; other clips to validate on do."""
    assert (result.summary.thresholds.origin, result.summary.thresholds.tuned_on) == ("valid", 12)
    rows = read_manifest(data).rows
    fewer = [row for row in rows if row.id != "test-2"]
    write_manifest(data.parent / "fewer.jsonl", fewer)
    again = evaluate_events(_plan(model, data.parent / "fewer.jsonl"), tmp_path / "fewer").summary
    assert again.thresholds == result.summary.thresholds
    longer = [row if row.split == "test" else scenes.scene(row.id, "valid", ["hum"]) for row in rows]
    write_manifest(data.parent / "others.jsonl", longer)
    other = evaluate_events(_plan(model, data.parent / "others.jsonl"), tmp_path / "others").summary
    assert other.thresholds.frame != result.summary.thresholds.frame
    hum, hiss = other.thresholds.tag, _plan(model, data).info.detection.tag
    assert hum == hiss, "a class that is in all clips, or in none, keeps the model's"


@pytest.mark.parametrize(("asked", "high"), [("model", (0.2, 0.2)), ("published", (0.2, 0.2))])
def test_thresholds_can_be_named(data: Path, model: str, tmp_path: Path, asked: str, high: tuple[float, ...]) -> None:
    found = evaluate_events(_plan(model, data, thresholds=asked), tmp_path / "out").summary
    assert (found.thresholds.origin, found.thresholds.tuned_on, found.thresholds.high) == (asked, 0, high)
    assert found.thresholds.tag == ((0.5, 0.5) if asked == "model" else (0.1, 0.1))
    assert not (tmp_path / "out" / "valid").exists()


def test_without_rows_to_validate_on_the_models_are_taken(tmp_path: Path, model: str) -> None:
    data = scenes.write_scenes(tmp_path / "data", valid=0)
    assert _plan(model, data).origin == "model"
    with pytest.raises(UsageError, match=r"no rows of split valid.*--thresholds model"):
        _plan(model, data, thresholds="valid")


@pytest.mark.parametrize("split", ["valid", "all"])
def test_nothing_is_tuned_on_what_is_scored(data: Path, model: str, split: str) -> None:
    assert _plan(model, data, split=split).origin == "model"
    with pytest.raises(UsageError, match="is scored"):
        _plan(model, data, split=split, thresholds="valid")


def test_weak_truth_gives_tags_alone_and_says_so(tmp_path: Path, model: str) -> None:
    from soli.report.events_tables import report_text

    data = scenes.write_weak(tmp_path / "data")
    summary = evaluate_events(_plan(model, data), tmp_path / "out").summary
    assert set(summary.sections) == {"tagging"}
    assert summary.sections["tagging"].macro["f1"] == 1.0
    assert summary.strong == 0
    assert "tags alone are scored" in report_text(summary)


def test_weak_and_strong_truth_may_be_mixed(tmp_path: Path, model: str) -> None:
    from soli.report.events_tables import report_text

    weak = read_manifest(scenes.write_weak(tmp_path, count=3)).rows
    strong = read_manifest(scenes.write_scenes(tmp_path, test=4, valid=0)).rows
    write_manifest(tmp_path / "both.jsonl", [*weak, *strong])
    summary = evaluate_events(_plan(model, tmp_path / "both.jsonl"), tmp_path / "out").summary
    assert (summary.done, summary.strong) == (7, 4)
    assert summary.sections["tagging"].classes["hum"]["reference"] == 4
    assert summary.sections["event_based"].classes["hum"]["reference"] == 2
    assert "Of 3 clips it is not known" in report_text(summary)


def test_clips_of_another_rate_and_longer_than_a_window(tmp_path: Path, model: str) -> None:
    """At 32 kHz, and 4.5 s where the model hears 2 s at once: three windows, joined."""
    data = scenes.write_scenes(tmp_path / "data", test=3, valid=0)
    rows = [
        row.model_copy(
            update={
                "sample_rate": 32000,
                "duration_s": 4.5,
                "parts": tuple(each.model_copy(update={"onset_s": each.onset_s + 1.6}) for each in row.parts[:-1]),
            }
        )
        for row in read_manifest(data).rows
    ]
    write_manifest(data, rows)
    result = evaluate_events(_plan(model, data), tmp_path / "out")
    assert {line.frames.count for line in result.lines} == {4.5 * 16000 // 256 + 2}
    found = result.summary.sections
    assert found["event_based"].macro["f1"] == 1.0
    assert found["separation"].macro["si_sdr"] > 20


def test_several_processes_find_the_same(data: Path, model: str, result: EventsResult, tmp_path: Path) -> None:
    several = evaluate_events(_plan(model, data, workers=2), tmp_path / "out").summary
    assert _without_time(several)["sections"] == _without_time(result.summary)["sections"]
    assert several.thresholds == result.summary.thresholds


class _StoppedError(Exception):
    pass


def _stop_at(number: int) -> Callable[[int, int], None]:
    def watch(done: int, total: int) -> None:
        if done == number:
            raise _StoppedError

    return watch


@pytest.mark.parametrize("at", [5, 12, 15])
def test_a_run_that_was_stopped_goes_on(data: Path, model: str, result: EventsResult, tmp_path: Path, at: int) -> None:
    """While it tunes, between both, and while it scores: what is done is kept, and the figures come out the same."""
    plan = _plan(model, data)
    with pytest.raises(_StoppedError):
        evaluate_events(plan, tmp_path, watch=_stop_at(at))
    told: list[int] = []
    summary = evaluate_events(plan, tmp_path, watch=lambda done, total: told.append(done)).summary
    assert _without_time(summary)["sections"] == _without_time(result.summary)["sections"]
    assert summary.thresholds == result.summary.thresholds
    assert told[0] == min(at, 12), "clips that were done are not done again"


def test_what_a_kill_left_is_mended(data: Path, model: str, result: EventsResult, tmp_path: Path) -> None:
    """Half a line, and lines whose cells were not counted yet."""
    plan = _plan(model, data)
    with pytest.raises(_StoppedError):
        evaluate_events(plan, tmp_path, watch=_stop_at(15))
    clips = tmp_path / CLIPS
    before = clips.read_text().splitlines()
    assert len(before) == 3
    uncounted = result.lines[4].model_dump_json()
    clips.write_text("\n".join([*before, uncounted, before[0][:100]]))
    summary = evaluate_events(plan, tmp_path).summary
    assert _without_time(summary)["sections"] == _without_time(result.summary)["sections"]
    assert [line.id for line in read_clips(clips)].count("test-4") == 1


def test_other_thresholds_begin_anew_and_other_settings_are_refused(data: Path, model: str, tmp_path: Path) -> None:
    evaluate_events(_plan(model, data), tmp_path)
    with pytest.raises(UsageError, match="changed the setting thresholds"):
        evaluate_events(_plan(model, data, thresholds="published"), tmp_path)
    with pytest.raises(UsageError, match="the setting scores"):
        evaluate_events(_plan(model, data, families=("si", "bss")), tmp_path)
    (tmp_path / CELLS).write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"cells\.npz is damaged"):
        evaluate_events(_plan(model, data), tmp_path)


def test_a_folder_with_something_else_is_left_alone(data: Path, model: str, tmp_path: Path) -> None:
    (tmp_path / CLIPS).write_text("mine\n")
    with pytest.raises(OutputError, match=r"holds clips\.jsonl but no run\.json"):
        evaluate_events(_plan(model, data), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CLIPS], "not even the rows to tune on are heard"
    assert (tmp_path / CLIPS).read_text() == "mine\n"


def test_fewer_clips_then_more(data: Path, model: str, result: EventsResult, tmp_path: Path) -> None:
    few = evaluate_events(_plan(model, data, thresholds="model", limit=2), tmp_path).summary
    assert (few.done, few.items) == (2, 2)
    whole = evaluate_events(_plan(model, data, thresholds="model"), tmp_path).summary
    assert whole.done == 6
    less = evaluate_events(_plan(model, data, thresholds="model", limit=2), tmp_path).summary
    assert _without_time(less)["sections"] == _without_time(few)["sections"]


def test_a_clip_that_is_gone_is_named_and_the_others_are_scored(model: str, tmp_path: Path) -> None:
    data = scenes.write_scenes(tmp_path / "data", valid=0)
    rows = [
        row.model_copy(update={"parts": (row.parts[0].model_copy(update={"path": "gone.wav"}),)})
        if row.id == "test-1"
        else row
        for row in read_manifest(data).rows
    ]
    write_manifest(data, rows)
    summary = evaluate_events(_plan(model, data), tmp_path / "out").summary
    assert summary.done == 5
    assert [(item.id, "gone.wav" in item.error) for item in summary.failed] == [("test-1", True)]
    (tmp_path / "data" / "scene.wav").unlink()
    with pytest.raises(SoliError, match="none of the 6 clips could be scored"):
        evaluate_events(_plan(model, data), tmp_path / "other")


def test_the_summary_reads_back(result: EventsResult, data: Path, model: str, tmp_path: Path) -> None:
    summary = evaluate_events(_plan(model, data, thresholds="model"), tmp_path).summary
    assert EventsSummary.model_validate_json((tmp_path / SUMMARY).read_text()) == summary


def test_frames_are_kept_to_the_last_bit() -> None:
    values = np.random.default_rng(0).random((3, 17), dtype=np.float32)
    again = Frames.model_validate_json(Frames.of(values).model_dump_json())
    assert np.array_equal(again.values, values)


def test_memory_hardly_grows_with_the_number_of_clips(tmp_path: Path) -> None:
    """Clips as large as those of the protocol: 10 classes, 64 bands, 314 frames; 2000 of them are to fit into 2 GB."""
    classes = [f"class{number}" for number in range(10)]
    rng = np.random.default_rng(0)
    masks = rng.random((10, 64, 314), dtype=np.float32)
    ideal = masks > 0.9
    ids = [f"{number:05}" for number in range(2000)]
    identity = Identity(model="m", model_sha256="", manifest="", manifest_sha256="", settings={}, soli="")

    def judged(name: str) -> Judged:
        line = ClipLine(
            id=name,
            duration_s=10.0,
            labels=("class1",),
            events=(Event(0.5, 2.5, "class1", 1.0),),
            tags=(0.5,) * 10,
            frames=Frames.of(masks.mean(axis=1)),
            seconds=0.1,
        )
        return Judged(line, masks, ideal)

    with ClipStore(tmp_path, identity, ids, classes=classes, thresholds=[0.1] * 10).opened() as store:
        for name in ids[:20]:
            store.add(judged(name))
        tracemalloc.start()
        for name in ids[20:60]:
            store.add(judged(name))
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    each = grown / 40
    assert each < 60_000, f"{each:.0f} bytes a clip: 2000 clips would take {2000 * each / 1e6:.0f} MB"
