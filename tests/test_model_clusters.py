"""What a model file says of clusters and of interchangeable sources: kept as written, refused where it is at odds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models import cluster_model, model_info
from soli.errors import ModelFileError
from soli.modelfile import ModelInfo, parse_model
from test_modelfile import sealed

CLUSTER: dict[str, Any] = {
    "kind": "cluster",
    "mask": None,
    "window_s": 2.0,
    "overlap_s": 0.5,
    "anchors": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
}
SPEAKERS: dict[str, Any] = {"sources": ("one", "two"), "rest": None, "interchangeable": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"interchangeable": True}, "only voice is estimated"),
        ({"anchors": [[1.0], [0.0]]}, "only clusters have them"),
        ({**CLUSTER, "stft": None}, "needs the settings stft and window_s"),
        ({**CLUSTER, "window_s": None}, "needs the settings stft and window_s"),
        ({**CLUSTER, "anchors": None}, "clusters of named sources need anchors"),
        ({**CLUSTER, "anchors": []}, "one a source"),
        ({**CLUSTER, "anchors": [[], []]}, "one a source"),
        ({**CLUSTER, "anchors": [[1.0, 0.0]]}, "one a source"),
        ({**CLUSTER, "anchors": [[1.0, 0.0], [1.0]]}, "one a source"),
        ({**CLUSTER, "anchors": [[1.0, 0.0], [float("nan"), 1.0]]}, "finite number"),
        ({**CLUSTER, "anchors": [[1.0, 0.0], ["north", 1.0]]}, "valid number"),
        ({**CLUSTER, **SPEAKERS}, "neither anchors nor a rest"),
        ({**CLUSTER, "sources": ("a", "b", "c"), "rest": "c", "anchors": None, "interchangeable": True}, "neither"),
    ],
)
def test_what_is_at_odds_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        model_info(**changes)


def test_a_file_that_is_at_odds_is_refused_in_one_line() -> None:
    fields = json.loads(model_info().model_dump_json())
    with pytest.raises(ModelFileError, match=r"strange: metadata, as a whole: .*only voice is estimated"):
        parse_model(sealed({**fields, "interchangeable": True}), name="strange")
    with pytest.raises(ModelFileError, match="strange: metadata, interchangeable: "):
        parse_model(sealed({**fields, "interchangeable": "perhaps"}), name="strange")


def test_files_from_before_have_named_sources() -> None:
    fields = json.loads(model_info().model_dump_json())
    del fields["interchangeable"], fields["anchors"]
    assert parse_model(sealed(fields), name="old") == model_info()
    assert not model_info().interchangeable


def test_clusters_are_read_as_they_were_written() -> None:
    info = parse_model(cluster_model((500, 2000)), name="clusters")
    assert (info.kind, info.interchangeable, len(info.anchors or ())) == ("cluster", False, 3)
    free = parse_model(cluster_model(interchangeable=True), name="clusters")
    assert (free.interchangeable, free.anchors) == (True, None)
    assert model_info(**SPEAKERS).interchangeable


# onnxruntime, run by other tests in the same process, takes the smallest numbers there are for zero.
finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(st.integers(1, 40).flatmap(lambda d: st.lists(st.lists(finite, min_size=d, max_size=d), min_size=2, max_size=2)))
def test_anchors_survive_the_text_to_the_last_bit(anchors: list[list[float]]) -> None:
    info = model_info(**{**CLUSTER, "anchors": anchors})
    again = ModelInfo.model_validate_json(info.model_dump_json())
    assert again == info
    assert [list(row) for row in again.anchors or ()] == anchors
