"""Figures that others have published, each file with its source, to be shown beside one's own."""

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field

Figure = tuple[float] | tuple[float, float]
"""A mean in dB, and the standard deviation where it was given."""


class Mark(BaseModel):
    """What was published for one target: by which model, and its scores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    si_sdr: Figure
    si_sir: Figure
    si_sar: Figure
    snr: Figure

    def of(self, score: str) -> Figure | None:
        """A score by its name; None where it was not published."""
        figure: Figure | None = self.model_dump().get(score) if score != "model" else None
        return figure


class Published(BaseModel):
    """The figures of one source, by target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    targets: dict[str, Mark]
    mixture: dict[str, Figure] = Field(description="the mixture taken as the estimate, over all targets")


@cache
def bach10() -> Published:
    """What was published for the instruments of Bach10."""
    text = (resources.files(__name__) / "bach10.yaml").read_text(encoding="utf-8")
    return Published.model_validate(yaml.safe_load(text))
