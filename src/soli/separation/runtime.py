"""One network in onnxruntime: which device runs it, on how many threads, and errors that can be understood."""

import os

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from soli.errors import ModelFileError, UsageError
from soli.types import Array

MOST_THREADS = 1024  # onnxruntime starts as many as it is told, and a machine dies of a hundred thousand
DEVICES = ("auto", "cpu", "cuda")
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ORT_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class Session:
    """A network of one input and one or several outputs, ready to run from several threads at once.

    Raises:
        UsageError: the device asked for is not there, or the number of threads is no positive number.
        ModelFileError: onnxruntime cannot read the network, or it has another input than `input`, or lacks one of
            `outputs`.
    """

    def __init__(
        self,
        model: bytes,
        *,
        name: str,
        input: str,
        outputs: tuple[str, ...],
        threads: int | None = None,
        device: str = "auto",
    ) -> None:
        self.name, self._input, self._outputs = name, input, outputs
        wanted = _resolve(device)
        options = _options(threads)
        try:
            # The bytes that were checked are run, never the path: the file may have changed, or point elsewhere.
            self._session = ort.InferenceSession(model, options, providers=_provider_settings(wanted))
        except _ORT_ERRORS as error:
            reason = str(error).splitlines()[0]
            raise ModelFileError(f"{name}: onnxruntime cannot load it: {reason}", do="export it again") from error
        self.device = self._started(wanted, asked=device)
        self._check_names()

    def run(self, array: Array) -> list[Array]:
        """The network's outputs for one input, all float32. Raises ModelFileError when it fails on this input."""
        try:
            results: list[Array] = self._session.run(self._outputs, {self._input: np.ascontiguousarray(array)})
        except _ORT_ERRORS as error:
            reason = str(error).splitlines()[0]
            raise ModelFileError(f"{self.name}: its network failed on {array.shape}: {reason}") from error
        for result in results:
            if result.dtype != np.float32:
                found = f"{self.name}: its output is {result.dtype}"
                raise ModelFileError(found, wanted="float32", do="export it again")
        return results

    def _started(self, wanted: str, *, asked: str) -> str:
        """The device that is in use: onnxruntime takes the CPU without a word when another does not start."""
        if self._session.get_providers()[0] == _PROVIDERS[wanted]:
            return wanted
        if asked != "auto":
            raise UsageError(
                f"the device {wanted} is installed but does not start",
                wanted="a working driver and CUDA libraries that fit this onnxruntime",
                do='look at: soli doctor; or take "cpu" or "auto"',
            )
        return "cpu"

    def _check_names(self) -> None:
        inputs = [port.name for port in self._session.get_inputs()]
        outputs = [port.name for port in self._session.get_outputs()]
        if inputs != [self._input] or not set(self._outputs) <= set(outputs):
            raise ModelFileError(
                f"{self.name}: a network from {inputs} to {outputs}",
                wanted=f"from {self._input!r} to {' and '.join(map(repr, self._outputs))}",
                do="export it again",
            )


def available_devices() -> tuple[str, ...]:
    """The devices that the installed onnxruntime has code for; "cuda" may still lack a driver."""
    installed = ort.get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in installed)


def available_threads() -> int:
    """Processor cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _resolve(device: str) -> str:
    if device not in DEVICES:
        raise UsageError(f"unknown device {device!r}", wanted=f"one of {', '.join(DEVICES)}")
    there = available_devices()
    if device == "auto":
        return "cuda" if "cuda" in there else "cpu"
    if device not in there:
        raise UsageError(
            f"the device {device} was asked for, and the installed onnxruntime runs only on {', '.join(there)}",
            wanted="a build of onnxruntime for that device",
            do='run: pip install onnxruntime-gpu; or take "cpu" or "auto"',
        )
    return device


def _options(threads: int | None) -> ort.SessionOptions:
    if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MOST_THREADS):
        raise UsageError(f"{threads!r} threads", wanted=f"a whole number from 1 to {MOST_THREADS}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or available_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # failures reach the user as exceptions, once
    # Threads that spin while they wait take a core each from whatever else runs, the resampler to begin with.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Fading reverberation ends in denormal numbers, on which recurrent layers are many times slower.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    # Chunks come in three lengths (first, middle, last): with an arena and memory patterns each length keeps its own.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return options


def _provider_settings(device: str) -> list[str | tuple[str, dict[str, str]]]:
    if device == "cpu":
        return [_PROVIDERS["cpu"]]
    # Without these two, results would change from run to run and keep 10 bits of mantissa.
    return [(_PROVIDERS["cuda"], {"cudnn_conv_algo_search": "DEFAULT", "use_tf32": "0"}), _PROVIDERS["cpu"]]
