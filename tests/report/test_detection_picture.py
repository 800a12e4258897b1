"""The picture of a recording: a row for each class that is there, drawn where it is; whatever is in the recording."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from soli.detection.detected import Detected
from soli.detection.seen import Seen
from soli.report.detection import MOST_CLASSES, write_picture
from soli.types import Event


def sight(labels: tuple[str, ...], *, columns: int = 100, frame_s: float = 0.1) -> Seen:
    """Each class's mask is open over a tenth of the time of its own."""
    masks = np.zeros((len(labels), 8, columns), np.float32)
    for k in range(len(labels)):
        masks[k, :, columns * (k % 10) // 10 : columns * (k % 10 + 1) // 10] = 1
    wave = np.full(columns, 0.5, np.float32)
    return Seen(wave, -wave, frame_s, np.ones((8, columns), np.float32), masks, frame_s)


def found(labels: tuple[str, ...], *, duration_s: float = 10.0, tag: float = 0.9) -> Detected:
    events = tuple(
        Event(duration_s * (k % 10) / 10, duration_s * (k % 10 + 1) / 10, x, 1.0) for k, x in enumerate(labels)
    )
    return Detected(
        labels=labels,
        tags=dict.fromkeys(labels, tag),
        thresholds=dict.fromkeys(labels, 0.5),
        frames=np.zeros((len(labels), 1), np.float32),
        hop_s=0.1,
        events=events if tag > 0.5 else (),
        duration_s=duration_s,
    )


def drawn(folder: Path, seen: Seen, detected: Detected) -> np.ndarray:
    path = folder / "picture.png.part"
    write_picture(path, seen, detected)
    return matplotlib.image.imread(path, format="png")[..., :3]


def orange(image: np.ndarray) -> np.ndarray:
    """Where the bars of the timeline are: columns of the picture."""
    near = np.abs(image - np.array([0xD5, 0x5E, 0x00]) / 255).max(axis=-1) < 0.02
    return np.flatnonzero(near[-200:].any(axis=0))


def test_a_row_for_each_class_that_is_there(tmp_path: Path) -> None:
    heights = [drawn(tmp_path, sight(labels), found(labels)).shape[0] for labels in (("rain",), ("rain", "dog_bark"))]
    assert heights[1] > heights[0] + 100
    many = tuple(f"class {k}" for k in range(MOST_CLASSES + 8))
    few = many[:MOST_CLASSES]
    assert drawn(tmp_path, sight(many), found(many)).shape == drawn(tmp_path, sight(few), found(few)).shape


def test_events_are_drawn_where_they_are(tmp_path: Path) -> None:
    """The second tenth of the time, of a picture whose axes lie between its labels and its right edge."""
    labels = ("a", "b")
    bars = orange(drawn(tmp_path, sight(labels), found(labels)))
    assert bars.max() - bars.min() == pytest.approx(0.2 * 1100, abs=30)


def test_absent_classes_are_not_drawn(tmp_path: Path) -> None:
    assert not len(orange(drawn(tmp_path, sight(("rain",)), found(("rain",), tag=0.1))))


@pytest.mark.parametrize("duration_s", [6.25e-5, 7200.0])
def test_any_length_can_be_drawn(tmp_path: Path, duration_s: float) -> None:
    """One sample, and two hours; and silence."""
    seen = sight(("rain",), columns=2, frame_s=duration_s / 2)
    silent = Seen(0 * seen.highest, 0 * seen.lowest, seen.peak_s, 0 * seen.levels, 0 * seen.masks, seen.frame_s)
    for each in (seen, silent):
        assert drawn(tmp_path, each, found(("rain",), duration_s=duration_s)).shape[1] == 1200
