"""What the pictures of a clip show: the sound, all masks beside the ideal ones, and what was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soli.types import Array, Event, StftSettings


@dataclass(frozen=True)
class Shown:
    """One clip: its mixture (T,), masks (K, M, N), ideal masks where truth is strong, frame probabilities (K, N)."""

    id: str
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    mixture: Array
    sample_rate: int
    stft: StftSettings
    masks: Array
    ideal: NDArray[np.bool_] | None
    frames: Array
    true: tuple[Event, ...] | None
    found: tuple[Event, ...]

    @property
    def duration_s(self) -> float:
        return len(self.mixture) / self.sample_rate
