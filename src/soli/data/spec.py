"""What kind of mixtures to plan: the settings that a spec file may change. Every field has a default.

Ranges (low, high) are drawn from uniformly; probabilities are shares of the rows.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from soli.data.augment import BandSpec, EqSpec, Range, ReverbSpec
from soli.errors import UsageError, near


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SpeechSpec(_Spec):
    """One speaker an item: clips with pauses between them until it is full; some items begin inside a clip."""

    pause_s: Range = (0.0, 0.6)
    begin_inside: float = Field(default=0.5, ge=0, le=1)
    clip_level_db: Range = (-3.0, 3.0)
    speed: Range = (0.85, 1.15)
    speed_probability: float = Field(default=0.5, ge=0, le=1)
    # Clips whose own background lies higher than this under the voice teach a network to keep noise.
    max_floor_db: float = -25.0
    min_bandwidth_hz: float = 0.0
    eq: EqSpec = EqSpec()
    reverb: ReverbSpec = ReverbSpec()


class SynthSpec(_Spec):
    """Computed noise on top of the recorded: its slope an octave, its level against the rest of the noise, a hum."""

    probability: float = Field(default=0.25, ge=0, le=1)
    slope_db: Range = (-1.0, 7.0)
    level_db: Range = (-20.0, 5.0)
    hum_probability: float = Field(default=0.25, ge=0, le=1)
    hum_db: Range = (-15.0, 10.0)


class NoiseSpec(_Spec):
    """How many noise files an item has, and how they are laid out.

    `weights` multiplies how often a class is drawn; a class named with 0 is left out. Sounds shorter than
    `event_below_s` come again at random times, longer ones are looped from another offset.
    """

    one: float = Field(default=0.7, ge=0)
    two: float = Field(default=0.2, ge=0)
    babble: float = Field(default=0.1, ge=0)
    babble_speakers: tuple[int, int] = (4, 8)
    weights: dict[str, float] = Field(default_factory=dict)
    event_below_s: float = 1.5
    event_gap_s: Range = (0.05, 1.2)
    second_level_db: Range = (-12.0, 6.0)
    speed: Range = (0.7, 1.4)
    speed_probability: float = Field(default=0.5, ge=0, le=1)
    eq: EqSpec = EqSpec()
    synth: SynthSpec = SynthSpec()


class Condition(_Spec):
    """One cell of a grid: `count` rows with this SNR and band in place of what the spec draws."""

    name: str
    count: int = Field(gt=0)
    snr_db: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    order: int = 100
    min_bandwidth_hz: float | None = None


class MixSpec(_Spec):
    """Mixtures of one voice and noise, as `Planner` draws them.

    `match_band`: how often a mixture whose speech recording is narrower than the sampling rate allows is cut to the
    same band as a whole, as a recorder would have done.
    """

    name: str
    kind: Literal["speech-noise"] = "speech-noise"
    sample_rate: int = Field(default=48000, ge=1000, le=768000)
    duration_s: float = Field(default=4.0, gt=0)
    snr_db: Range = (-5.0, 25.0)
    level_dbfs: Range = (-45.0, -8.0)
    clean: float = Field(default=0.05, ge=0, le=1)
    noise_only: float = Field(default=0.05, ge=0, le=1)
    match_band: float = Field(default=0.7, ge=0, le=1)
    speech: SpeechSpec = SpeechSpec()
    noise: NoiseSpec = NoiseSpec()
    band: BandSpec = BandSpec()
    conditions: tuple[Condition, ...] = ()

    @model_validator(mode="after")
    def _shares(self) -> "MixSpec":
        if self.clean + self.noise_only > 1:
            raise ValueError("clean and noise_only together pass 1")
        return self

    @property
    def rows(self) -> int | None:
        """How many rows the conditions make, or None without conditions."""
        return sum(condition.count for condition in self.conditions) or None


def read_spec(path: Path | str) -> MixSpec:
    """Reads a spec file: a path, or the name of a shipped one (`voice-train`). Raises UsageError naming the field."""
    file = Path(path)
    shipped = {entry.stem: entry for entry in (Path(__file__).parents[1] / "recipes" / "data").glob("*.yaml")}
    if not file.is_file() and str(path) in shipped:
        file = shipped[str(path)]
    if not file.is_file():
        raise UsageError(f"no spec file {path}", do=near(str(path), list(shipped)))
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        if not isinstance(content, dict):
            raise UsageError(f"{file} is no mapping", wanted="lines such as snr_db: [-5, 25]")
        return MixSpec.model_validate({"name": file.stem, **content})
    except yaml.YAMLError as error:
        raise UsageError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{file}: {'.'.join(map(str, first['loc'])) or 'spec'}: {first['msg']}") from error
