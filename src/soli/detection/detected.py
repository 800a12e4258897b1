"""What was found in a recording."""

from dataclasses import dataclass

from soli.types import Array, Event


@dataclass(frozen=True)
class Detected:
    """What a model of sound events found in a recording of `duration_s`.

    `labels` are all K classes that it knows, `tags` how sure it is, from 0 to 1, that each is in the recording, and
    `thresholds` what a tag has to be above for that. `frames` (K, N) is how much of each class there is in each frame,
    the mean of its mask over the bands, in a frame every `hop_s` from 0 s on. `events` are in order of time, and only
    of classes that are there.
    """

    labels: tuple[str, ...]
    tags: dict[str, float]
    thresholds: dict[str, float]
    frames: Array
    hop_s: float
    events: tuple[Event, ...]
    duration_s: float

    @property
    def present(self) -> tuple[str, ...]:
        """The classes that are in the recording, in the order of `labels`."""
        return tuple(label for label in self.labels if self.tags[label] > self.thresholds[label])
