"""The bench of sound events: two tiny networks compared in earnest, its bars, and its page."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

import made_scenes as scenes
import models
from soli.data.manifest import read_manifest
from soli.errors import UsageError
from soli.media.audio import probe
from soli.train.run import RunFolder, find_recipe, read_recipe


def _entry(f1: float, *, gain: float = 7.0, rtf: float = 0.01) -> dict[str, Any]:
    kinds = ("tagging", "frame_based", "event_based", "segmentation")
    return {"f1": dict.fromkeys(kinds, f1), "si_sdr_improvement": gain, "rtf": rtf}


def _entries(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    usual = {"kong-gmp": _entry(0.4), "kong-gap": _entry(0.4), "kong-gwrp": _entry(0.5), "dnn": _entry(0.3)}
    return {**usual, "events": _entry(0.8), **changes}


def test_bars_are_met_or_named() -> None:
    from events import missed_bars

    assert missed_bars(_entries()) == []
    assert missed_bars(_entries(dnn=_entry(0.5))) == [
        f"{kind} F1: kong-gwrp 0.500, dnn 0.500" for kind in ("tagging", "frame-wise", "event-wise")
    ]
    weak = missed_bars(_entries(events=_entry(0.5, gain=5.9, rtf=0.031)))
    assert weak == [
        "tagging F1 of events 0.500, wanted 0.75",
        "frame-wise F1 of events 0.500, wanted 0.55",
        "SI-SDR improvement of events 5.90 dB, wanted 6",
        "real-time factor of events 0.0310, wanted 0.03 at most",
    ]
    assert "dnn is not compared" in missed_bars({"events": _entry(0.8)})


def test_networks_are_judged_on_the_same_clips_and_timed(tmp_path: Path) -> None:
    from events import compared, missed_bars, page

    data = scenes.write_scenes(tmp_path, test=4, valid=8)
    good = scenes.model(tmp_path)
    bad = models.save(tmp_path, models.events_model((350,), sources=scenes.CLASSES), "bad")
    named = [f"dnn={bad}", f"events={good}"]
    chosen = Namespace(data=data, out=tmp_path / "out", entry=named, runs=None, rows=None, workers=1, seconds=5.0)
    figures = compared(chosen)
    assert (figures["clips"], figures["tuned_on"], figures["recording_s"]) == (4, 8, 6.0)
    entries = figures["entries"]
    assert list(entries) == ["dnn", "events"]
    assert entries["events"]["f1"]["event_based"] == 1.0 > entries["dnn"]["f1"]["event_based"]
    assert all(0 < each["rtf"] < 100 for each in entries.values())
    text = page(figures, missed_bars(entries))
    assert "| `events` |" in text
    assert "| published, other data, 41 classes |" in text
    assert {line.count("|") for line in text.splitlines() if line.startswith("|")} == {14}
    assert compared(chosen)["entries"]["dnn"]["f1"] == entries["dnn"]["f1"], "a second call takes what is done"


def test_the_recording_is_the_clips_again_and_again(tmp_path: Path) -> None:
    from events import write_recording

    manifest = read_manifest(scenes.write_scenes(tmp_path, test=3, valid=0))
    seconds = write_recording(tmp_path / "long.wav", manifest.rows, manifest.root, seconds=10)
    assert seconds == 10.5
    assert probe(tmp_path / "long.wav").duration_s == pytest.approx(10.5)


def test_what_is_not_there_ends_it_at_once(tmp_path: Path) -> None:
    from events import entries_of

    with pytest.raises(SystemExit, match="dnn: no file"):
        entries_of([f"dnn={tmp_path / 'gone.onnx'}"], None)
    with pytest.raises(SystemExit, match="nothing to judge"):
        entries_of([], tmp_path)


def test_a_run_is_begun_or_gone_on_with_on_its_own_data_alone(tmp_path: Path) -> None:
    from events import training_call

    data = scenes.write_scenes(tmp_path, test=1, valid=1)
    begun = ["train", "weak/dnn", "--data", str(data), "--out", str(tmp_path / "dnn"), "--minutes", "3"]
    assert training_call("dnn", data, tmp_path, 3.0) == begun
    settings = read_recipe(find_recipe("weak/dnn"), overrides=["sources=[hum,hiss]"])
    RunFolder(tmp_path / "dnn").create(settings, {"sha256": read_manifest(data).sha256})
    assert training_call("dnn", data, tmp_path, 3.0) == [*begun, "--resume"]
    other = scenes.write_scenes(tmp_path, test=2, valid=1, name="other.jsonl")
    with pytest.raises(UsageError, match="was trained on other data"):
        training_call("dnn", other, tmp_path, 3.0)
