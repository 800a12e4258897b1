import json
import math
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_manifest as tiny

import models
from soli.cli.main import main
from soli.data.manifest import read_manifest, write_manifest
from soli.data.render import render
from soli.errors import DataError, ModelFileError, OutputError, SoliError, UsageError
from soli.evaluation.identity import LINES, SUMMARY
from soli.evaluation.line import Line
from soli.evaluation.results import as_json, read_lines
from soli.evaluation.run import evaluate
from soli.evaluation.subject import subject_of


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return tiny.make(folder)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(models.save(tmp_path, models.low_pass_model(2000)))


def _without_time(path: Path) -> list[Line]:
    return [line.model_copy(update={"seconds": 0.0}) for line in read_lines(path / LINES)]


def test_a_model_that_separates_scores_high_and_improves_by_the_snr(manifest: Path, model: str, tmp_path: Path) -> None:
    summary = evaluate(model, manifest, tmp_path / "out", workers=1)
    assert (summary.items, summary.done, summary.failed) == (8, 8, [])
    for source in ("voice", "noise"):
        scored = summary.sources[source].scored
        assert scored.count == 6
        for name in ("si_sdr", "sdr"):
            compared = scored.scores[name]
            assert compared.estimate.mean > 30
            assert compared.improvement.mean == pytest.approx(compared.estimate.mean - compared.mixture.mean)
    groups = summary.sources["voice"].conditions["snr_db"]
    assert {value: group.count for value, group in groups.items()} == {"0": 3, "10": 3}
    assert groups["0"].scores["si_sdr"].mixture.mean == pytest.approx(0.0, abs=0.1)
    assert groups["10"].scores["si_sdr"].mixture.mean == pytest.approx(10.0, abs=0.1)


def test_silent_and_lone_sources_are_counted_apart(manifest: Path, tmp_path: Path) -> None:
    half = str(models.save(tmp_path, models.half_model(), "half"))
    summary = evaluate(half, manifest, tmp_path / "out", workers=1)
    voice, noise = summary.sources["voice"], summary.sources["noise"]
    assert (voice.alone.count, voice.silent.count) == (1, 1)
    assert (noise.alone.count, noise.silent.count) == (1, 1)
    assert voice.silent.mixture_dbfs.mean == pytest.approx(-20, abs=0.5)
    assert voice.silent.leakage_dbfs.mean == pytest.approx(voice.silent.mixture_dbfs.mean - 20 * math.log10(2))
    assert voice.silent.loudest_dbfs == voice.silent.leakage_dbfs.mean
    lines = {(line.id, line.source): line for line in read_lines(tmp_path / "out" / LINES)}
    assert lines["clean", "voice"].mixture["si_sdr"] == math.inf
    assert lines["clean", "voice"].improvement["si_sdr"] is None
    assert set(lines["clean", "noise"].scores.values()) == {None}


def test_mixture_is_the_floor_and_oracle_the_ceiling(manifest: Path, tmp_path: Path) -> None:
    floor = evaluate("mixture", manifest, tmp_path / "mixture", workers=1, families=("si",))
    ceiling = evaluate("oracle", manifest, tmp_path / "oracle", workers=1, families=("si",))
    for source in ("voice", "noise"):
        low = floor.sources[source].scored.scores["si_sdr"]
        high = ceiling.sources[source].scored.scores["si_sdr"]
        assert low.improvement.mean == 0.0
        assert low.estimate == low.mixture == high.mixture
        assert high.estimate == high.ceiling == low.ceiling
        assert high.estimate.mean > low.estimate.mean + 20


def test_all_families_of_scores_are_named(manifest: Path, model: str, tmp_path: Path) -> None:
    evaluate(model, manifest, tmp_path / "out", limit=1, workers=1, families=("si", "bss", "bss4"))
    line = next(read_lines(tmp_path / "out" / LINES))
    names = ["si_sdr", "si_sir", "si_sar", "sd_sdr", "snr", "srr", "sdr", "sir", "sar"]
    names += ["sdr_v4", "isr_v4", "sir_v4", "sar_v4"]
    assert list(line.scores) == list(line.mixture) == list(line.ceiling) == list(line.improvement) == names


def test_processes_and_interruptions_do_not_change_the_results(manifest: Path, model: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    summary = evaluate(model, manifest, whole, workers=1)
    evaluate(model, manifest, parts, limit=3, workers=1)
    lines = (parts / LINES).read_bytes()
    (parts / LINES).write_bytes(lines[: len(lines) - 700])  # as kill -9 leaves it: half a line, half an item
    seen = []
    again = evaluate(model, manifest, parts, workers=2, watch=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 8) for done in range(3, 9)]
    assert _without_time(parts) == _without_time(whole)
    assert again.sources == summary.sources
    before = (parts / LINES).read_bytes()
    evaluate(model, manifest, parts, workers=2)
    assert (parts / LINES).read_bytes() == before


def test_a_folder_of_another_run_is_refused_and_the_change_named(manifest: Path, model: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(model, manifest, out, limit=1, workers=1, families=("si",))
    kept = (out / LINES).read_bytes()
    with pytest.raises(UsageError, match=r"changed the setting scores"):
        evaluate(model, manifest, out, workers=1, families=("si", "bss"))
    other = str(models.save(tmp_path, models.half_model(), "other"))
    with pytest.raises(UsageError, match=r"changed the model \(tiny [0-9a-f]{8}, now tiny [0-9a-f]{8}\)"):
        evaluate(other, manifest, out, workers=1, families=("si",))
    write_manifest(manifest, read_manifest(manifest).rows[:4])
    with pytest.raises(UsageError, match="changed the manifest"):
        evaluate(model, manifest, out, workers=1, families=("si",))
    assert (out / LINES).read_bytes() == kept


def test_a_foreign_folder_is_refused(manifest: Path, model: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LINES).write_text("mine\n")
    with pytest.raises(OutputError, match=r"no run\.json"):
        evaluate(model, manifest, tmp_path / "out")
    (tmp_path / "out" / "run.json").write_text("{}")
    with pytest.raises(OutputError, match="not the record"):
        evaluate(model, manifest, tmp_path / "out")
    assert (tmp_path / "out" / LINES).read_text() == "mine\n"


def test_an_item_that_fails_is_named_and_done_by_the_rerun(manifest: Path, model: str, tmp_path: Path) -> None:
    rows = list(read_manifest(manifest).rows)
    broken = tiny.row("broken", [tiny.part("voice", "gone.wav"), tiny.part("noise", "high.wav")])
    write_manifest(manifest, [broken, *rows])
    out = tmp_path / "out"
    summary = evaluate(model, manifest, out, workers=1, families=("si",))
    assert [item.id for item in summary.failed] == ["broken"]
    assert "gone.wav" in summary.failed[0].error
    assert summary.done == 8
    (manifest.parent / "gone.wav").write_bytes((manifest.parent / "low.wav").read_bytes())
    assert evaluate(model, manifest, out, workers=1, families=("si",)).failed == []


def test_the_rest_is_the_sum_of_the_stems_nobody_names(tmp_path: Path, model: str) -> None:
    manifest = tiny.make(tmp_path, count=0)
    parts = [tiny.part("voice", "low.wav"), tiny.part("rain", "high.wav"), tiny.part("dog", "high.wav", -6.0)]
    row = tiny.row("three", parts).model_copy(update={"sources": ()})
    write_manifest(manifest, [row])
    read = read_manifest(manifest)
    subject = subject_of(model, read)
    assert (subject.sources, subject.rest) == (("voice", "noise"), "noise")
    rendered = render(row, read.root)
    references = subject.references(rendered)
    np.testing.assert_allclose(references[1], rendered.stems["rain"] + rendered.stems["dog"], atol=1e-7)
    np.testing.assert_allclose(references.sum(0), rendered.mixture, atol=1e-6)
    assert subject_of("mixture", read).sources == ("voice", "rain", "dog")


def test_a_model_without_a_rest_gets_one(manifest: Path, tmp_path: Path) -> None:
    path = models.save(tmp_path, models.gain_model([[0.5], [0.25]], sources=("voice", "music"), rest=None))
    summary = evaluate(str(path), manifest, tmp_path / "out", limit=2, workers=1, families=("si",))
    assert list(summary.sources) == ["voice", "music", "rest"]
    assert summary.sources["music"].silent.count == 2
    assert summary.sources["rest"].scored.count == 2


def test_wrong_calls_say_what_is_wrong(manifest: Path, model: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stranger = models.save(tmp_path, models.gain_model([[0.5]], sources=("violin", "rest"), rest="rest"), "violin")
    with pytest.raises(UsageError, match=r"violin; the manifest has voice, noise"):
        evaluate(str(stranger), manifest, out)
    with pytest.raises(UsageError, match="unknown model"):
        evaluate("voyce", manifest, out)
    with pytest.raises(ModelFileError):
        evaluate(str(manifest.with_suffix(".onnx")), manifest, out)
    with pytest.raises(DataError, match="no manifest"):
        evaluate(model, tmp_path / "gone.jsonl", out)
    with pytest.raises(UsageError, match="scores"):
        evaluate(model, manifest, out, families=("sdr",))
    manifest.write_text(manifest.read_text() + manifest.read_text())
    with pytest.raises(DataError, match="share 8 ids"):
        evaluate(model, manifest, out)
    assert not out.exists()


def test_command_prints_one_json_object(
    manifest: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", model, "--data", str(manifest), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main([*call, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / SUMMARY).read_text())
    assert printed["sources"]["voice"]["alone"]["scores"]["si_sdr"]["mixture"]["mean"] == 100.0
    assert main(call) == 0
    table = capsys.readouterr().out
    assert "voice: SI-SDR in dB" in table
    assert "snr_db 10" in table
    assert "noise silent: 1 items" in table


def test_command_names_what_failed_and_exits_1(
    manifest: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifest.parent / "high.wav").unlink()
    call = ["evaluate", model, "--data", str(manifest), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main(call) == 1
    errors = capsys.readouterr().err
    assert [line.split(":")[1] for line in errors.splitlines()] == [" warning"] * 7
    assert main([*call, "--scores", "sisdr"]) == 2
    assert "did you mean si" in capsys.readouterr().err


def test_a_row_at_another_rate_is_judged_at_its_own(tmp_path: Path, model: str) -> None:
    manifest = tiny.make(tmp_path, count=1)
    row = read_manifest(manifest).rows[0].model_copy(update={"sample_rate": 44100, "id": "cd"})
    write_manifest(manifest, [row])
    summary = evaluate(model, manifest, tmp_path / "out", workers=1, families=("si",))
    assert summary.sources["voice"].scored.scores["si_sdr"].estimate.mean > 25
    assert summary.sources["voice"].scored.scores["si_sdr"].ceiling.mean > 25


def test_lines_survive_json_with_infinities() -> None:
    line = Line(
        id="a",
        source="voice",
        state="silent",
        scores={"si_sdr": math.inf, "snr": None},
        mixture={},
        improvement={},
        ceiling={},
        leakage_dbfs=-math.inf,
        duration_s=1.0,
        seconds=0.1,
    )
    assert Line.model_validate_json(line.model_dump_json()) == line
    assert float(as_json(line)["leakage_dbfs"]) == -math.inf


def test_stereo_items_are_judged_too(tmp_path: Path, model: str) -> None:
    manifest = tiny.make(tmp_path, count=1)
    soundfile.write(tmp_path / "low.wav", np.stack([tiny.band(1, 100, 1500), tiny.band(3, 100, 1500)], 1), tiny.RATE)
    summary = evaluate(model, manifest, tmp_path / "out", workers=1, limit=1)
    assert summary.sources["voice"].scored.scores["sdr"].estimate.mean > 25


def test_a_worker_that_is_killed_is_an_error_that_says_how_to_go_on(manifest: Path, tmp_path: Path) -> None:
    slow = str(models.save(tmp_path, models.recurrent_model(hidden=64), "slow"))

    def kill_a_worker() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for child in multiprocessing.active_children():
                if child.pid is not None:
                    os.kill(child.pid, signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    with pytest.raises(SoliError, match="fewer --workers"):
        evaluate(slow, manifest, tmp_path / "out", workers=2, families=("si",))
    killer.join()
    assert evaluate(slow, manifest, tmp_path / "out", workers=1, families=("si",)).done == 8
