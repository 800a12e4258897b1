"""`soli compare` as it is called: run folders, model files and baselines, and what goes wrong."""

import json
import subprocess
import sys
from pathlib import Path

import cli_call as call
import pytest
from safetensors.torch import save_file

import models
from made_sounds import noise, syllables
from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio
from soli.train.network import build
from soli.train.run import RunFolder, check_settings

RATE = 8000


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two mixtures of 1.5 s."""
    rows = []
    for index in range(2):
        sounds = {
            "voice": syllables(1.5, RATE, pitch_hz=150 + index, seed=index),
            "noise": noise(1.5, RATE, seed=index),
        }
        for source, samples in sounds.items():
            write_audio(tmp_path / f"{source}{index}.wav", samples[None], sample_rate=RATE)
        parts = tuple(Part(source=source, path=f"{source}{index}.wav", duration_s=1.5) for source in sounds)
        rows.append(Row(id=f"row-{index}", split="test", sample_rate=RATE, duration_s=1.5, parts=parts))
    write_manifest(tmp_path / "test.jsonl", rows)
    return tmp_path / "test.jsonl"


def run_folder(path: Path, *, name: str, weights: bool = True) -> Path:
    """A run as training leaves it, of a network that has learnt nothing."""
    values = {
        "name": name,
        "family": "blstm_mask",
        "preset": "small",
        "sources": ["voice", "noise"],
        "rest": "noise",
        "network": {"sample_rate": RATE, "stft": {"n_fft": 256, "hop": 128}, "hidden": 4},
        "objective": {"soft_snr": 0.1},
    }
    settings = check_settings(values, where="here")
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.create(settings, {"sha256": "", "packages": []})
    folder.log.write_text('{"step": 10, "seconds": 45.0}\n{"step": 20, "seconds": 90.0, "valid_score": 1.0}\n')
    if weights:
        save_file(build(settings).state_dict(), folder.weights)
    return path


def options(manifest: Path, out: Path) -> list[object]:
    return ["--data", manifest, "--out", out, "--workers", "1", "--limit", "2"]


def test_runs_models_and_baselines_in_one_table(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_folder(tmp_path / "runs" / "mine", name="mine")
    late = run_folder(tmp_path / "runs" / "late", name="late", weights=False)
    half = models.save(tmp_path, models.half_model(name="half", sample_rate=RATE), "half")
    out = tmp_path / "out"
    words = ["compare", run, late, half, "mixture", *options(manifest, out)]
    done = call.inside(capsys, *words, "--json")
    assert done.code == 1
    assert done.json == json.loads((out / "compare.json").read_text())
    by_name = {entrant["name"]: entrant for entrant in done.json["entrants"]}
    assert set(by_name) == {"mine", "half", "mixture"}
    assert by_name["mine"]["cost"]["train_minutes"] == 1.5
    assert by_name["mine"]["cost"]["parameters"] > 100
    assert by_name["mine"]["family"] == "blstm_mask"
    assert "mine is not trained to its end: 20 of 1000 steps" in done.json["notes"]
    assert [failed["name"] for failed in done.json["failed"]] == ["late"]
    assert "soli: warning: late: " in done.err
    assert "holds no weights yet" in done.err
    assert {"index.html", "compare.md", "quality.png", "boxes.png"} < {path.name for path in out.iterdir()}

    model = out / "models" / "mine.soli.onnx"
    exported = model.stat().st_mtime_ns
    again = call.inside(capsys, *words)
    assert (again.code, model.stat().st_mtime_ns) == (1, exported)
    assert "Improvement and cost" in again.out
    assert "noise: scores in dB" in again.out
    model.unlink()
    assert call.inside(capsys, "compare", run, *options(manifest, out)).code == 0
    assert model.is_file()


def test_runs_of_one_name_are_called_as_their_folders(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [run_folder(tmp_path / folder, name="same", weights=False) for folder in ("one", "two", "x/one")]
    done = call.inside(capsys, "compare", *runs[:2], *options(manifest, tmp_path / "out"))
    assert (done.code, len(done.errors)) == (1, 1)
    assert "nothing can be compared: one: " in done.errors[0]
    done = call.inside(capsys, "compare", *runs, *options(manifest, tmp_path / "out"))
    assert done.code == 2
    assert "would both be called one" in done.errors[0]


def test_wrong_calls_are_one_line(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = options(manifest, tmp_path / "out")
    half = models.save(tmp_path, models.half_model(name="half", sample_rate=RATE), "half")
    worst = models.save(tmp_path, models.half_model(name="worst", sample_rate=RATE), "worst")
    outside = models.save(tmp_path, models.half_model(name="../half", sample_rate=RATE), "outside")
    slow = models.save(tmp_path, models.half_model(name="slow", sample_rate=4000), "slow")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{}")
    cases = {
        (): (2, "nothing to compare"),
        (half, half): (2, "would both be called half"),
        ("mixture", "mixture"): (2, "would both be called mixture"),
        (worst,): (2, "would be called 'worst'"),
        (outside,): (2, "would be called '../half'"),
        ("voyce",): (2, "unknown model 'voyce'"),
        (tmp_path / "gone.onnx",): (1, "gone.onnx"),
        (tmp_path / "empty",): (1, "holds no run"),
        (tmp_path / "damaged",): (1, "run.json lacks settings"),
        (half, slow): (2, "slow (4000 Hz) is below that"),
    }
    for runs, (code, text) in cases.items():
        done = call.inside(capsys, "compare", *runs, *rest)
        assert (done.code, len(done.errors)) == (code, 1), (runs, done.err)
        assert text in done.errors[0]
        assert done.out == ""
    assert not (tmp_path / "out" / "index.html").exists()


WITHOUT = (
    "import sys; from soli.cli.main import main;"
    " sys.modules.update(dict.fromkeys({gone!r})); sys.exit(main(sys.argv[1:]))"
)


def without(packages: list[str], *words: object) -> subprocess.CompletedProcess[str]:
    """A call where these packages are not installed."""
    command = [sys.executable, "-c", WITHOUT.format(gone=packages), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_models_are_compared_without_torch_and_runs_say_what_they_need(manifest: Path, tmp_path: Path) -> None:
    half = models.save(tmp_path, models.half_model(name="half", sample_rate=RATE), "half")
    train = ["torch", "onnx", "safetensors", "accelerate"]
    done = without(train, "compare", half, *options(manifest, tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"] == "half"
    run = run_folder(tmp_path / "run", name="mine")
    done = without(train, "compare", run, half, *options(manifest, tmp_path / "other"))
    assert done.returncode == 2
    assert 'torch is not installed; wanted the "train" part of soli' in done.stderr
    done = without(["jinja2"], "compare", half, *options(manifest, tmp_path / "other"))
    assert done.returncode == 2
    assert 'jinja2 is not installed; wanted the "report" part of soli' in done.stderr
    assert not (tmp_path / "other").exists()
