"""What is true of a clip of sound events: its labels, and where its parts are known, when and where each class sounds.

Of a row with parts the truth is strong: a part whose source is a class is an event, all others are the background. A
row that is a recording with labels has weak truth alone. All truth here is for scores; training looks at labels.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soli.data.manifest import Row
from soli.dsp.frames import FrameGrid
from soli.dsp.mel import mel_matrix
from soli.dsp.stft import stft
from soli.errors import UsageError, near
from soli.metrics.eventlists import united
from soli.metrics.sed import frame_truth
from soli.metrics.segmentation import ideal_binary_mask
from soli.modelfile import ModelInfo
from soli.types import Array, Event


def check_labels(rows: Iterable[Row], classes: Sequence[str], *, model: str) -> None:
    """Raises UsageError where a row has a label that is no class of the model, or no row has any label."""
    known, labelled = set(classes), False
    for row in rows:
        labelled = labelled or bool(row.labels)
        strange = next((label for label in row.labels if label not in known), None)
        if strange is not None:
            raise UsageError(
                f'row {row.id} is labelled "{strange}", which is no class of {model}',
                wanted=f"labels of {', '.join(classes)}",
                do=f"{near(strange, [*classes])} Or give the manifest that belongs to the model",
            )
    if not labelled:
        raise UsageError(f"no row to score {model} on has a label", wanted="clips labelled with what they hold")


def tags_of(labels: Iterable[str], classes: Sequence[str]) -> NDArray[np.bool_]:
    """Which classes the labels name, (K,)."""
    there = set(labels)
    return np.array([name in there for name in classes], dtype=np.bool_)


def events_in(row: Row, classes: Sequence[str]) -> tuple[Event, ...] | None:
    """The events of a row in order of time, those of one class that overlap as one; None where nobody knows them."""
    if not row.parts:
        return None
    found = []
    for part in row.parts:
        onset_s = max(0.0, part.onset_s * row.stretch)
        offset_s = min(row.duration_s, (part.onset_s + part.duration_s) * row.stretch)
        if part.source in classes and offset_s > onset_s:
            found.append(Event(onset_s, offset_s, part.source, 1.0))
    return tuple(united(found))


def ideal_mask(
    stems: Mapping[str, Array], events: Sequence[Event], info: ModelInfo, *, frames: int
) -> NDArray[np.bool_]:
    """Where each class is louder than the background, in the model's bands: (K, M, N), stems (T,) at the model's rate.

    Raises InputError as `soli.metrics.segmentation.ideal_binary_mask` does.
    """
    assert info.stft is not None, "checked when the file was read"
    assert info.detection is not None, "checked when the file was read"
    matrix = mel_matrix(info.stft, info.detection.mel, sample_rate=info.sample_rate)
    classes = info.estimated
    loud = np.zeros((len(classes), len(matrix), frames), dtype=np.float32)
    for place, name in enumerate(classes):
        if name in stems:
            loud[place] = matrix @ np.abs(stft(stems[name], info.stft))
    background = [stem for name, stem in stems.items() if name not in classes]
    scene = np.zeros_like(loud[0])
    if background:
        scene = matrix @ np.abs(stft(np.sum(background, axis=0, dtype=np.float32), info.stft))
    grid = FrameGrid(info.sample_rate / info.stft.hop, frames)
    return ideal_binary_mask(loud, scene, frame_truth(events, classes=classes, grid=grid))
