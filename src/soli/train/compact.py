"""Smaller model files: weights kept as float16 and computed with as float32, matrices of zeros without the zeros.

The weights are rounded in the network first, so that the file and the network it came from give the same output but for
what the exporter has multiplied into them meanwhile (batch norms, into convolutions), 1e-4 at most.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

# Smaller tensors (biases, norms) are not worth a node each.
_LEAST = 1024
_LEAST_SPARSE = 65536
_LARGEST = float(np.finfo(np.float16).max)
# An entry that is kept needs five times the space of one in a row: two places of 64 bits and a value of 32.
_MOST_KEPT = 0.1
_VALUES = ".values"


@torch.no_grad()
def round_weights(network: nn.Module) -> None:
    """Rounds, in place, every weight that `store_in_halves` will keep as float16."""
    for parameter in network.parameters():
        if parameter.numel() >= _LEAST:
            parameter.copy_(parameter.half().float())


def store_in_halves(graph: bytes) -> bytes:
    """An ONNX file whose large float32 constants are float16 and cast back; onnxruntime does so once, at loading."""
    model = onnx.load_from_string(graph)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        # Lists are means, variances and biases, which no rounding was made for; what is put together is exact.
        few = values.size < _LEAST or values.ndim < 2 or tensor.name.endswith(_VALUES)
        if tensor.data_type != TensorProto.FLOAT or few or np.abs(values).max() > _LARGEST:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def store_sparsely(graph: bytes) -> bytes:
    """An ONNX file whose large constants of zeros for the most part are put together when it is loaded, to the bit."""
    model = onnx.load_from_string(graph)
    nodes = []
    for node in model.graph.node:
        # Buffers that are not kept with the weights come as nodes, not as initializers.
        values = numpy_helper.to_array(node.attribute[0].t) if node.op_type == "Constant" else np.zeros(0)
        kept = np.argwhere(values)
        if values.size < _LEAST_SPARSE or len(kept) > _MOST_KEPT * values.size:
            nodes.append(node)
            continue
        (name,) = node.output
        shape, zeros, places, nonzero = (f"{name}{suffix}" for suffix in (".shape", ".zeros", ".places", _VALUES))
        model.graph.initializer.extend(
            [
                numpy_helper.from_array(np.array(values.shape, np.int64), shape),
                numpy_helper.from_array(kept.astype(np.int64), places),
                numpy_helper.from_array(values[tuple(kept.T)], nonzero),
            ]
        )
        zero = numpy_helper.from_array(np.zeros(1, values.dtype))
        nodes.append(helper.make_node("ConstantOfShape", [shape], [zeros], value=zero))
        nodes.append(helper.make_node("ScatterND", [zeros, places, nonzero], [name]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
