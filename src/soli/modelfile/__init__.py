"""One file holds a trained network and all that is needed to use it: `NAME.soli.onnx`.

It is a plain ONNX file. Two entries of its `metadata_props` are soli's: `soli`, a `ModelInfo` as JSON, and
`soli.sha256`, the hash of every byte of the file outside that second entry, so that an edited or damaged file is
refused. The protobuf is read by a small walker, because the use half does without the onnx package; the walker also
refuses tensors kept outside the file, which onnxruntime would fetch from any path that a stranger's file names.
"""

from soli.modelfile.container import SUFFIX, parse_model, read_model, write_metadata
from soli.modelfile.detection import DetectionInfo
from soli.modelfile.info import FORMAT_VERSION, REST, DataUse, Kind, Licence, ModelInfo

__all__ = [
    "FORMAT_VERSION",
    "REST",
    "SUFFIX",
    "DataUse",
    "DetectionInfo",
    "Kind",
    "Licence",
    "ModelInfo",
    "parse_model",
    "read_model",
    "write_metadata",
]
