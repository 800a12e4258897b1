"""`soli models`, `doctor`, `selftest`, and what all commands share."""

import hashlib
import re
import shlex
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from cli_call import inside, process

import models
from soli.cli.extras import extra_of, extras
from soli.cli.main import COMMANDS
from soli.errors import install_line
from soli.separation import zoo
from soli.separation.checkup import PACKAGES

ROOT = Path(__file__).parents[2]
needs_voice = pytest.mark.skipif("voice" not in zoo.names(), reason="the shipped model voice is not there yet")


def test_models_tells_all_that_the_file_says(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "models", model, "--json")
    assert (result.code, result.err) == (0, "")
    (described,) = result.json["models"]
    assert described["size"] == model.stat().st_size
    assert described["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert described["stems"] == ["voice", "noise"]
    assert described["sample_rate"] == models.RATE
    assert described["licence"] == {"weights": "Apache-2.0", "data": "none"}
    assert {"parameters", "macs_per_s", "scores", "recipe", "family", "manifest_sha256"} <= set(described)
    shown = inside(capsys, "models", model).out
    for part in (described["sha256"], "16000 Hz", "Apache-2.0", "noise takes what the others leave"):
        assert part in shown


def test_scores_of_a_model_are_shown_by_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = models.save(here, models.half_model(scores={"si_sdr": {"voice": {"mean_db": 12.5}}}))
    shown = inside(capsys, "models", path).out
    assert re.search(r"si_sdr\.voice\.mean_db +12\.5", shown)


def test_the_list_of_models_is_that_of_the_zoo(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "models", "--json")
    assert result.code == 0
    assert tuple(each["name"] for each in result.json["models"]) == zoo.names()
    assert inside(capsys, "models").code == 0


def test_an_unknown_model_is_a_wrong_call(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "models", "voixe")
    assert (result.code, len(result.errors)) == (2, 1)
    assert "voixe" in result.err


def test_doctor_tries_every_part(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "doctor", "--model", model, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["ok"] is True
    checks = {(each["group"], each["name"]): each for each in result.json["checks"]}
    assert all(each["ok"] for each in checks.values())
    for name in ("python", "soli", "numpy", "onnxruntime", "soundfile", "av", "soxr"):
        assert ("package", name) in checks
    assert checks["package", "numpy"]["found"] == version("numpy")
    assert {name for group, name in checks if group == "codec"} == {"wav", "flac", "ogg", "opus", "mp3", "m4a"}
    assert "CPUExecutionProvider" in checks["device", "providers"]["found"]
    assert "1 s of sound" in checks["device", "cpu"]["found"]
    parts = {each["extra"]: each for each in result.json["extras"]}
    assert parts["train"]["packages"]["torch"] is not None or parts["train"]["add"] == install_line("train")
    assert list(here.iterdir()) == []


def test_doctor_tries_every_dependency() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {line.partition(">")[0] for line in required} == {distribution for distribution, *_ in PACKAGES}


def test_doctor_names_what_is_broken_and_the_line_that_mends_it(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "bad.soli.onnx").write_bytes(model.read_bytes()[:-100])
    monkeypatch.setitem(sys.modules, "yaml", None)  # what an import of it then raises is a real ImportError
    result = inside(capsys, "doctor", "--model", "bad.soli.onnx")
    assert result.code == 1
    assert len(result.errors) == 2
    assert result.errors == result.err.splitlines()
    assert "PyYAML is broken" in result.errors[0]
    assert 'to mend it: pip install --force-reinstall "PyYAML"' in result.errors[0]
    assert result.errors[1].startswith("soli: error: bad.soli.onnx is broken: ")
    assert "onnxruntime" not in result.errors[1]
    assert "BROKEN" in result.out
    assert inside(capsys, "doctor", "--model", "bad.soli.onnx", "--json").json["ok"] is False


def test_doctor_blames_an_edited_model_file_and_tries_the_rest_with_the_shipped_one(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = model.read_bytes().replace(b'"sources":["voice","noise"]', b'"sources":["noise","voice"]')
    (here / "mine.soli.onnx").write_bytes(edited)
    result = inside(capsys, "doctor", "--model", "mine.soli.onnx")
    assert result.code == 1
    (error,) = result.errors
    assert "mine.soli.onnx is broken: edited or damaged" in error
    assert "to mend it: fetch or export the file again" in error
    assert "taken apart by voice" in result.out


def test_doctor_of_an_unknown_model_is_a_wrong_call(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "doctor", "--model", "voixe")
    assert (result.code, len(result.errors)) == (2, 1)
    assert "did you mean voice" in result.err


def test_selftest_passes_on_a_good_model_and_fails_on_a_bad_one(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = inside(capsys, "selftest", "--model", model, "--json")
    assert (good.code, good.err) == (0, "")
    assert good.json["ok"] is True
    assert all(check["passed"] for check in good.json["checks"])
    assert {"silence", "null test", "determinism"} <= {check["name"] for check in good.json["checks"]}
    # A memory of seconds that the file does not tell: chunks get too little context.
    bad = models.save(here, models.recurrent_model(forget=2, past_s=0.0, future_s=0.0, chunk_s=0.2), "forgetful")
    result = inside(capsys, "selftest", "--model", bad)
    assert result.code == 1
    assert "FAILED" in result.out
    assert "chunked against whole" in result.out


@needs_voice
def test_selftest_passes_on_the_shipped_model(here: Path) -> None:
    result = process("selftest", "--json")
    assert result.code == 0, result.out


def test_version_help_and_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inside(capsys, "--version").out == f"soli {version('soli')}\n"
    helped = inside(capsys, "--help")
    assert helped.code == 0
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", helped.out, re.MULTILINE), name
    assert inside(capsys).out == helped.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_the_example_of_the_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, name, "--help")
    assert (result.code, result.err) == (0, "")
    assert f"Example: {COMMANDS[name].example}" in " ".join(result.out.split())
    if name != "data":  # its commands have their own
        assert "--json" in result.out


@needs_voice
@pytest.mark.parametrize("name", ["separate", "models", "doctor", "selftest"])
def test_the_examples_of_help_run(here: Path, name: str) -> None:
    if not (ROOT / "examples").is_dir():
        pytest.skip("the examples are not part of this tree")
    (here / "examples").symlink_to(ROOT / "examples")
    _, *call = shlex.split(COMMANDS[name].example)
    result = process(*call)
    assert (result.code, result.err) == (0, "")


def test_the_light_half_imports_neither_torch_nor_plots_nor_scipy_signal(here: Path, model: Path) -> None:
    """What is not imported cannot be slow: the start-up is what the ten-second file waits for."""
    from cli_sounds import write_good

    write_good(here / "x.wav")
    result = process("separate", "x.wav", "-m", model, "--json", python=("-X", "importtime"))
    assert result.code == 0
    imported = {line.rpartition("|")[2].strip() for line in result.err.splitlines() if line.startswith("import time:")}
    assert "soli.separation.batch" in imported
    heavy = {"torch", "onnx", "matplotlib", "scipy.signal", "av", "rich", "soli.cli.models", "soli.cli.train"}
    assert imported & heavy == set()


def test_extras_are_those_that_the_package_declares() -> None:
    assert "torch" in extras()["train"]
    assert extra_of("torch") == "train"
    assert extra_of("matplotlib") == "report"
    assert extra_of("numpy") is None
    assert not {"all", "dev"} & set(extras())
