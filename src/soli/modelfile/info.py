"""What a model file says of its network."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from soli.modelfile.detection import DetectionInfo
from soli.types import MAX_RATE, MIN_RATE, StftSettings

FORMAT_VERSION = 3
REST = "rest"  # the stem that is added where a network computes every source it names, and these are not all there is

Kind = Literal["mask", "waveform", "cluster", "events", "audio-visual"]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
# A source's name becomes a file's name, so nothing in it may lead out of a folder. Classes of sounds keep the names
# that their sets give them: Acoustic_guitar, Hi-hat, Dog bark.
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 _-]*[A-Za-z0-9_-])?$", max_length=64)]


class Licence(BaseModel):
    """Under what terms the weights may be used, and the data that they were trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    data: str


class DataUse(BaseModel):
    """A collection of recordings that the network was trained on, and as what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    licence: str
    role: str


class ModelInfo(BaseModel):
    """All that is known of a network: how to run it, what it gives, where it comes from.

    `sources` are all stems in order. The network itself computes them without `rest`: the source that takes what the
    others leave of the mixture. Where `rest` is None the network computes all sources, and what they leave becomes one
    stem more, "rest"; with `complete` the sources are all there is, and what resampling and rounding leave is shared
    out among them. `complete` is of format 2; a file without it is of format 1, which older versions read. A chunk of
    `chunk_s` needs `past_s` and `future_s` around it for the network's own memory (the frames of its transform are
    added by the separator); it starts at a multiple of `hop` samples for a waveform network, of `stft.hop` for a mask
    network. A network that remembers without end is given windows of `window_s`, of which neighbours share `overlap_s`,
    instead of context. `macs_per_s` counts multiply-accumulates for a second of one channel. The outputs of a network
    with `interchangeable` sources (speakers) come in no order of their own: it is kept over a recording by what
    neighbours share. A cluster network with named sources has an embedding for each, rest included, that its clusters
    grow from: `anchors` (S, D). The sources of an events network are its classes, and `detection` says how its masks
    and tags become events; such files are of format 3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1, 2, 3] = 1
    name: str = Field(min_length=1)
    family: str
    kind: Kind
    sample_rate: int = Field(ge=MIN_RATE, le=MAX_RATE)
    sources: tuple[SourceName, ...] = Field(min_length=1)
    rest: SourceName | None = None
    complete: bool = False
    stft: StftSettings | None = None
    mask: Literal["real", "complex"] | None = None
    hop: int = Field(default=1, ge=1)
    chunk_s: float = Field(gt=0, allow_inf_nan=False)
    past_s: Finite = 0.0
    future_s: Finite = 0.0
    window_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    overlap_s: Finite = 0.0
    interchangeable: bool = False
    anchors: tuple[tuple[Number, ...], ...] | None = None
    detection: DetectionInfo | None = None
    parameters: int = Field(ge=0)
    macs_per_s: Finite
    licence: Licence
    data: tuple[DataUse, ...] = ()
    manifest_sha256: str = ""
    scores: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    recipe: str = ""
    soli: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({source.lower() for source in self.sources}) != len(self.sources):
            raise ValueError("a source is named twice, or but for capital letters, which some file systems do not tell")
        if self.rest is not None and (self.rest not in self.sources or len(self.sources) < 2):
            raise ValueError(f"rest {self.rest!r} must be one of two or more sources")
        if self.rest is None and REST in self.sources:
            raise ValueError(f'a source named "{REST}" that is not the rest')
        if self.complete and (self.rest is not None or len(self.sources) < 2):
            raise ValueError(f"complete, with the sources {', '.join(self.sources)} and the rest {self.rest}")
        if self.complete and self.format_version == 1:
            raise ValueError("complete, in a file of format 1")
        if (self.detection is not None) != (self.kind == "events"):
            raise ValueError("detection, the settings of an events network, in another one or missing in one")
        if self.detection is not None:
            self.detection.check(classes=len(self.estimated), format_version=self.format_version, stft=self.stft)
        if self.window_s is not None and not 0 < self.overlap_s <= self.window_s / 2:
            raise ValueError(f"windows of {self.window_s} s that share {self.overlap_s} s, more than half or nothing")
        if self.kind == "mask" and (self.stft is None or self.mask is None):
            raise ValueError("a mask network needs the settings stft and mask")
        if self.interchangeable and len(self.estimated) < 2:
            raise ValueError(f"interchangeable sources, but only {', '.join(self.estimated)} is estimated")
        return self

    @model_validator(mode="after")
    def _clustered(self) -> Self:
        if self.kind != "cluster":
            if self.anchors is not None:
                raise ValueError(f"anchors in a {self.kind} network: only clusters have them")
            return self
        if self.stft is None or self.window_s is None:
            raise ValueError("a cluster network needs the settings stft and window_s")
        if self.interchangeable and (self.anchors is not None or self.rest is not None):
            raise ValueError("clusters of interchangeable sources have neither anchors nor a rest")
        if not self.interchangeable and self.anchors is None:
            raise ValueError("clusters of named sources need anchors")
        if self.anchors is not None:
            widths = {len(anchor) for anchor in self.anchors}
            if len(self.anchors) != len(self.sources) or len(widths) != 1 or 0 in widths:
                raise ValueError(f"anchors of lengths {sorted(widths)} for {len(self.sources)} sources: one a source")
        return self

    @property
    def stems(self) -> tuple[str, ...]:
        """All that a recording is taken apart into, in order: the sources, and the rest where they need one more."""
        return self.sources if self.left_to in (None, *self.sources) else (*self.sources, REST)

    @property
    def left_to(self) -> str | None:
        """The stem that takes what the estimates leave of the mixture; None where they share it."""
        return None if self.complete else self.rest or REST

    def as_json(self) -> str:
        """What the file says, without what its format does not know."""
        unknown = {"complete": 2, "detection": 3}
        return self.model_dump_json(exclude={name for name, since in unknown.items() if since > self.format_version})

    @property
    def estimated(self) -> tuple[str, ...]:
        """The sources that the network itself computes, in the order of its outputs."""
        return tuple(source for source in self.sources if source != self.rest)
