"""What is written down of one clip of sound events: what the model said of it, what is true, how it was separated."""

import base64
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from soli.evaluation.line import Line
from soli.types import Array, Event


class Frames(BaseModel):
    """Probabilities (K, N) as text, to the last bit: little-endian float32 in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: int
    count: int
    float32: str

    @classmethod
    def of(cls, values: Array) -> Self:
        text = base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
        return cls(classes=values.shape[0], count=values.shape[1], float32=text)

    @property
    def values(self) -> Array:
        """(K, N)."""
        flat = np.frombuffer(base64.b64decode(self.float32), dtype="<f4")
        return flat.reshape(self.classes, self.count).astype(np.float32)


class ClipLine(BaseModel):
    """One clip. `tags` has a value a class, `frames` the mean of each mask over the bands.

    `events` are the true ones; None where only the labels are known. `separation` has a line for each class that
    sounds, and one for the rest. `seconds`: time that the model took, separation included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    id: str
    duration_s: float
    labels: tuple[str, ...]
    events: tuple[Event, ...] | None
    tags: tuple[float, ...]
    frames: Frames
    separation: tuple[Line, ...] = ()
    seconds: float
