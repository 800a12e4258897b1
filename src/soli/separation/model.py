"""A model file made ready to run: the network's separator, the rest, and chunks of the length the file asks for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from soli.errors import InputError, ModelFileError, UsageError
from soli.modelfile import ModelInfo, read_model
from soli.separation.chunks import Chunked
from soli.separation.events import EventsSeparator
from soli.separation.residual import Residual
from soli.separation.separators import ClusterSeparator, MaskSeparator, NetworkSeparator, WaveformSeparator
from soli.separation.windows import Windowed
from soli.types import MAX_CHANNELS, Array, Context


class _Make(Protocol):
    def __call__(
        self, info: ModelInfo, model: bytes, *, threads: int | None = None, device: str = "auto"
    ) -> NetworkSeparator: ...


_SEPARATORS: dict[str, _Make] = {
    "mask": MaskSeparator,
    "waveform": WaveformSeparator,
    "cluster": ClusterSeparator,
    "events": EventsSeparator,
}


@dataclass(frozen=True, eq=False)
class Model:
    """A `soli.types.Separator` for mixtures (C, T) at its own rate and of any length; thread-safe.

    `network` gives the sources that the network computes, from a whole mixture at once; `residual` makes them
    the stems. `device` is the one in use: "cpu" or "cuda".
    """

    path: Path
    info: ModelInfo
    network: NetworkSeparator

    @property
    def device(self) -> str:
        return self.network.device

    @property
    def sample_rate(self) -> int:
        return self.network.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        return self.info.stems

    @property
    def context(self) -> Context:
        return self.network.context

    @cached_property
    def residual(self) -> Residual:
        return Residual(self.network, rest=self.info.left_to, sources=self.info.stems)

    def separate(self, mixture: Array) -> Array:
        """All stems (S, C, T) of a mixture (C, T) at `sample_rate`, chunk by chunk; they sum to the mixture.

        Raises UsageError where it is not (C, T), InputError where it has no samples or more than 8 channels.
        """
        if mixture.ndim != 2:
            raise UsageError(f"a mixture of shape {mixture.shape}", wanted="(C, T): channels, then samples")
        check_channels(mixture)
        check_not_empty(mixture)
        chunked = Chunked(self.network)
        return self.residual.fill(mixture, chunked.separate(mixture))


def check_channels(samples: NDArray[Any]) -> None:
    """Raises InputError where samples (C, T) have more channels than a recording has, or none."""
    if samples.ndim == 2 and not 1 <= samples.shape[0] <= MAX_CHANNELS:
        raise InputError(
            f"samples of shape {samples.shape}",
            wanted=f"(C, T) with 1 to {MAX_CHANNELS} channels",
            do="transpose (T, C)",
        )


def check_not_empty(samples: Array) -> None:
    """Raises InputError where there is not one sample."""
    if samples.size == 0:
        raise InputError("no samples", wanted="one at least")


def open_model(path: Path, *, threads: int | None = None, device: str = "auto") -> Model:
    """Reads, checks and starts a model file.

    Raises:
        ModelFileError: the file is not whole, not soli's, or of a kind that does not separate by itself.
        UsageError: the device asked for is not there.
    """
    info, model = read_model(path)
    if info.kind not in _SEPARATORS:
        raise ModelFileError(
            f"{path.name}: a model of kind {info.kind!r}",
            wanted=f"one of {', '.join(_SEPARATORS)}",
            do="get a newer soli, or take another model",
        )
    network = _SEPARATORS[info.kind](info, model, threads=threads, device=device)
    if info.window_s is not None:
        network = Windowed(network, window_s=info.window_s, overlap_s=info.overlap_s)
    return Model(path, info, network)
