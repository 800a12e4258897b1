"""Half the size of a model file: weights kept as float16, computed with as float32.

The weights are rounded in the network first, so that the file and the network it came from still give the same output.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

# Smaller tensors (biases, norms) are not worth a node each.
_LEAST = 1024


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
        if tensor.data_type != TensorProto.FLOAT or values.size < _LEAST:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
