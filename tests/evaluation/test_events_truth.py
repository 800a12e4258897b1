from pathlib import Path

import numpy as np
import pytest

import models
from made_scenes import CLASSES, RATE, scene
from soli.data.manifest import Part, Row
from soli.errors import UsageError
from soli.evaluation.events_truth import check_labels, events_in, ideal_mask, tags_of
from soli.modelfile import ModelInfo, parse_model
from soli.types import Event


def _row(*parts: tuple[str, float, float], duration_s: float = 4.0, **changes: object) -> Row:
    made = tuple(
        Part(source=name, path="a.wav", onset_s=onset_s, duration_s=length_s) for name, onset_s, length_s in parts
    )
    row = Row(id="a", split="test", sample_rate=RATE, duration_s=duration_s, parts=made)
    return row.model_copy(update=changes)


def test_parts_of_a_class_are_events_and_others_the_background() -> None:
    row = _row(("scene", 0, 4), ("hum", 1, 0.5), ("hiss", 0.5, 1))
    assert events_in(row, CLASSES) == (Event(0.5, 1.5, "hiss", 1.0), Event(1.0, 1.5, "hum", 1.0))


def test_events_end_with_the_clip_and_overlapping_ones_are_one() -> None:
    row = _row(("hum", 3, 2), ("hum", 3.5, 0.1), ("hum", 5, 1), ("hiss", -0.5, 1))
    assert events_in(row, CLASSES) == (Event(0.0, 0.5, "hiss", 1.0), Event(3.0, 4.0, "hum", 1.0))


def test_a_stretched_clip_has_stretched_events() -> None:
    row = _row(("hum", 0.5, 0.5), stretch=2.0)
    assert events_in(row, CLASSES) == (Event(1.0, 2.0, "hum", 1.0),)


def test_of_a_recording_nobody_knows_the_events() -> None:
    assert events_in(_row(mixture="a.wav"), CLASSES) is None
    assert events_in(_row(("scene", 0, 4)), CLASSES) == ()


def test_labels_are_tags() -> None:
    assert tags_of(("hiss",), CLASSES).tolist() == [False, True]


def test_labels_that_the_model_does_not_know_are_refused_in_one_line() -> None:
    rows = [scene("one", "test", ["hum"]), scene("two", "test", [], labels=("hiss", "hus"))]
    check_labels(rows[:1], CLASSES, model="tiny")
    with pytest.raises(
        UsageError, match=r'row two is labelled "hus", which is no class of tiny.*did you mean hum'
    ) as caught:
        check_labels(rows, CLASSES, model="tiny")
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="no row to score tiny on has a label"):
        check_labels([scene("three", "test", [])], CLASSES, model="tiny")


@pytest.fixture
def info() -> ModelInfo:
    return parse_model(models.events_model((2000,), sources=CLASSES), name="tiny")


def _tone(hz: float, start_s: float, stop_s: float, amplitude: float = 0.1) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)
    wave[: round(start_s * RATE)] = 0
    wave[round(stop_s * RATE) :] = 0
    return wave.astype(np.float32)


def test_the_ideal_mask_is_where_an_event_is_louder_than_the_background(info: ModelInfo) -> None:
    """A tone over noise: its band while it sounds and nothing else; 5 dB under the noise it is still there."""
    rng = np.random.default_rng(0)
    noise = (0.01 * rng.standard_normal(RATE)).astype(np.float32)
    frames = RATE // 256 + 2
    mask = ideal_mask(
        {"hum": _tone(1000, 0.25, 0.75), "scene": noise}, [Event(0.25, 0.75, "hum", 1.0)], info, frames=frames
    )
    assert mask.shape == (2, 32, frames)
    assert not mask[1].any()
    inside = mask[0, :, 18:44]
    loudest = int(inside.mean(axis=1).argmax())
    assert inside[loudest].all()
    assert inside.mean() < 0.3, "a tone is narrow"
    assert not mask[0, :, :15].any()
    assert not mask[0, :, 48:].any()


def test_no_background_leaves_all_that_sounds_to_the_event(info: ModelInfo) -> None:
    mask = ideal_mask({"hiss": _tone(4000, 0, 1)}, [Event(0, 0.5, "hiss", 1.0)], info, frames=64)
    assert mask[1, :, 2:31].all()
    assert not mask[1, :, 32:].any(), "only while the class is active"


def test_labels_are_checked_against_a_models_file(tmp_path: Path) -> None:
    rows = [scene("one", "test", ["hum", "hiss"])]
    check_labels(rows, ("hum", "hiss", "horn"), model="more")
    with pytest.raises(UsageError, match="hiss"):
        check_labels(rows, ("hum",), model="fewer")
