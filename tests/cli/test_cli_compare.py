"""`soli compare` as it is called: run folders, model files and baselines, and what goes wrong."""

import json
import subprocess
import sys
import time
from pathlib import Path

import cli_call as call
import pytest
from safetensors.torch import save_file

import models
from made_sounds import noise, syllables
from soli.cli.entrants import names_of
from soli.data.manifest import Part, Row, read_manifest, write_manifest
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


def run_folder(path: Path, *, name: str, weights: bool = True, scale: float = 1.0) -> Path:
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
        save_file({key: scale * value for key, value in build(settings).state_dict().items()}, folder.weights)
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


def test_a_second_run_of_a_recipe_can_be_added_later(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {"one": 1.0, "two": 1.1, "x/one": 1.2}
    one, two, other = (run_folder(tmp_path / path, name="same", scale=scale) for path, scale in folders.items())
    out = tmp_path / "out"
    assert call.inside(capsys, "compare", one, *options(manifest, out)).code == 0
    scored = (out / "one" / "results.jsonl").read_text()
    done = call.inside(capsys, "compare", one, two, *options(manifest, out), "--json")
    assert (done.code, {entrant["name"] for entrant in done.json["entrants"]}) == (0, {"one", "two"})
    assert (out / "one" / "results.jsonl").read_text() == scored
    done = call.inside(capsys, "compare", one, two, other, *options(manifest, out))
    assert done.code == 2
    assert f"{one} and {other} would both be called one" in done.errors[0]
    done = call.inside(capsys, "compare", other, two, *options(manifest, out), "--json")
    assert (done.code, [entrant["name"] for entrant in done.json["entrants"]]) == (1, ["two"])
    assert f"{out / 'one'} holds the results of another model" in done.json["failed"][0]["error"]


def test_a_name_is_the_folders_or_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "best").symlink_to(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path / "runs" / "mine" / "deep")
    for named, name in {
        "..": "mine",
        ".": "deep",
        "../../../best/": "best",
        "x/a.soli.onnx": "a",
        "b.onnx": "b",
    }.items():
        assert names_of([named, "mixture"]) == [name, "mixture"]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_polite_kill_says_how_to_go_on(manifest: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    rows = read_manifest(manifest).rows
    many = [row.model_copy(update={"id": f"{row.id}-{index}"}) for index in range(100) for row in rows]
    write_manifest(manifest.with_name("many.jsonl"), many)
    slow = models.save(tmp_path, models.recurrent_model(hidden=64), "slow")
    words = ("compare", slow, "--data", manifest.with_name("many.jsonl"), "--out", tmp_path / "out", "--workers", "2")
    run = subprocess.Popen(call.words(*words, *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    results = tmp_path / "out" / "slow" / "results.jsonl"
    while run.poll() is None and not (results.exists() and results.stat().st_size):
        time.sleep(0.01)
    run.terminate()
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (
        130,
        b"soli: error: stopped; the items that are done are kept; give the same command again for the rest\n",
    )
    assert json.loads(out) == {"stopped": True} if flags else out == b""


def test_wrong_calls_are_one_line(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = options(manifest, tmp_path / "out")
    half = models.save(tmp_path, models.half_model(name="half", sample_rate=RATE), "half")
    worst = models.save(tmp_path, models.half_model(name="worst", sample_rate=RATE), "worst")
    odd = models.save(tmp_path, models.half_model(name="half", sample_rate=RATE), "so so")
    slow = models.save(tmp_path, models.half_model(name="slow", sample_rate=4000), "slow")
    (tmp_path / "x").mkdir()
    again = models.save(tmp_path / "x", models.half_model(name="other", sample_rate=RATE), "half")
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "run.json").write_text("{}")
    cases = {
        (): (2, "nothing to compare"),
        (half, again): (2, f"{half} and {again} would both be called half"),
        ("mixture", "mixture"): (2, "would both be called mixture"),
        (worst,): (2, "would be called 'worst'"),
        (odd,): (2, "would be called 'so so'"),
        ("voyce",): (2, "unknown model 'voyce'"),
        (tmp_path / "gone.onnx",): (1, "gone.onnx"),
        (tmp_path / "empty",): (1, "holds no run"),
        (tmp_path / "damaged",): (1, "run.json lacks settings"),
        (slow,): (2, "slow (4000 Hz) is below that"),
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
