"""Tiny model files with real ONNX graphs in them, whose separation is known beforehand.

Used by every test that runs a model: no test needs the shipped one, and none replaces onnxruntime by something else.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from soli.dsp.mel import mel_matrix
from soli.modelfile import DetectionInfo, Licence, ModelInfo, write_metadata
from soli.types import MelSettings, StftSettings

STFT = StftSettings(n_fft=512, hop=256)
RATE = 16000


def model_info(**changes: Any) -> ModelInfo:
    """Metadata of a mask network with sources voice and noise, the noise being the rest."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "family": "test",
        "kind": "mask",
        "sample_rate": RATE,
        "sources": ("voice", "noise"),
        "rest": "noise",
        "stft": STFT,
        "mask": "real",
        "chunk_s": 2.0,
        "past_s": 0.0,
        "future_s": 0.0,
        "parameters": 0,
        "macs_per_s": 0.0,
        "licence": Licence(weights="Apache-2.0", data="none"),
        "soli": "0.1.0",
    }
    return ModelInfo(**{**fields, **changes})


def gain_model(gains: ArrayLike, **changes: Any) -> bytes:
    """A mask network that gives source s the constant mask gains[s, f]: (S, F), (S, 1) or complex of these shapes."""
    table = np.atleast_2d(np.asarray(gains))
    planes = [table.real, table.imag] if np.iscomplexobj(table) else [table]
    mask = np.stack(planes, axis=1)[None, ..., None].astype(np.float32)  # (1, S, M, F, 1)
    nodes = [
        helper.make_node("Mul", ["spectrum", "zero"], ["silence"]),
        helper.make_node("ReduceSum", ["silence", "axis"], ["flat"], keepdims=1),  # (B, 1, F, N)
        helper.make_node("Unsqueeze", ["flat", "axis"], ["lifted"]),  # (B, 1, 1, F, N)
        helper.make_node("Add", ["lifted", "mask"], ["masks"]),
    ]
    constants = {"zero": np.float32(0), "axis": np.array([1]), "mask": mask}
    mode = "complex" if len(planes) == 2 else "real"
    return _mask_model(nodes, constants, model_info(**{"mask": mode, **changes}))


def identity_model(**changes: Any) -> bytes:
    """All of the mixture is voice, nothing is noise."""
    return gain_model([[1.0]], **changes)


def half_model(**changes: Any) -> bytes:
    """Half of the mixture is voice, half is noise."""
    return gain_model([[0.5]], **changes)


def low_pass_model(cut_hz: float, **changes: Any) -> bytes:
    """What lies below a frequency is voice, what lies above is noise."""
    info = model_info(**changes)
    assert info.stft is not None
    frequencies = np.arange(info.stft.bins) * info.sample_rate / info.stft.n_fft
    return gain_model([(frequencies < cut_hz).astype(np.float32)], **changes)


def complete_model(**changes: Any) -> bytes:
    """A quarter of the mixture is voice, three quarters are music, and they are all there is."""
    changes = {"sources": ("voice", "music"), "rest": None, "complete": True, "format_version": 2, **changes}
    return gain_model([[0.25], [0.75]], **changes)


def recurrent_model(seed: int = 0, hidden: int = 8, forget: float = -4, **changes: Any) -> bytes:
    """A bidirectional LSTM over the spectrum's energies with random weights: estimates depend on sound around them.

    `forget` is the bias of the forget gates: below -3 the memory is some 0.1 s, from 1 on it is seconds.
    """
    info = model_info(**{"past_s": 0.7, "future_s": 0.7, **changes})
    assert info.stft is not None
    bins, rng = info.stft.bins, np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    bias = np.zeros((2, 8 * hidden), np.float32)
    bias[:, 2 * hidden : 3 * hidden] = forget
    nodes = [
        helper.make_node("Mul", ["spectrum", "spectrum"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "plane"], ["power"], keepdims=0),  # (B, F, N)
        helper.make_node("Transpose", ["power"], ["by_frame"], perm=[2, 0, 1]),  # (N, B, F)
        helper.make_node("Add", ["by_frame", "floor"], ["floored"]),
        helper.make_node("Log", ["floored"], ["level"]),
        helper.make_node(
            "LSTM", ["level", "W", "R", "bias"], ["states"], hidden_size=hidden, direction="bidirectional"
        ),
        helper.make_node("Transpose", ["states"], ["stacked"], perm=[2, 0, 1, 3]),  # (B, N, 2, H)
        helper.make_node("Reshape", ["stacked", "joined_shape"], ["joined"]),  # (B, N, 2 H)
        helper.make_node("MatMul", ["joined", "out"], ["logits"]),  # (B, N, F)
        helper.make_node("Sigmoid", ["logits"], ["by_bin"]),
        helper.make_node("Transpose", ["by_bin"], ["mask"], perm=[0, 2, 1]),
        helper.make_node("Unsqueeze", ["mask", "lift"], ["masks"]),  # (B, 1, 1, F, N)
    ]
    constants = {
        "plane": np.array([1]),
        "floor": np.float32(1e-6),
        "W": weights(2, 4 * hidden, bins) / 4,
        "R": weights(2, 4 * hidden, hidden) / 2,
        "bias": bias,
        "joined_shape": np.array([0, 0, 2 * hidden]),
        "out": 4 * weights(2 * hidden, bins),
        "lift": np.array([1, 2]),
    }
    return _mask_model(nodes, constants, info)


def waveform_model(gains: Sequence[float] = (0.25,), offset: float = 0.0, **changes: Any) -> bytes:
    """Source s is gains[s] times the mixture plus a constant, computed from the waveform."""
    info = model_info(**{"kind": "waveform", "stft": None, "mask": None, **changes})
    constants = {"gains": np.asarray(gains, np.float32)[None, :, None], "offset": np.float32(offset)}
    nodes = [
        helper.make_node("Mul", ["waveform", "gains"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["estimates"]),
    ]
    return _sealed(nodes, constants, ("waveform", ["B", 1, "T"]), ("estimates", ["B", len(gains), "T"]), info)


def crowded_model(**changes: Any) -> bytes:
    """A network that breaks the contract: each item's estimate holds some of the other items of its batch."""
    info = model_info(**{"kind": "waveform", "stft": None, "mask": None, **changes})
    nodes = [
        helper.make_node("ReduceMean", ["waveform"], ["common"], axes=[0], keepdims=1),
        helper.make_node("Mul", ["common", "some"], ["leak"]),
        helper.make_node("Add", ["waveform", "leak"], ["estimates"]),
    ]
    ports = ("waveform", ["B", 1, "T"]), ("estimates", ["B", 1, "T"])
    return _sealed(nodes, {"some": np.float32(0.01)}, *ports, info)


def swapping_model(cut_hz: float = 2000, threshold: float = 25.0, **changes: Any) -> bytes:
    """Two sources, what lies below a frequency and what lies above, in an order that depends on the item's level.

    The lower one comes first where the mean power of a bin is above the threshold, else second.
    """
    info = model_info(**{"sources": ("one", "two"), "rest": None, "interchangeable": True, **changes})
    assert info.stft is not None
    low = (np.arange(info.stft.bins) * info.sample_rate / info.stft.n_fft < cut_hz).astype(np.float32)
    order = np.stack([low, 1 - low])[None, :, None, :, None]  # (1, S, M, F, 1)
    nodes = [
        helper.make_node("Mul", ["spectrum", "spectrum"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Greater", ["power", "threshold"], ["is_loud"]),
        helper.make_node("Cast", ["is_loud"], ["loud"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["loud", "axis"], ["choice"]),  # (B, 1, 1, 1, 1)
        helper.make_node("Mul", ["choice", "change"], ["changed"]),
        helper.make_node("Add", ["changed", "order"], ["mask"]),  # (B, S, 1, F, 1)
        helper.make_node("Mul", ["spectrum", "zero"], ["silence"]),
        helper.make_node("ReduceSum", ["silence", "axis"], ["flat"], keepdims=1),  # (B, 1, F, N)
        helper.make_node("Unsqueeze", ["flat", "axis"], ["lifted"]),  # (B, 1, 1, F, N)
        helper.make_node("Add", ["lifted", "mask"], ["masks"]),
    ]
    constants = {
        "threshold": np.float32(threshold),
        "axis": np.array([1]),
        "zero": np.float32(0),
        "change": order - order[:, ::-1],
        "order": order[:, ::-1],
    }
    return _mask_model(nodes, constants, info)


def cluster_model(cuts_hz: Sequence[float] = (2000,), spread: float = 0.3, **changes: Any) -> bytes:
    """Embeds each band between the cuts around a corner of its own, D = 8, in noise of size `spread`; sources s0, s1...

    The anchors are the corners, in the order of the bands.
    """
    bands = len(cuts_hz) + 1
    corners = np.eye(8, dtype=np.float32)[:bands]
    given: dict[str, Any] = {"anchors": None if changes.get("interchangeable") else corners.tolist()}
    given |= {"kind": "cluster", "sources": tuple(f"s{band}" for band in range(bands)), "rest": None, "mask": None}
    info = model_info(**{**given, "window_s": 2.0, "overlap_s": 0.5, **changes})
    assert info.stft is not None
    frequencies = np.arange(info.stft.bins) * info.sample_rate / info.stft.n_fft
    points = corners[np.searchsorted(cuts_hz, frequencies, side="right")].T  # (D, F)
    points = points + spread / np.sqrt(8) * np.random.default_rng(0).standard_normal(points.shape)
    table = (points / np.linalg.norm(points, axis=0))[None, :, :, None].astype(np.float32)
    nodes = [
        helper.make_node("Mul", ["spectrum", "zero"], ["silence"]),
        helper.make_node("ReduceSum", ["silence", "axis"], ["flat"], keepdims=1),  # (B, 1, F, N)
        helper.make_node("Add", ["flat", "table"], ["embedding"]),
    ]
    constants = {"zero": np.float32(0), "axis": np.array([1]), "table": table}
    takes, gives = ("spectrum", ["B", 2, info.stft.bins, "N"]), ("embedding", ["B", 8, info.stft.bins, "N"])
    return _sealed(nodes, constants, takes, gives, info)


def events_model(
    cuts_hz: Sequence[float] = (2000,),
    *,
    lowest_hz: float = 0.0,
    gain: float = 1.0,
    claimed_bands: int | None = None,
    detection: Mapping[str, Any] | None = None,
    **changes: Any,
) -> bytes:
    """A class for each stretch of bands between the cuts, s0, s1...: there in the frames in which it is not quiet.

    Its mask is then near 1 in all of its bands, else near 0; its tag is its mask's highest value. In a frame, the power
    of its bands has to be that of a tone of -30 dBFS or so. `gain` is of masks and tags, which may be no probabilities
    then; `claimed_bands` is what the file says of their number.
    """
    classes, mel = len(cuts_hz) + 1, MelSettings(bands=32, lowest_hz=lowest_hz)
    claimed = mel if claimed_bands is None else mel.model_copy(update={"bands": claimed_bands})
    said = {"mel": claimed, "tag": (0.5,) * classes, "gap_s": 0.1, "shortest_s": 0.0, **(detection or {})}
    given: dict[str, Any] = {"kind": "events", "format_version": 3, "rest": None, "mask": None}
    given |= {"sources": tuple(f"s{k}" for k in range(classes)), "window_s": 2.0, "overlap_s": 0.5}
    info = model_info(**{**given, "detection": DetectionInfo.model_validate(said), **changes})
    assert info.stft is not None
    matrix = mel_matrix(info.stft, mel, sample_rate=info.sample_rate)
    bins_hz = np.arange(info.stft.bins) * info.sample_rate / info.stft.n_fft
    place = np.searchsorted(cuts_hz, [bins_hz[np.argmax(row)] for row in matrix], side="right")
    table = (place == np.arange(classes)[:, None]).astype(np.float32)  # (K, M)
    nodes = [
        helper.make_node("Mul", ["spectrum", "spectrum"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "axis"], ["power"], keepdims=0),  # (B, F, N)
        helper.make_node("MatMul", ["to_classes", "power"], ["of_classes"]),  # (B, K, N)
        helper.make_node("Mul", ["of_classes", "steep"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "bias"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["active"]),
        helper.make_node("Unsqueeze", ["active", "two"], ["lifted"]),  # (B, K, 1, N)
        helper.make_node("Mul", ["lifted", "table"], ["masks"]),  # (B, K, M, N)
        helper.make_node("ReduceMax", ["masks"], ["tags"], axes=[2, 3], keepdims=0),
    ]
    constants = {
        "axis": np.array([1]),
        "two": np.array([2]),
        "to_classes": table @ (matrix > 0),
        "steep": np.float32(0.4),
        "bias": np.float32(8),
        "table": gain * table[None, :, :, None],
    }
    masks = ("masks", ["B", classes, mel.bands, "N"])
    takes = ("spectrum", ["B", 2, info.stft.bins, "N"])
    return _sealed(nodes, constants, takes, masks, info, more=[("tags", ["B", classes])])


def save(folder: Path, model: bytes, name: str = "tiny") -> Path:
    """Writes a model file and returns its path."""
    path = folder / f"{name}.soli.onnx"
    path.write_bytes(model)
    return path


def make_all() -> dict[str, Callable[[], bytes]]:
    """One model of each sort, by name: what a contract holds for all of."""
    return {
        "identity": identity_model,
        "half": half_model,
        "low-pass": lambda: low_pass_model(2000),
        "complex": lambda: gain_model([[0.3 + 0.4j]]),
        "two-sources": lambda: gain_model([[0.25], [0.5]], sources=("voice", "music"), rest=None),
        "complete": complete_model,
        "recurrent": recurrent_model,
        "waveform": waveform_model,
        "cluster": cluster_model,
        "interchangeable": lambda: swapping_model(window_s=1.0, overlap_s=0.25, chunk_s=2.0),
        "events": events_model,
        "interchangeable-clusters": lambda: cluster_model(interchangeable=True),
    }


def _mask_model(nodes: list[onnx.NodeProto], constants: dict[str, Any], info: ModelInfo) -> bytes:
    assert info.stft is not None
    masks = ["B", len(info.estimated), 2 if info.mask == "complex" else 1, info.stft.bins, "N"]
    return _sealed(nodes, constants, ("spectrum", ["B", 2, info.stft.bins, "N"]), ("masks", masks), info)


def _sealed(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Any],
    takes: tuple[str, list[str | int]],
    gives: tuple[str, list[str | int]],
    info: ModelInfo,
    more: Sequence[tuple[str, list[str | int]]] = (),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(takes[0], TensorProto.FLOAT, takes[1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (gives, *more)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return write_metadata(model.SerializeToString(), info)
