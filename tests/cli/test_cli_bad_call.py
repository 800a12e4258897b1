"""Whatever is wrong with the call, the model or the installation: one clear line before any work, and its exit code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_call import assert_one_line, inside
from cli_sounds import write_good

import models
from soli.modelfile import FORMAT_VERSION, write_metadata


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--stems", "voice,drums"), ("'drums'", "voice", "noise")),
        (("--stems", "voise"), ("did you mean voice",)),
        (("--stems", ","), ("--stems",)),
        (("--out", ""), ("--out is empty", "a folder")),
        (("--format", "wave"), ("wave", "did you mean wav")),
        (("--subtype", "pcm8"), ("pcm8", "pcm16")),
        (("--format", "flac", "--subtype", "float32"), ("float32", "pcm24")),
        (("--format", "mp3", "--subtype", "pcm16"), ("pcm16", "mp3")),
        (("--device", "tpu"), ("tpu", "cpu")),
        (("--chunk-s", "0"), ("chunks of 0 s", "positive")),
        (("--chunk-s", "nan"), ("nan",)),
        (("--chunk-s", "x"), ("--chunk-s",)),
        (("--batch", "0"), ("--batch",)),
        (("--threads", "0"), ("--threads",)),
        (("--modle", "voice"), ("--modle", "--model")),
    ],
)
def test_a_wrong_call_is_told_before_any_work(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    write_good(here / "good.wav")
    result = inside(capsys, "separate", "good.wav", "-m", model, *words)
    assert_one_line(result, 2, *parts)
    assert not (here / "separated").exists()


def test_a_device_that_is_not_there_is_an_error_not_a_fallback(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from soli.separation.runtime import available_devices

    if "cuda" in available_devices():
        pytest.skip("this machine has the device")
    write_good(here / "good.wav")
    assert_one_line(inside(capsys, "separate", "good.wav", "-m", model, "--device", "cuda"), 2, "cuda")


def test_no_input_no_command_and_no_such_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line(inside(capsys, "separate"), 2, "INPUT...'; see: soli separate --help")
    assert_one_line(inside(capsys, "seperate", "x.wav"), 2, "did you mean separate")
    assert_one_line(inside(capsys, "--no-such-option"), 2, "--no-such-option")


def test_an_unknown_model_gives_near_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from soli.separation import zoo

    write_good(here / "good.wav")
    result = inside(capsys, "separate", "good.wav", "--model", "voixe")
    assert_one_line(result, 2, "'voixe'", *(["did you mean voice"] if "voice" in zoo.names() else []))


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _edited(data: bytes) -> bytes:
    return data.replace(b'"sources":["voice","noise"]', b'"sources":["noise","voice"]')


def _edited_weights(data: bytes) -> bytes:
    place = data.index(np.float32(1).tobytes() * 8)
    return data[:place] + np.float32(2).tobytes() + data[place + 4 :]


def _of_the_future(data: bytes) -> bytes:
    future = models.model_info().model_copy(update={"format_version": FORMAT_VERSION + 1})
    return write_metadata(data, future)


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (_truncated, "truncated"),
        (_edited, ""),
        (_edited_weights, ""),
        (_of_the_future, "newer soli"),
        (lambda data: b"", "empty"),
        (lambda data: b"this is no model\n" * 50, ""),
    ],
    ids=["truncated", "edited", "edited weights", "future format", "empty", "text"],
)
def test_a_model_file_that_cannot_be_trusted(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes], part: str
) -> None:
    write_good(here / "good.wav")
    data = model.read_bytes()
    (here / "bad.soli.onnx").write_bytes(damage(data))
    assert (here / "bad.soli.onnx").read_bytes() != data
    result = inside(capsys, "separate", "good.wav", "--model", "bad.soli.onnx")
    assert_one_line(result, 1, "bad.soli.onnx", part)
    assert not (here / "separated").exists()


def test_a_model_file_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line(inside(capsys, "separate", "x.wav", "--model", "gone.soli.onnx"), 1, "gone.soli.onnx")


def test_a_bug_is_one_line_for_users_and_a_traceback_for_those_who_ask(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import soli.cli.models

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr(soli.cli.models.zoo, "names", broken)
    assert_one_line(inside(capsys, "models"), 70, "ZeroDivisionError", "bug in soli", "SOLI_TRACEBACK=1")
    monkeypatch.setenv("SOLI_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        inside(capsys, "models")


def test_a_missing_extra_names_the_line_that_adds_it(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import soli.cli.models

    def needs(package: str) -> Callable[..., None]:
        def call(*_: object) -> None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

        return call

    monkeypatch.setattr(soli.cli.models.zoo, "names", needs("torch.nn"))
    assert_one_line(
        inside(capsys, "models"), 2, "torch is not installed", 'pip install --constraint constraints.txt ".[train]"'
    )
    monkeypatch.setattr(soli.cli.models.zoo, "names", needs("numpy"))
    assert_one_line(inside(capsys, "models"), 2, "numpy is not installed", "pip install --constraint constraints.txt .")


@pytest.mark.parametrize("words", [[""], ["--threads", "100000", "a.wav"]])
def test_calls_that_cannot_be_meant(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    result = inside(capsys, "separate", *words, "-m", model)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
