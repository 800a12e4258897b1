"""Whether this installation works: every part is tried, not looked up."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from soli.dsp.levels import difference_db
from soli.errors import ModelFileError, SoliError, UsageError, install_line
from soli.types import Array
from soli.version import __version__

RATE = 16_000
SHIPPED = "voice"
WANTED_PYTHON = (3, 11)
NULL_DB = -100.0
LOSSY_DB = -6.0  # a coder that changed more than a quarter of the energy of a tone gave us something else

# Distribution, module, and the attribute that tells the version of the C library inside.
PACKAGES = (
    ("numpy", "numpy", ""),
    ("scipy", "scipy", ""),
    ("onnxruntime", "onnxruntime", ""),
    ("loky", "loky", ""),
    ("soundfile", "soundfile", "__libsndfile_version__"),
    ("soxr", "soxr", "__libsoxr_version__"),
    ("av", "av", "ffmpeg_version_info"),
    ("pydantic", "pydantic", ""),
    ("PyYAML", "yaml", ""),
    ("typer", "typer", ""),
    ("rich", "rich", ""),
)

_ORT_MEND = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
_CUDA_MEND = 'pip uninstall -y onnxruntime onnxruntime-gpu && pip install "onnxruntime-gpu[cuda,cudnn]"'

# What parts of soli and the libraries below them raise where an installation is broken.
_BROKEN = (SoliError, ImportError, OSError, RuntimeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Check:
    """One thing that was tried: what it is, what was found, and the line that mends it where it is broken."""

    group: str
    name: str
    ok: bool
    found: str
    mend: str = ""


def check_all(model: str = SHIPPED) -> Iterator[Check]:
    """Everything that separating needs, one check after another."""
    yield _python()
    yield Check("package", "soli", True, __version__)
    for distribution, module, inner in PACKAGES:
        yield _tried("package", distribution, partial(_package, distribution, module, inner), _again(distribution))
    yield from _codecs()
    models = {name: _model(name) for name in (model, SHIPPED)}
    yield models[model]
    if not models[model].ok and model != SHIPPED:
        yield models[SHIPPED]
    yield from _devices(next((name for name, read in models.items() if read.ok), None))


def _tried(group: str, name: str, attempt: Callable[[], str], mend: str) -> Check:
    try:
        return Check(group, name, True, attempt())
    except ModelFileError as error:
        return Check(group, name, False, error.found, error.do or mend)
    except _BROKEN as error:
        return Check(group, name, False, f"{type(error).__name__}: {error}", mend)


def _again(distribution: str) -> str:
    return f'pip install --force-reinstall "{distribution}"'


def _python() -> Check:
    found = f"{sys.version.split()[0]}, {sys.platform}"
    wanted = ".".join(map(str, WANTED_PYTHON))
    ok = sys.version_info >= WANTED_PYTHON
    return Check("package", "python", ok, found, "" if ok else f"install Python {wanted} or newer, and soli with it")


def _package(distribution: str, module: str, inner: str) -> str:
    loaded = import_module(module)
    try:
        found = version(distribution)
    except PackageNotFoundError:
        # onnxruntime is one module in several distributions (-gpu and others).
        found = str(loaded.__version__)
    return f"{found}, with {getattr(loaded, inner)}" if inner and hasattr(loaded, inner) else found


def _codecs() -> Iterator[Check]:
    from soli.media.formats import FORMATS

    with TemporaryDirectory(prefix="soli-doctor-") as folder:
        for name, form in FORMATS.items():
            path = Path(folder) / f"tone{form.suffix}"
            package = "av" if name == "m4a" else "soundfile"
            yield _tried("codec", name, partial(_round_trip, path, name, lossless=form.lossless), _again(package))


def _round_trip(path: Path, name: str, *, lossless: bool) -> str:
    from soli.media.audio import read_audio, write_audio

    tone = _tone()
    write_audio(path, tone, sample_rate=RATE, format=name)
    back = read_audio(path).samples
    if back.shape != tone.shape:
        raise RuntimeError(f"{tone.shape[-1]} samples were written, {back.shape[-1]} read")
    error_db = difference_db(tone, back)
    if error_db > (NULL_DB if lossless else LOSSY_DB):
        raise RuntimeError(f"what was read differs from what was written by {error_db:.0f} dB")
    return "written and read, " + ("the same" if lossless else f"{-error_db:.0f} dB above its coding noise")


def _tone() -> Array:
    """One second of 440 Hz at -12 dBFS, (1, T)."""
    tone: Array = (0.25 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE)))[None].astype(np.float32)
    return tone


def _model(model: str) -> Check:
    """The file of a model by itself: what runs it does not get the blame. Raises UsageError for a wrong name."""
    from soli.modelfile import read_model
    from soli.separation import zoo

    name = Path(model).name
    try:
        info, data = read_model(zoo.path(model))
    except SoliError as error:
        if isinstance(error, UsageError) and model != SHIPPED:
            raise
        found = error.found.removeprefix(f"{name}: ") + (f", wanted {error.wanted}" if error.wanted else "")
        return Check("model", name, False, found, install_line() if model == SHIPPED else error.do)
    return Check("model", name, True, f"{', '.join(info.stems)}; {len(data) / 1e6:.2f} MB, whole and unchanged")


def _devices(model: str | None) -> Iterator[Check]:
    runtime = _tried("device", "providers", _providers, _ORT_MEND)
    yield runtime
    if not runtime.ok:
        return
    from soli.separation.runtime import available_devices, available_threads

    yield Check("device", "threads", True, str(available_threads()))
    for device in available_devices() if model is not None else ():
        mend = install_line() if device == "cpu" else _CUDA_MEND
        yield _tried("device", device, partial(_separation, str(model), device), mend)
    if "cuda" not in available_devices() and Path("/dev/nvidia0").exists():
        yield Check("device", "cuda", True, f"a GPU is here and not used; to use it run: {_CUDA_MEND}")


def _providers() -> str:
    import onnxruntime

    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)]
    if len(installed) > 1:
        # Both write into one folder; what is left there is a mixture of the two.
        raise RuntimeError("onnxruntime and onnxruntime-gpu are both installed, and overwrite one another")
    return ", ".join(onnxruntime.get_available_providers())


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _separation(model: str, device: str) -> str:
    from soli.separation.stream import StreamSeparator
    from soli.separation.zoo import load

    loaded = load(model, device=device)
    rng = np.random.default_rng(0)
    mixture = _tone() + rng.normal(0, 0.05, (1, RATE)).astype(np.float32)
    started = time.perf_counter()
    stems = np.concatenate(list(StreamSeparator(loaded.residual, sample_rate=RATE).stream([mixture])), axis=-1)
    elapsed_s = time.perf_counter() - started
    null_db = difference_db(mixture, stems.sum(axis=0))
    if not null_db <= NULL_DB:
        raise RuntimeError(f"the stems of a test sound do not sum to it: {null_db:.0f} dB")
    return f"1 s of sound taken apart by {loaded.info.name} in {elapsed_s:.2f} s, null test {null_db:.0f} dB"
