"""The models that come with soli, and the way from a name or a path to a model that runs."""

import os
import threading
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from soli.errors import UsageError, near
from soli.modelfile import SUFFIX
from soli.separation.model import Model, open_model

# Two threads that ask for one model at the same time are to share it, not to load it twice.
_LOADING = threading.Lock()


def names() -> tuple[str, ...]:
    """The names of the shipped models."""
    folder = _folder()
    if not folder.is_dir():
        return ()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in folder.iterdir() if file.name.endswith(SUFFIX)))


def path(model: str | os.PathLike[str]) -> Path:
    """The file of a shipped model's name, or the path itself where one is given (it has a slash or ends in .onnx).

    Raises:
        UsageError: no shipped model has this name.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise UsageError(f"model={model!r}", wanted=f"a shipped model's name or a path to a *{SUFFIX} file")
    text = os.fspath(model)
    if isinstance(model, os.PathLike) or os.sep in text or text.endswith(".onnx"):
        return Path(text)
    if text not in names():
        raise UsageError(
            f"unknown model {text!r}",
            wanted=f"a shipped model's name or a path to a *{SUFFIX} file",
            do=near(text, names()),
        )
    return _folder() / f"{text}{SUFFIX}"


def load(model: str | os.PathLike[str], *, threads: int | None = None, device: str = "auto") -> Model:
    """A shipped model by its name, or any model file by its path, ready to run and kept for the next call.

    Args:
        model: "voice", or a path like "runs/mine.soli.onnx".
        threads: processor threads a call may use; without it all cores that this process has.
        device: "cpu", "cuda", or "auto": a GPU where onnxruntime has the code for one, else the CPU.

    Raises:
        UsageError: no such model, or the device asked for is not there.
        ModelFileError: the file is missing, damaged, edited or of a newer format.
    """
    file = path(model)
    with _LOADING:
        return _load(file, _version(file), threads, device)


def _folder() -> Path:
    return Path(str(files("soli"))) / "zoo"


def _version(file: Path) -> tuple[int, int]:
    """Changes when the file does, so that a model that was exported again is loaded again."""
    if not file.exists():
        return (0, 0)  # reading it says what is wrong
    status = file.stat()
    return (status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _load(file: Path, version: tuple[int, int], threads: int | None, device: str) -> Model:
    return open_model(file, threads=threads, device=device)
