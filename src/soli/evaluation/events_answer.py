"""What a model of sound events says of a whole clip, in the windows that `soli detect` hears it in."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soli.detection.detect import with_thresholds
from soli.detection.fading import Faded
from soli.detection.listening import Listener, Window
from soli.separation import zoo
from soli.separation.model import Model
from soli.types import Array


@dataclass(frozen=True)
class Answer:
    """Tags (K,), masks (K, M, N), and the stems (K, T) of classes, silent for all that were not asked for."""

    tags: Array
    masks: Array
    stems: Array


def answered(path: Path, mixture: Array, *, present: NDArray[np.bool_], threads: int = 1) -> Answer:
    """What a model says of a mixture (T,) at its rate; stems are those of the classes `present` (K,).

    A tag is the highest of the windows'. Raises UsageError where the model is of another kind, and as hearing does.
    """
    model = zoo.load(path, threads=threads)
    listener = Listener(model)
    step, overlap = listener.frames
    faded = Faded(step=step, overlap=overlap)
    tags: list[Array] = []
    masks: list[Array] = []
    for window in listener.windows([mixture[None]], sample_rate=model.sample_rate):
        tags.append(window.heard.tags[0])
        masks.append(faded.push(window.heard.masks[0]))
    last = faded.flush()
    masks += [] if last is None else [last]
    stems = _of_window(listener, window, present) if len(tags) == 1 else _of_all(model, mixture, present)
    return Answer(np.max(tags, axis=0), np.concatenate(masks, axis=-1), stems)


def _of_window(listener: Listener, window: Window, present: NDArray[np.bool_]) -> Array:
    """The stems (K, T) of a clip that is one window: of what was heard, with nothing done twice."""
    asked = replace(window.heard, tags=present[None].astype(np.float32))
    everything = listener.network.detection.model_copy(update={"tag": (0.0,) * len(present)})
    stems: Array = listener.network.with_thresholds(everything).stems(asked, window.samples.shape[-1])[0]
    return stems


def _of_all(model: Model, mixture: Array, present: NDArray[np.bool_]) -> Array:
    """The stems (K, T) of a clip of several windows, each faded into the next."""
    assert model.info.detection is not None, "checked when the file was read"
    # No tag is above 1, and every tag of a window in which something sounds is above 0.
    asked = model.info.detection.model_copy(update={"tag": tuple(np.where(present, 0.0, 1.0).tolist())})
    stems: Array = with_thresholds(model, asked).separate(mixture[None])[: len(present), 0]
    return stems
