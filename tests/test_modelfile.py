"""Model files: what is written is read, and whatever is not exactly that is refused in one clear line."""

import hashlib
import json
from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, external_data_helper, helper
from pydantic import ValidationError

from models import complete_model, identity_model, model_info, recurrent_model, save
from soli.errors import ModelFileError
from soli.modelfile import ModelInfo, parse_model, protobuf, read_model, write_metadata

MODEL = identity_model()


def bare(model: bytes = MODEL) -> onnx.ModelProto:
    """The model as onnx sees it, without soli's metadata."""
    proto = onnx.load_from_string(model)
    del proto.metadata_props[:]
    return proto


def sealed(fields: dict[str, object], *, model: bytes = MODEL) -> bytes:
    """A file with any metadata at all, rightly sealed."""
    body = bare(model).SerializeToString() + protobuf.encode_entry("soli", json.dumps(fields))
    return body + protobuf.encode_entry("soli.sha256", hashlib.sha256(body).hexdigest())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    info = model_info(scores={"si_sdr_db": 12.5}, recipe="voice", data=[{"name": "a", "licence": "b", "role": "c"}])
    path = save(tmp_path, identity_model(scores=info.scores, recipe="voice", data=info.data))
    read, model = read_model(path)
    assert read == info
    assert model == path.read_bytes()


def test_onnx_itself_reads_the_file_and_its_metadata() -> None:
    """Independent of our own walker: the onnx package parses it as protobuf."""
    proto = onnx.load_from_string(MODEL)
    onnx.checker.check_model(proto, full_check=True)
    entries = {entry.key: entry.value for entry in proto.metadata_props}
    assert ModelInfo.model_validate_json(entries["soli"]) == model_info()


def test_writing_again_replaces_soli_entries_and_keeps_the_others() -> None:
    proto = bare()
    proto.metadata_props.add(key="author", value="someone")
    once = write_metadata(proto.SerializeToString(), model_info(name="first"))
    twice = write_metadata(once, model_info(name="second"))
    assert parse_model(twice, name="m").name == "second"
    keys = [entry.key for entry in onnx.load_from_string(twice).metadata_props]
    assert keys == ["author", "soli", "soli.sha256"]
    assert write_metadata(twice, model_info(name="first")) == once


def test_the_walker_knows_every_way_to_a_tensor() -> None:
    """Our table of fields against onnx's own description of its messages."""
    for message, fields in protobuf.MESSAGES.items():
        described = {
            field.number: field.message_type.name
            for field in getattr(onnx, message).DESCRIPTOR.fields
            if field.message_type is not None and field.message_type.name in protobuf.MESSAGES
        }
        assert fields == described


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "not an ONNX file"),
        (b"no model at all", "not an ONNX file"),
        (b"\x08\x09", "no graph"),
        (bytes(1000), "not an ONNX file"),
        (bare().SerializeToString(), "without soli's metadata"),
    ],
)
def test_what_is_no_model_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ModelFileError, match=said) as caught:
        read_model(save(tmp_path, content))
    assert "tiny.soli.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        read_model(tmp_path / "none.soli.onnx")
    with pytest.raises(ModelFileError, match=r"directory; .*; export a run first: soli export"):
        read_model(tmp_path)


@settings(deadline=None)
@given(length=st.integers(0, len(MODEL) - 1))
def test_truncated_files_are_refused(length: int) -> None:
    with pytest.raises(ModelFileError):
        parse_model(MODEL[:length], name="cut")


@settings(deadline=None)
@given(place=st.integers(0, len(MODEL) - 1), change=st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    edited = bytearray(MODEL)
    edited[place] ^= change
    with pytest.raises(ModelFileError):
        parse_model(bytes(edited), name="edited")


@settings(deadline=None)
@given(extra=st.binary(min_size=1, max_size=40))
def test_appended_bytes_are_noticed(extra: bytes) -> None:
    with pytest.raises(ModelFileError):
        parse_model(MODEL + extra, name="longer")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=400))
def test_no_bytes_at_all_break_the_reader(data: bytes) -> None:
    with pytest.raises(ModelFileError):
        parse_model(data, name="noise")


def test_edited_metadata_is_noticed() -> None:
    edited = MODEL.replace(b'"name":"tiny"', b'"name":"mine"')
    with pytest.raises(ModelFileError, match="sha256 does not match"):
        parse_model(edited, name="edited")


def test_a_second_metadata_entry_is_refused() -> None:
    with pytest.raises(ModelFileError, match="twice"):
        parse_model(MODEL + protobuf.encode_entry("soli", "{}"), name="double")


def test_a_future_format_asks_for_a_newer_soli() -> None:
    fields = {"format_version": 4, "something": "new"}
    with pytest.raises(ModelFileError, match=r"model format 4; wanted format 3 at most; get a newer soli"):
        parse_model(sealed(fields), name="future")
    # It may also be sealed in a way that this version cannot check.
    unsealed = bare().SerializeToString() + protobuf.encode_entry("soli", json.dumps(fields))
    with pytest.raises(ModelFileError, match="get a newer soli"):
        parse_model(unsealed, name="future")


def test_only_a_file_that_says_more_is_of_the_newer_format() -> None:
    """So that versions which know format 1 alone read what they can, and ask to be replaced for the others."""
    said = {}
    for name, model in (("old", MODEL), ("new", complete_model())):
        proto = onnx.load_from_string(model)
        said[name] = json.loads({entry.key: entry.value for entry in proto.metadata_props}["soli"])
    assert said["old"]["format_version"] == 1
    assert said["old"].keys() == said["new"].keys() - {"complete"}
    assert (said["new"]["format_version"], said["new"]["complete"]) == (2, True)
    old, new = parse_model(MODEL, name="old"), parse_model(complete_model(), name="new")
    assert (old.complete, old.stems, old.left_to) == (False, ("voice", "noise"), "noise")
    assert (new.complete, new.stems, new.left_to) == (True, ("voice", "music"), None)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"format_version": 1}', '{"format_version": "x"}', "[" * 100_000]
)
def test_other_metadata_is_refused(text: str) -> None:
    body = bare().SerializeToString() + protobuf.encode_entry("soli", text)
    file = body + protobuf.encode_entry("soli.sha256", hashlib.sha256(body).hexdigest())
    with pytest.raises(ModelFileError, match="metadata"):
        parse_model(file, name="strange")


def external(tensor: TensorProto, *, where: str) -> bytes:
    """A model with a tensor that lies in another file: in an initializer, in a node, or in a branch of a node."""
    external_data_helper.set_external_data(tensor, location="../../secret")
    tensor.ClearField("raw_data")
    proto = bare(recurrent_model())
    if where == "initializer":
        proto.graph.initializer.append(tensor)
    elif where == "node":
        proto.graph.node.append(helper.make_node("Constant", [], ["secret"], value=tensor))
    else:
        branch = helper.make_graph([helper.make_node("Constant", [], ["x"], value=tensor)], "branch", [], [])
        proto.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))
    return proto.SerializeToString()


@pytest.mark.parametrize("where", ["initializer", "node", "branch"])
def test_tensors_outside_the_file_are_refused(where: str) -> None:
    tensor = helper.make_tensor("secret", TensorProto.FLOAT, [2], b"12345678", raw=True)
    model = external(tensor, where=where)
    with pytest.raises(ModelFileError, match="outside the file"):
        write_metadata(model, model_info())
    body = model + protobuf.encode_entry("soli", model_info().model_dump_json())
    with pytest.raises(ModelFileError, match="outside the file"):
        parse_model(body + protobuf.encode_entry("soli.sha256", hashlib.sha256(body).hexdigest()), name="outside")


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": ("voice", "voice")},
        {"sources": ("voice",), "rest": "voice"},
        {"sources": ("../voice", "noise")},
        {"sources": ("voice/x", "noise")},
        {"sources": ()},
        {"rest": "other"},
        {"sources": ("voice", "rest"), "rest": None},
        {"stft": None},
        {"mask": None},
        {"sample_rate": 1},
        {"chunk_s": 0},
        {"chunk_s": float("inf")},
        {"past_s": -1},
        {"past_s": float("nan")},
        {"format_version": 4},
        {"complete": True, "rest": None},
        {"complete": True, "format_version": 2},
        {"complete": True, "format_version": 2, "sources": ("voice",), "rest": None},
        {"colour": "blue"},
    ],
    ids=str,
)
def test_metadata_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model_info(**changes)
