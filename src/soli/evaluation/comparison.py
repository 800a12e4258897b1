"""What a comparison found, as plain data: the report reads it and nothing else, so it imports no separator."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from soli.metrics.arrays import Score

SCORES = ("si_sdr", "sdr", "sir", "sar")
"""The scores that are compared, in dB, in the order of the tables."""

IMPROVED = ("si_sdr", "sdr", "sir")
"""Those with an improvement: the mixture's own SAR measures the rounding of float32, for it has no artefacts."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Figure(_Part):
    """A mean over `count` items in dB, bounded by `low` and `high` with 95 %, which are None of too few items."""

    mean: float | None
    low: float | None
    high: float | None
    count: int

    @property
    def real(self) -> bool:
        """Whether there is an interval and it leaves zero out: the difference is more than the choice of items."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Quality(_Part):
    """One source of one entrant: the scores, what each is above the mixture's, and how far the best is ahead.

    A score that is not defined, since the estimate is silent, counts as the lowest there is (`bounded`); `floored` says
    how many SI-SDRs do. `behind`: the best entrant's improvement of the SI-SDR minus this one's, item by item, in an
    interval that holds for all differences of two methods at once; None for the best itself.
    """

    scores: dict[str, Figure]
    improvements: dict[str, Figure]
    floored: int = 0
    behind: Figure | None = None


class Cost(_Part):
    """What an entrant takes; None where it does not apply or is not known.

    `macs_per_s`: multiply-accumulates of the network alone for a second of one channel. `rtf`: CPU seconds for a
    second of it, one thread. `peak_mb`: memory (10^6 bytes) of a process, its model file's bytes included, beyond what
    it had taken with its libraries and the sound loaded.
    """

    parameters: int | None = None
    macs_per_s: float | None = None
    rtf: float | None = None
    peak_mb: float | None = None
    train_minutes: float | None = None


class Clip(_Part):
    """One item to listen to: paths of its sound files from the comparison's folder, and its SI-SDR in dB.

    `score_db` is as it was found, None for a silent estimate; `improvement_db` is what it counts as.
    """

    id: str
    condition: str
    score_db: Score
    improvement_db: float
    mixture: str
    estimate: str
    reference: str


class Entrant(_Part):
    """One subject of the comparison. A "mark" is no method: the mixture as it is, or the ideal mask.

    `items`: SI-SDR improvement of the lead source by item, with which all are ranked.
    """

    name: str
    role: Literal["method", "mark"]
    family: str
    origin: str
    sample_rate: int | None
    model_sha256: str
    quality: dict[str, Quality]
    cost: Cost
    items: dict[str, float]
    worst: list[Clip] = []


class Group(_Part):
    """Items of about the same SNR: `label` says it in dB."""

    label: str
    ids: list[str]


class Failed(_Part):
    """An entrant, or an item of one, that could not be judged, and why."""

    name: str
    error: str


class Comparison(_Part):
    """All of it. `entrants` are sorted by the SI-SDR improvement of the source `lead`, best first.

    `splits`: what the items are of; `left_out`: how many rows of other splits the manifest has.
    `items` are those that every entrant did; `best` is the first entrant that is a method. `measured_s`: the length of
    the sound on which time and memory were measured, on `machine`. `grouped_by`: what the groups' SNR is.

    `claims`: how many differences of two methods there are. `interval_by`: the meta key by which items hang together,
    with `interval_groups` of them; empty where each item counts for itself.
    """

    manifest: str
    manifest_sha256: str
    splits: list[str] = []
    left_out: int = 0
    items: list[str]
    sources: list[str]
    lead: str
    best: str | None
    entrants: list[Entrant]
    failed: list[Failed]
    groups: list[Group]
    grouped_by: str
    claims: int = 1
    interval_by: str = ""
    interval_groups: int = 0
    measured_s: float
    machine: str
    notes: list[str]
    soli: str

    @property
    def methods(self) -> list[Entrant]:
        """The entrants that are no marks."""
        return [entrant for entrant in self.entrants if entrant.role == "method"]
