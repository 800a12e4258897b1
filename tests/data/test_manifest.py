"""A manifest holds what was written, and says exactly which line and field is wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.data.effects import Band, Eq, Reverb
from soli.data.manifest import Mix, Part, Row, Synth, excerpt, read_manifest, relocated, write_manifest
from soli.errors import DataError

seconds = st.floats(0.001, 1000, allow_nan=False)
decibels = st.floats(-100, 100, allow_nan=False, allow_subnormal=False)
effects = st.one_of(
    st.builds(Eq, kind=st.just("eq"), points_hz=st.just((100.0, 200.0)), gains_db=st.tuples(decibels, decibels)),
    st.builds(Band, kind=st.just("band"), high_hz=st.none() | seconds, order=st.integers(1, 100)),
    st.builds(Reverb, kind=st.just("reverb"), rt60_s=st.floats(0.01, 5), direct_db=decibels, seed=st.integers(0, 9)),
)
parts = st.builds(
    Part,
    source=st.sampled_from(["voice", "noise", "señal"]),
    path=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
    start_s=seconds,
    onset_s=st.floats(-10, 1000, allow_subnormal=False),
    duration_s=seconds,
    gain_db=decibels,
    speed=st.floats(0.2, 9),
    effects=st.lists(effects, max_size=3).map(tuple),
    synth=st.none() | st.builds(Synth, seed=st.integers(0, 99), slope_db=decibels),
)
rows = st.builds(
    Row,
    id=st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1),
    split=st.sampled_from(["train", "test"]),
    sample_rate=st.integers(1000, 96000),
    duration_s=seconds,
    parts=st.lists(parts, max_size=4).map(tuple),
    effects=st.lists(effects, max_size=2).map(tuple),
    mix=st.none() | st.builds(Mix, target=st.just("voice"), snr_db=st.none() | decibels),
    meta=st.dictionaries(st.text(max_size=5), st.integers() | st.none() | st.text(max_size=5), max_size=3),
)


@given(st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row.id))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, written: list[Row]) -> None:
    path = tmp_path_factory.mktemp("manifest") / "m.jsonl"
    sha256 = write_manifest(path, written)
    manifest = read_manifest(path)
    assert list(manifest.rows) == written
    assert manifest.sha256 == sha256
    assert all(json.loads(line)["schema"] == 1 for line in path.read_text(encoding="utf-8").split("\n")[:-1])


def example(**fields: object) -> dict[str, object]:
    part = {"source": "bark", "path": "events/1.wav", "duration_s": 2.0}
    return {
        "schema": 1,
        "id": "a",
        "split": "train",
        "sample_rate": 32000,
        "duration_s": 10.0,
        "parts": [part],
    } | fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": ', "line 2: the line: Invalid JSON"),
        (json.dumps(example(schema=2)), "line 2: schema: Input should be 1; wanted a manifest row of schema 1"),
        (json.dumps(example(sample_rate=0)), "line 2: sample_rate: Input should be greater than 0"),
        (json.dumps(example(duration_s="long")), "line 2: duration_s: Input should be a valid number"),
        (json.dumps(example(colour="red")), "line 2: colour: Extra inputs are not permitted"),
        (json.dumps(example(parts=[{"source": "x", "duration_s": -1}])), "line 2: parts.0.duration_s"),
        (json.dumps(example(effects=[{"kind": "echo"}])), "line 2: effects.0"),
        ("null", "line 2: the line"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(example()) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_manifest(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_and_an_empty_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no manifest at"):
        read_manifest(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no rows"):
        read_manifest(tmp_path / "empty.jsonl")


def test_the_manifest_that_recipes_validate_on_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no manifest at .*valid\.jsonl; .*data\.valid"):
        read_manifest(tmp_path / "valid.jsonl")


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(example()) + "\n", encoding="utf-8-sig")
    assert read_manifest(path).rows == (Row.model_validate(example()),)


def test_two_rows_of_one_name_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    row = Row.model_validate(example())
    with pytest.raises(DataError, match="two rows are called a"):
        write_manifest(tmp_path / "m.jsonl", [row, row])
    assert list(tmp_path.iterdir()) == []


def test_paths_follow_the_manifest_to_another_folder(tmp_path: Path) -> None:
    synth = Part(source="noise", duration_s=1.0, synth=Synth(seed=1))
    row = Row.model_validate(example(mixture="mix/1.wav"))
    row = row.model_copy(update={"parts": (*row.parts, synth)})
    (moved,) = relocated([row], tmp_path / "data", tmp_path / "plans")
    assert [part.path for part in moved.parts] == ["../data/events/1.wav", ""]
    assert moved.mixture == "../data/mix/1.wav"
    assert list(relocated([row], tmp_path, tmp_path)) == [row]


def test_an_excerpt_keeps_what_sounds_in_it_and_where() -> None:
    parts = [
        {"source": "a", "path": "a.wav", "onset_s": 0.0, "duration_s": 4.0, "start_s": 1.0, "speed": 2.0},
        {"source": "b", "path": "b.wav", "onset_s": 3.5, "duration_s": 1.0, "fade_s": 0.1},
        {"source": "c", "path": "c.wav", "onset_s": 5.0, "duration_s": 1.0},
    ]
    row = excerpt(Row.model_validate(example(parts=parts)), start_s=3.0, duration_s=2.0)
    assert (row.duration_s, row.stems) == (2.0, ("a", "b", "c"))
    first, second = row.parts
    assert (first.start_s, first.onset_s, first.duration_s) == (7.0, 0.0, 1.0)
    assert (second.start_s, second.onset_s, second.duration_s, second.fade_s) == (0.0, 0.5, 1.0, 0.1)


def test_the_designs_example_row_is_a_row() -> None:
    text = (
        '{"schema": 1, "id": "tr-000017", "split": "train", "sample_rate": 32000, "duration_s": 10.0, "parts": '
        '[{"source": "bark", "path": "events/1.wav", "sha256": "9f..", "start_s": 0.4, "onset_s": 3.0, '
        '"duration_s": 2.0, "gain_db": -1.8}], "labels": ["bark"], "spec": "kong2018", "seed": 1234, "soli": "0.1.0"}'
    )
    row = Row.model_validate_json(text)
    assert row.stems == ("bark",)
    assert row.frames == 320000
