"""Training through the command line, on a small set of files: learning, resuming, exporting, being refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from soli.data.manifest import Part, Row, write_manifest
from soli.media.audio import write_audio
from soli.modelfile import read_model
from soli.separation import zoo
from soli.train.assemble import assemble
from soli.train.log import read_log
from soli.train.loop import train
from soli.train.run import read_recipe

RATE = 8000
RECIPE = """
name: tiny
family: band_split
preset: small
sources: [voice, noise]
rest: noise
network: {sample_rate: 8000, stft: {n_fft: 256, hop: 128}}
objective: {soft_snr: 0.1}
data: {duration_s: 1.0, workers: 1}
optim: {lr: 1.0e-2, steps: 12, batch: 4, warmup: 2, ema: 0.5}
watch: {valid_every: 6, log_every: 1, save_every_s: 1.0e-6}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of swelling tones over noise: six rows to train on, two to validate on."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    time_s = np.arange(2 * RATE) / RATE
    rows = []
    for index in range(8):
        tone = 0.3 * np.sin(2 * np.pi * rng.uniform(200, 500) * time_s) * (0.6 + 0.4 * np.sin(9 * time_s))
        noise = 0.1 * rng.standard_normal(2 * RATE)
        for source, samples in (("voice", tone), ("noise", noise)):
            write_audio(root / f"{source}{index}.wav", samples[None].astype(np.float32), sample_rate=RATE)
        parts = tuple(Part(source=s, path=f"{s}{index}.wav", duration_s=2.0) for s in ("voice", "noise"))
        split = "train" if index < 6 else "valid"
        rows.append(Row(id=f"{split}-{index}", split=split, sample_rate=RATE, duration_s=2.0, parts=parts))
    write_manifest(root / "all.jsonl", rows)
    (root / "tiny.yaml").write_text(RECIPE)
    return root


def command(data: Path, out: Path, *more: str) -> list[str]:
    words = ["train", str(data / "tiny.yaml"), "--data", str(data / "all.jsonl"), "--out", str(out), *more]
    return [sys.executable, "-m", "soli.cli.main", *words]


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from first to last step without a break."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = run(command(data, out, "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 12
    return out


def same_weights(first: Path, second: Path) -> bool:
    one, two = load_file(first), load_file(second)
    return one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)


def test_a_run_leaves_what_it_promises(whole: Path) -> None:
    names = {path.name for path in whole.iterdir()}
    assert names >= {"run.json", "log.jsonl", "curves.png", "weights.safetensors", "state.safetensors"}
    lines = list(read_log(whole / "log.jsonl"))
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 13))
    assert [line["step"] for line in lines if "valid_score" in line] == [6, 12]


@pytest.mark.parametrize("kill_at", [3, 7])
def test_a_run_killed_and_resumed_ends_with_the_same_weights(
    data: Path, whole: Path, tmp_path: Path, kill_at: int
) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(data, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        log = out / "log.jsonl"
        if log.exists() and any(line["step"] >= kill_at for line in read_log(log)):
            break
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    resumed = run(command(data, out, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(out / "state.safetensors", whole / "state.safetensors")
    assert same_weights(out / "weights.safetensors", whole / "weights.safetensors")
    steps = [line["step"] for line in read_log(out / "log.jsonl") if "loss" in line]
    assert steps == list(range(1, 13))


def test_the_number_of_loaders_does_not_change_the_weights(data: Path, whole: Path, tmp_path: Path) -> None:
    done = run(command(data, tmp_path / "run", "--set", "data.workers=0"))
    assert done.returncode == 0, done.stderr
    assert same_weights(tmp_path / "run" / "weights.safetensors", whole / "weights.safetensors")


def test_an_edited_state_is_refused_and_the_previous_one_works(data: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in ("run.json", "log.jsonl", "state.safetensors", "state.previous.safetensors", "weights.safetensors"):
        (out / name).write_bytes((whole / name).read_bytes())
    state = bytearray((out / "state.safetensors").read_bytes())
    state[-100] ^= 1
    (out / "state.safetensors").write_bytes(state)
    refused = run(command(data, out, "--resume"))
    assert refused.returncode == 1
    assert "sha256" in refused.stderr
    assert "state.previous.safetensors" in refused.stderr
    (out / "state.previous.safetensors").replace(out / "state.safetensors")
    again = run(command(data, out, "--resume"))
    assert again.returncode == 0, again.stderr
    assert same_weights(out / "state.safetensors", whole / "state.safetensors")


def test_an_exported_run_separates(whole: Path, tmp_path: Path) -> None:
    model = tmp_path / "tiny.soli.onnx"
    done = run([sys.executable, "-m", "soli.cli.main", "export", str(whole), "--out", str(model), "--json"])
    assert done.returncode == 0, done.stderr
    separator = zoo.load(str(model))
    assert tuple(separator.sources) == ("voice", "noise")
    mixture = np.random.default_rng(0).standard_normal((1, 5000)).astype(np.float32)
    estimates = separator.separate(mixture)
    assert estimates.shape == (2, 1, 5000)


def test_the_scores_of_an_evaluation_go_onto_the_card(data: Path, whole: Path, tmp_path: Path) -> None:
    model, scores = tmp_path / "tiny.soli.onnx", tmp_path / "scores"
    program = [sys.executable, "-m", "soli.cli.main"]
    for words in (
        ["export", str(whole), "--out", str(model)],
        ["evaluate", str(model), "--data", str(data / "all.jsonl"), "--out", str(scores), "--workers", "1"],
        ["export", str(whole), "--out", str(model), "--scores", str(scores / "summary.json")],
    ):
        done = run([*program, *words])
        assert done.returncode == 0, done.stderr
    card = read_model(model)[0].scores
    lines = [json.loads(line) for line in (scores / "results.jsonl").read_text().splitlines()]
    voice = [line["scores"]["si_sdr"] for line in lines if line["source"] == "voice"]
    assert card["items"] == 8
    assert card["voice"]["si_sdr_db"] == pytest.approx(np.mean(voice), abs=0.01)

    refused = run([*program, "export", str(whole), "--out", str(model), "--scores", str(scores / "run.json")])
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "family=band_splt"], "did you mean band_split"),
        (["--set", "network.featurs=3"], "did you mean features"),
        (["--set", "objective.soft_sn=1"], "did you mean soft_snr"),
        (["--set", "network.sample_rate=16000"], "8000 Hz"),
        (["--set", "sources=[drums, noise]"], "drums"),
        (["--set", "network.time_groups=7"], "time_groups"),
        (["--set", "preset=smal"], "did you mean small"),
        (["--set", "data.valid=gone.jsonl"], "gone.jsonl"),
        (["--set", "data.split=train_smal"], "no rows of split"),
        (["--set", "objective.deep_clustering=1"], "fits: l1_magnitude"),
        (["--set", "interchangeable=true"], "set rest: null"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_step(
    data: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    done = run(command(data, tmp_path / "run", *words))
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_stops_when_validation_no_longer_gains(data: Path, tmp_path: Path) -> None:
    """Without a rate, and without batch norm, nothing changes: the first validation stays the best of three."""
    without_norm = ("--set", "family=tasnet", "--set", "network={sample_rate: 8000}")
    still = (*without_norm, "--set", "optim.lr=1e-30", "--set", "watch.valid_every=1", "--set", "optim.ema=0")
    done = run(command(data, tmp_path / "run", *still, "--set", "watch.patience=2", "--json"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["step"], told["best_step"], told["stale"]) == (3, 1, 2)
    again = run(command(data, tmp_path / "run", *still, "--set", "watch.patience=2", "--resume", "--json"))
    assert json.loads(again.stdout)["step"] == 3, "a run that has stopped stays stopped"


def test_without_patience_a_run_goes_to_its_last_step(whole: Path) -> None:
    lines = list(read_log(whole / "log.jsonl"))
    assert lines[-1]["step"] == 12


def test_resuming_what_was_never_begun_is_refused(data: Path, tmp_path: Path) -> None:
    done = run(command(data, tmp_path / "run", "--resume"))
    assert done.returncode == 2
    assert f"{tmp_path / 'run'} holds no run to go on with; start one" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_killed_before_its_first_save_begins_again(data: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "run.json").write_bytes((whole / "run.json").read_bytes())
    first = (whole / "log.jsonl").read_bytes().splitlines(keepends=True)[0]
    (out / "log.jsonl").write_bytes(first + b'{"step": 2, "sec')
    done = run(command(data, out, "--resume"))
    assert done.returncode == 0, done.stderr
    assert same_weights(out / "weights.safetensors", whole / "weights.safetensors")
    assert [line["step"] for line in read_log(out / "log.jsonl") if "loss" in line] == list(range(1, 13))


def test_resuming_with_other_settings_names_them(data: Path, whole: Path) -> None:
    done = run(command(data, whole, "--resume", "--set", "optim.lr=0.5"))
    assert done.returncode == 2
    assert "optim.lr: 0.01 -> 0.5" in done.stderr


def test_as_many_steps_are_taken_as_fit_into_the_time(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run(command(data, out, "--minutes", "0.1"))
    assert done.returncode == 0, done.stderr
    told = int(done.stderr.split(" steps fit into")[0].splitlines()[-1])
    steps = [line["step"] for line in read_log(out / "log.jsonl") if "loss" in line]
    assert steps[-1] == told > 12
    again = run(command(data, out, "--minutes", "0.1", "--resume"))
    assert again.returncode == 0, again.stderr
    too_short = run(command(data, tmp_path / "short", "--minutes", "0.0001"))
    assert too_short.returncode == 2
    assert "too short" in too_short.stderr


BFLOAT16 = "optim.precision=bfloat16"


@pytest.fixture(scope="module")
def half(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run as `whole`, with the network's products in bfloat16."""
    out = tmp_path_factory.mktemp("half") / "run"
    done = run(command(data, out, "--set", BFLOAT16))
    assert done.returncode == 0, done.stderr
    return out


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_log(out / "log.jsonl") if "loss" in line]


def test_bfloat16_learns_as_float32_does(half: Path, whole: Path) -> None:
    near, exact = losses(half), losses(whole)
    assert near != exact
    assert abs(near[0] - exact[0]) < 0.02  # the same weights and items: what products of 8 bits leave
    np.testing.assert_allclose(near, exact, atol=0.1 * (exact[0] - exact[-1]))


def test_weights_stay_float32_where_products_are_bfloat16(half: Path) -> None:
    for name in ("weights.safetensors", "state.safetensors"):
        kinds = {value.dtype for key, value in load_file(half / name).items() if not key.endswith("batches_tracked")}
        assert kinds - {np.dtype(np.uint8)} == {np.dtype(np.float32)}  # the state of the random numbers is bytes


def test_a_bfloat16_run_goes_on_bit_for_bit(data: Path, half: Path, tmp_path: Path) -> None:
    """From the state before the last, as after a kill."""
    out = shutil.copytree(half, tmp_path / "run")
    (out / "state.previous.safetensors").replace(out / "state.safetensors")
    resumed = run(command(data, out, "--set", BFLOAT16, "--resume", "--json"))
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(out / "state.safetensors", half / "state.safetensors")
    assert losses(out) == losses(half)


def test_runs_of_both_precisions_fit_into_one_process(data: Path, tmp_path: Path) -> None:
    found = []
    for number, precision in enumerate(("float32", "bfloat16", "float32")):
        overrides = [f"optim.precision={precision}", "optim.steps=2", "data.workers=0"]
        settings = read_recipe(data / "tiny.yaml", overrides)
        training = assemble(settings, data=data / "all.jsonl", out=tmp_path / str(number))
        training.folder.create(settings, training.data_record)
        train(training, resume=False)
        found.append(losses(tmp_path / str(number)))
    assert found[0] == found[2] != found[1]
