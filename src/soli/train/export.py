"""From a run folder to one model file: the best weights as an ONNX graph, with all that use needs in its metadata."""

import io
import json
import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from soli.atomic import write_atomically
from soli.errors import InputError
from soli.modelfile import DetectionInfo, Licence, ModelInfo, write_metadata
from soli.train.compact import round_weights, store_in_halves, store_sparsely
from soli.train.families import family
from soli.train.network import build, example, network_settings
from soli.train.run import RunFolder, RunSettings
from soli.train.work import macs, parameter_count
from soli.version import __version__

# The oldest operator set that has all we use; onnxruntime reads it for years to come.
_OPSET = 17
# What a graph takes and gives by the network's kind, and which axis of each output is its length, if any is.
_PORTS: dict[str, tuple[str, dict[str, int | None]]] = {
    "mask": ("spectrum", {"masks": 4}),
    "cluster": ("spectrum", {"embedding": 3}),
    "waveform": ("waveform", {"estimates": 2}),
    "events": ("spectrum", {"masks": 3, "tags": None}),
}


def export(run: Path, out: Path, *, scores: dict[str, Any] | None = None) -> ModelInfo:
    """Writes the best weights of a run as a model file.

    Args:
        run: the run folder.
        out: the model file to write, by convention NAME.soli.onnx.
        scores: what an evaluation measured, for the model's card.

    Raises:
        InputError: the folder holds no run, or no validated weights yet.
    """
    folder = RunFolder(run)
    settings, data = folder.read()
    if not folder.weights.is_file():
        raise InputError(
            f"{run} holds no weights yet", wanted="a run that has validated once", do="train on with --resume"
        )
    network = build(settings)
    try:
        network.load_state_dict(load_file(folder.weights))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder.weights} does not fit the run: {reason}", do="train on with --resume") from error
    network.eval()
    if settings.export.storage == "float16":
        round_weights(network)
    info = describe(settings, network, data=data, scores=scores or {})
    graph = store_sparsely(to_onnx(network, example(settings, seconds=0.5), kind=info.kind))
    if settings.export.storage == "float16":
        graph = store_in_halves(graph)
    write_atomically(out, write_metadata(graph, info))
    return info


def to_onnx(network: nn.Module, inputs: Tensor, *, kind: str) -> bytes:
    """The network as ONNX bytes, free in batch and length.

    torch's newer exporter bakes the traced length into a graph with an LSTM (torch 2.13); the older one does not.
    """
    takes, gives = _PORTS[kind]
    axes = {takes: {0: "batch", inputs.ndim - 1: "length"}}
    for output, length in gives.items():
        axes[output] = {0: "batch"} if length is None else {0: "batch", length: "length"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # It announces its retirement, warns of every size that an LSTM compares with its own, and cannot know that the
        # state of an LSTM is made anew for every batch. The contract tests check what it worries about.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size other than 1")
        torch.onnx.export(
            network,
            (inputs,),
            buffer,
            input_names=[takes],
            output_names=list(gives),
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def describe(settings: RunSettings, network: nn.Module, *, data: dict[str, Any], scores: dict[str, Any]) -> ModelInfo:
    """The metadata of a model file."""
    values: Any = network_settings(settings)
    kind = family(settings.family).used_as
    stft = values.stft if family(settings.family).sees_spectra else None
    mask: Literal["real", "complex"] | None = getattr(values, "mask", "real") if kind == "mask" else None
    complete = is_complete(settings)
    memory = _memory(settings, values)
    # Attention costs the more, the longer what it is given at once.
    at_once_s = memory["window_s"] or 10.0
    return ModelInfo(
        format_version=3 if kind == "events" else 2 if complete else 1,
        name=settings.name,
        family=settings.family,
        kind=kind,
        sample_rate=values.sample_rate,
        sources=settings.sources,
        rest=settings.rest,
        complete=complete,
        stft=stft,
        mask=mask,
        chunk_s=settings.export.chunk_s,
        **memory,
        interchangeable=settings.interchangeable,
        detection=_detection(network, values) if kind == "events" else None,
        anchors=_anchors(network) if kind == "cluster" and not settings.interchangeable else None,
        parameters=parameter_count(network),
        macs_per_s=round(macs(network, example(settings, seconds=at_once_s)) / at_once_s),
        licence=Licence(weights=settings.export.weights_licence, data=settings.export.data_licence),
        data=data.get("packages", []),
        manifest_sha256=data.get("sha256", ""),
        scores=scores,
        settings=json.loads(values.model_dump_json()),
        soli=__version__,
    )


def is_complete(settings: RunSettings) -> bool:
    """Whether the estimates sum to the mixture by the way they are made, so that they need no stem more."""
    several = settings.rest is None and settings.outputs > 1
    return several and (settings.consistent or family(settings.family).shares_all)


def _memory(settings: RunSettings, values: Any) -> dict[str, Any]:
    """How a recording is cut for the network: with all that it looks at around each chunk, or else into windows."""
    reach = family(settings.family).reach
    if reach is None:
        return settings.export.model_dump(include={"past_s", "future_s", "window_s", "overlap_s"})
    memory = reach(values)
    rate = values.sample_rate
    return {"hop": memory.hop, "past_s": memory.past / rate, "future_s": memory.future / rate, "window_s": None}


def _detection(network: nn.Module, values: Any) -> DetectionInfo:
    """The bands of a network of sound events, and the thresholds of its tags."""
    thresholds: list[float] = network.get_buffer("thresholds").tolist()
    return DetectionInfo(mel=values.front_end.mel, tag=tuple(round(value, 4) for value in thresholds))


def _anchors(network: nn.Module) -> tuple[tuple[float, ...], ...]:
    """Where the named sources of a cluster network lie in its embedding, (S, D)."""
    rows: list[list[float]] = network.get_buffer("anchors").tolist()
    return tuple(tuple(row) for row in rows)
