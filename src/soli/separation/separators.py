"""Separators: a network of a model file and what turns its output into waveforms.

They compute the sources that the network knows, without the rest of the mixture (`soli.separation.residual` adds it),
and take the whole mixture at once (`soli.separation.chunks` cuts long ones). Each channel is separated on its own, as
one item of a batch. They keep nothing between calls, so several threads may share one.
"""

import copy
import math
from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np

from soli.dsp.levels import peak_db
from soli.dsp.masks import apply_masks, as_planes
from soli.dsp.stft import istft, stft
from soli.errors import InputError, ModelFileError
from soli.modelfile import ModelInfo
from soli.separation.clustering import cluster_masks
from soli.separation.orders import agreed, continued
from soli.separation.runtime import Session
from soli.types import Array, Context, Separator, StftSettings

# At most this much audio, or one item, goes through a network in one call, so that many channels need no more memory
# than one. On a CPU, more at once gains nothing: one window of 6 s a call is as fast as three, and takes less memory;
# a GPU is idle without it.
_CALL_S = {"cpu": 7.0, "cuda": 240.0}
# Interchangeable sources are told by what they sound like over this much of a recording.
_MATCHED_S = 1.0


# Told of each call of a network: how many items it holds, and how many samples each of them has.
Watch = Callable[[int, int], None]


class NetworkSeparator(Separator, Protocol):
    """A `soli.types.Separator` that knows its model file and its device, and takes several mixtures at once."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def device(self) -> str: ...

    @property
    def keeps_order(self) -> bool: ...

    def items_at_once(self, length: int) -> int: ...

    def separate_batch(self, mixtures: Array) -> Array: ...

    def separate_after(self, mixture: Array, memory: Any, *, head: int, core: int) -> tuple[Array, Any]: ...

    def watched(self, watch: Watch) -> "NetworkSeparator": ...


class BatchedSeparator:
    """What all network separators share: channels as items, calls of bounded size, silence and the check of numbers."""

    def __init__(self, info: ModelInfo, session: Session, *, hop: int, reach: int) -> None:
        self.info = info
        self.device = session.device
        self.sample_rate = info.sample_rate
        self.sources = info.estimated
        self.preferred_chunk_s = info.chunk_s
        self.keeps_order = info.interchangeable
        self._matched = round(_MATCHED_S * info.sample_rate) if info.interchangeable else 0
        self.context = Context(
            past=_round_up(math.ceil(info.past_s * info.sample_rate) + reach, hop),
            future=_round_up(math.ceil(info.future_s * info.sample_rate) + reach + self._matched, hop),
            hop=hop,
        )
        self._session = session
        self._watch: Watch | None = None

    def watched(self, watch: Watch) -> Self:
        """The same separator, which tells `watch` of each call of its network."""
        twin = copy.copy(self)
        twin._watch = watch
        return twin

    def separate(self, mixture: Array) -> Array:
        """Estimates (S, C, T) of a mixture (C, T), both at `sample_rate`; each channel is separated on its own.

        Interchangeable sources come in the same order in all channels.

        Raises:
            InputError: the mixture holds NaN or infinite samples.
            ModelFileError: the network gives no numbers, or of another shape than its file says.
        """
        estimates = self.separate_batch(mixture).swapaxes(0, 1)
        return agreed(estimates, mixture, sample_rate=self.sample_rate) if self.info.interchangeable else estimates

    def separate_batch(self, mixtures: Array) -> Array:
        """Estimates (B, S, T) of a batch of mixtures (B, T). An item of silence gives silence, to the last bit."""
        items, length = mixtures.shape
        estimates = np.zeros((items, len(self.sources), length), dtype=np.float32)
        sounding = np.flatnonzero(mixtures.any(axis=-1))
        step = self.items_at_once(length)
        for start in range(0, len(sounding), step):
            some = sounding[start : start + step]
            if self._watch is not None:
                self._watch(len(some), length)
            # Overflow is no warning here but an error, told with its cause by the check that follows.
            with np.errstate(over="ignore", invalid="ignore"):
                estimates[some] = self._estimate(mixtures[some])
            self._check_numbers(estimates[some], mixtures[some])
        return estimates

    def separate_after(self, mixture: Array, memory: Array | None, *, head: int, core: int) -> tuple[Array, Array]:
        """As `soli.separation.chunks.KeepsOrder` says; `memory` (S, C, T') is the core's start in the chunk before."""
        estimates = self.separate(mixture)
        if memory is not None:
            estimates = estimates[continued(memory, estimates[..., head : head + memory.shape[-1]])]
        return estimates, estimates[..., head + core : head + core + self._matched].copy()

    def items_at_once(self, length: int) -> int:
        """How many items of `length` samples go through the network in one call at most."""
        return max(1, int(_CALL_S[self.device] * self.sample_rate) // max(length, 1))

    def _estimate(self, mixtures: Array) -> Array:
        raise NotImplementedError

    def _check_shape(self, output: Array, wanted: tuple[int, ...]) -> None:
        if output.shape != wanted:
            raise ModelFileError(
                f"{self.info.name}: its network gave an array of {output.shape}",
                wanted=f"{wanted}",
                do="export it again",
            )

    def _check_numbers(self, estimates: Array, mixtures: Array) -> None:
        if np.isfinite(estimates).all():
            return
        if not np.isfinite(mixtures).all():
            raise InputError(
                "the mixture holds NaN or infinite samples", wanted="finite ones", do="repair the recording"
            )
        raise ModelFileError(
            f"{self.info.name}: its network gave NaN or infinity for a mixture peaking at {peak_db(mixtures):.0f} dBFS",
            wanted="numbers",
            do="scale the recording to a peak of 0 dBFS, or take another model",
        )


class MaskSeparator(BatchedSeparator):
    """A network that looks at the mixture's spectrum and gives a mask, real or complex, for each source.

    Graph: `spectrum` float32 (B, 2, F, N), real and imaginary part, to `masks` float32 (B, S, M, F, N), M = 1 or 2.
    """

    def __init__(self, info: ModelInfo, model: bytes, *, threads: int | None = None, device: str = "auto") -> None:
        if info.stft is None:
            raise ModelFileError(f"{info.name}: a {info.kind} network without settings of its transform")
        self._stft: StftSettings = info.stft
        self._planes = 2 if info.mask == "complex" else 1
        session = Session(model, name=info.name, input="spectrum", outputs=("masks",), threads=threads, device=device)
        # A sample lies in frames that reach up to one n_fft to either side of it.
        super().__init__(info, session, hop=self._stft.hop, reach=self._stft.n_fft)

    def _estimate(self, mixtures: Array) -> Array:
        spectrum = stft(mixtures, self._stft)  # (B, F, N)
        (masks,) = self._session.run(as_planes(spectrum))  # (B, S, M, F, N)
        self._check_shape(masks, (len(mixtures), len(self.sources), self._planes, *spectrum.shape[1:]))
        return istft(apply_masks(masks, spectrum), self._stft, mixtures.shape[-1])


class WaveformSeparator(BatchedSeparator):
    """A network from waveform to waveforms.

    Graph: `waveform` float32 (B, 1, T) to `estimates` float32 (B, S, T).
    """

    def __init__(self, info: ModelInfo, model: bytes, *, threads: int | None = None, device: str = "auto") -> None:
        session = Session(
            model, name=info.name, input="waveform", outputs=("estimates",), threads=threads, device=device
        )
        super().__init__(info, session, hop=info.hop, reach=0)

    def _estimate(self, mixtures: Array) -> Array:
        (estimates,) = self._session.run(mixtures[:, None])
        self._check_shape(estimates, (len(mixtures), len(self.sources), mixtures.shape[-1]))
        return estimates


class ClusterSeparator(BatchedSeparator):
    """A network that places each bin of the mixture's spectrum so that bins of one source lie together.

    Graph: `spectrum` float32 (B, 2, F, N), real and imaginary part, to `embedding` float32 (B, D, F, N) of unit norm
    along D. An item's masks come from all of its bins, so it must be given windows: `soli.separation.clustering`.
    """

    def __init__(self, info: ModelInfo, model: bytes, *, threads: int | None = None, device: str = "auto") -> None:
        if info.stft is None:
            raise ModelFileError(f"{info.name}: a {info.kind} network without settings of its transform")
        self._stft: StftSettings = info.stft
        self._anchors = None if info.anchors is None else np.array(info.anchors, dtype=np.float32)  # (S, D)
        self._estimated = [info.sources.index(source) for source in info.estimated]
        session = Session(
            model, name=info.name, input="spectrum", outputs=("embedding",), threads=threads, device=device
        )
        super().__init__(info, session, hop=self._stft.hop, reach=self._stft.n_fft)

    def _estimate(self, mixtures: Array) -> Array:
        spectrum = stft(mixtures, self._stft)  # (B, F, N)
        (embedding,) = self._session.run(as_planes(spectrum))  # (B, D, F, N)
        width = (*embedding.shape, 0, 0)[1] if self._anchors is None else self._anchors.shape[1]
        self._check_shape(embedding, (len(mixtures), width, *spectrum.shape[1:]))
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        clusters = len(self.info.sources)
        items = zip(embedding, power, strict=True)
        masks = np.stack([cluster_masks(*each, anchors=self._anchors, clusters=clusters) for each in items])
        return istft(apply_masks(masks[:, self._estimated, None], spectrum), self._stft, mixtures.shape[-1])


def _round_up(samples: int, hop: int) -> int:
    return -(-samples // hop) * hop
