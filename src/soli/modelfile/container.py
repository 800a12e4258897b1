"""Reading, checking and writing the file itself."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from soli.errors import ModelFileError
from soli.modelfile.info import FORMAT_VERSION, ModelInfo
from soli.modelfile.protobuf import Damaged, Entry, Onnx, encode_entry, without

SUFFIX = ".soli.onnx"

_INFO, _SEAL = "soli", "soli.sha256"
_FRESH = "fetch or export the file again"


def write_metadata(onnx_bytes: bytes, info: ModelInfo) -> bytes:
    """The bytes of a `*.soli.onnx` file: the ONNX model with `info` in it, in place of what soli wrote there before.

    Raises:
        ModelFileError: the bytes are no complete ONNX model, or it keeps tensors outside the file.
    """
    entries = _checked_metadata(onnx_bytes, "the exported model")
    bare = without(onnx_bytes, [entry for entry in entries if entry.key in (_INFO, _SEAL)])
    body = bare + encode_entry(_INFO, info.as_json())
    return body + encode_entry(_SEAL, hashlib.sha256(body).hexdigest())


def read_model(path: str | os.PathLike[str]) -> tuple[ModelInfo, bytes]:
    """What a model file says of itself, and its bytes, which are the ones to run: the file may change after the check.

    Raises:
        ModelFileError: the file is missing, unreadable, not ONNX, truncated, edited, without soli's metadata, of a
            newer format, or keeps tensors outside itself.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        do = f"export a run first: soli export {path}" if isinstance(error, IsADirectoryError) else "check the path"
        raise ModelFileError(f"{path}: {error.strerror}", wanted=f"a *{SUFFIX} file", do=do) from error
    return parse_model(data, name=Path(path).name), data


def parse_model(data: bytes, *, name: str) -> ModelInfo:
    """As `read_model`, for bytes at hand; `name` is what errors call them."""
    ours: dict[str, Entry] = {}
    for entry in _checked_metadata(data, name):
        if entry.key in (_INFO, _SEAL) and ours.setdefault(entry.key, entry) is not entry:
            raise ModelFileError(f"{name}: its metadata {entry.key!r} is there twice", wanted="it once", do=_FRESH)
    if _INFO not in ours:
        found = f"{name}: an ONNX file without soli's metadata, or a truncated one"
        raise ModelFileError(found, wanted=f"a *{SUFFIX} file", do="write one with: soli export")
    fields = _json_object(ours[_INFO].value, name)
    _refuse_newer(fields, name)
    _check_seal(data, ours.get(_SEAL), name)
    try:
        return ModelInfo.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "as a whole"
        found = f"{name}: metadata, {place}: {first['msg']}"
        raise ModelFileError(found, wanted="what soli writes", do=_FRESH) from error


def _checked_metadata(data: bytes, name: str) -> list[Entry]:
    """The metadata entries of an ONNX model that is whole and keeps all its tensors within itself."""
    wanted = f"a *{SUFFIX} file"
    if not data:
        raise ModelFileError(f"{name}: an empty file", wanted=wanted, do=_FRESH)
    try:
        onnx = Onnx.parse(data)
    except Damaged as error:
        raise ModelFileError(f"{name}: not an ONNX file, or truncated ({error})", wanted=wanted, do=_FRESH) from error
    if not onnx.has_graph:
        raise ModelFileError(f"{name}: not an ONNX file (no graph in it)", wanted=wanted, do=_FRESH)
    if onnx.tensors_outside:
        found = f"{name}: keeps tensors outside the file"
        raise ModelFileError(found, wanted="every tensor within it", do="export it again as one file")
    return onnx.metadata


def _json_object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name}: metadata that is not JSON", wanted="what soli writes", do=_FRESH) from error
    if not isinstance(value, dict):
        raise ModelFileError(f"{name}: metadata that is no JSON object", wanted="what soli writes", do=_FRESH)
    return value


def _refuse_newer(fields: dict[str, Any], name: str) -> None:
    """Asked before the rest, since a newer format may have other fields, and may be sealed in another way."""
    version = fields.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelFileError(
            f"{name}: model format {version}",
            wanted=f"format {FORMAT_VERSION} at most",
            do="get a newer soli: git pull in its folder, and install it again",
        )


def _check_seal(data: bytes, seal: Entry | None, name: str) -> None:
    if seal is None or hashlib.sha256(without(data, [seal])).hexdigest() != seal.value:
        found = f"{name}: edited or damaged (its sha256 does not match)"
        raise ModelFileError(found, wanted="the file as it was exported", do=_FRESH)
