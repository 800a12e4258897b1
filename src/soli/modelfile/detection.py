"""What a model file of kind "events" says of how its masks and tags become events."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from soli.types import MelSettings, StftSettings

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class DetectionInfo(BaseModel):
    """The bands of the masks, and the thresholds to use where a call gives none.

    A class is present in a recording where its tag is above `tag`, one threshold a class; sounding in a frame where the
    mean of its mask over the bands is above `frame`. An event is a stretch of frames above `low` of which one at least
    is above `high`. `gap_s` bridges: two events of a class are one, all between them included, where the second begins
    `gap_s` or less after the first is over; what lies between may be above `low`, if nothing of it is above `high`.
    Then events that last `shortest_s` or less are none. Both count whole frames, as many as they hold in full. The
    defaults are those of Kong et al. (2018, arXiv 1804.04715): 10 frames of 32 ms.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mel: MelSettings
    tag: tuple[Probability, ...] = Field(min_length=1)
    frame: Probability = 0.1
    high: Probability = 0.2
    low: Probability = 0.1
    gap_s: float = Field(default=0.32, ge=0, allow_inf_nan=False)
    shortest_s: float = Field(default=0.32, ge=0, allow_inf_nan=False)

    def check(self, *, classes: int, format_version: int, stft: StftSettings | None) -> None:
        """Raises ValueError where these do not belong to a network of so many classes in a file of this format."""
        if format_version < 3:
            raise ValueError(f"detection, in a file of format {format_version}")
        if stft is None:
            raise ValueError("an events network needs the settings stft")
        if len(self.tag) != classes:
            raise ValueError(f"thresholds of {len(self.tag)} tags for {classes} classes: one a class")
        if self.low > self.high:
            raise ValueError(f"events begin above {self.high} and end below {self.low}: the end is the higher one")
