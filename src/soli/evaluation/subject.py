"""What is judged: a model by name or file, the mixture as it is, two means without training, or the ideal mask."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.manifest import Manifest
from soli.data.render import Rendered
from soli.errors import DataError, UsageError
from soli.evaluation import kmeans
from soli.evaluation.matching import matched
from soli.evaluation.oracle import FALLBACK_RATE, FALLBACK_STFT, at_rate, ideal_ratio_estimates, mixture_estimates
from soli.modelfile import ModelInfo, read_model
from soli.separation import api, zoo
from soli.types import Array, StftSettings

MIXTURE, ORACLE, KMEANS2 = "mixture", "oracle", "kmeans2"


@dataclass(frozen=True)
class Subject:
    """Who is judged, and on which sources; small and plain, so that it travels to worker processes.

    `sha256` is that of the model file and `info` what it says of itself, nothing for what is none. `stft` is that of
    its ideal mask, at `stft_rate`; other rates get windows as long. `rest` is the source whose reference is the sum of
    all stems that the other sources do not name. `interchangeable`: the estimates of the other sources come in no order
    of their own, and each item is scored in the order that suits it best.
    """

    name: str
    sha256: str
    sources: tuple[str, ...]
    rest: str | None
    stft: StftSettings = FALLBACK_STFT
    stft_rate: int = FALLBACK_RATE
    path: Path | None = None
    info: ModelInfo | None = None
    threads: int | None = None
    interchangeable: bool = False

    def references(self, rendered: Rendered) -> Array:
        """The true sources (S, C, T) of an item; a source without a stem there is silent."""
        silence = np.zeros_like(rendered.mixture)
        stems = dict(rendered.stems)
        named = {name: stems.pop(name, silence) for name in self.sources if name != self.rest}
        if self.rest is not None:
            named[self.rest] = sum(stems.values(), silence)
        return np.stack([named[name] for name in self.sources])

    def estimates(self, rendered: Rendered, references: Array) -> Array:
        """The estimates (S, C, T) of an item's sources, by the same way that `soli separate` goes."""
        if self.path is not None:
            stems = api.separate(
                rendered.mixture, sample_rate=rendered.sample_rate, model=self.path, threads=self.threads
            )
            return np.stack([stems[name] for name in self.sources])
        if self.name == MIXTURE:
            return mixture_estimates(references, rendered.mixture)
        if self.name == KMEANS2:
            return kmeans.two_means_estimates(rendered.mixture, self._stft_at(rendered.sample_rate))
        return self.ceiling(rendered, references)

    def in_order(self, references: Array, estimates: Array) -> Array:
        """The estimates (S, C, T) in the order in which they are scored."""
        if not self.interchangeable:
            return estimates
        among = [place for place, source in enumerate(self.sources) if source != self.rest]
        return matched(references, estimates, among=among)

    def ceiling(self, rendered: Rendered, references: Array) -> Array:
        """What the ideal ratio mask gives (S, C, T), with windows as long as the model's, 64 ms where it has none."""
        return ideal_ratio_estimates(references, rendered.mixture, self._stft_at(rendered.sample_rate))

    def _stft_at(self, rate: int) -> StftSettings:
        return at_rate(self.stft, sample_rate=self.stft_rate, wanted_rate=rate)


def subject_of(model: str, manifest: Manifest, *, threads: int | None = None) -> Subject:
    """Finds out who is judged on which sources.

    Raises:
        UsageError: no such model, it shares no source with the manifest, or the manifest has not the two of kmeans2.
        ModelFileError: the model file cannot be used.
    """
    stems = tuple(dict.fromkeys(name for row in manifest.rows for name in row.stems))
    if model in (MIXTURE, ORACLE):
        if not stems:
            raise DataError("the manifest names no sources", wanted="rows with parts")
        return Subject(model, "", stems, None)
    if model == KMEANS2:
        if len(stems) != 2:
            found = f"kmeans2 finds two sources; the manifest has {', '.join(stems) or 'none'}"
            raise UsageError(found, wanted="a manifest of two sources", do="leave kmeans2 out")
        return Subject(model, "", stems, None, interchangeable=True)
    path = zoo.path(model)
    info, content = read_model(path)
    if not set(info.estimated) & set(stems):
        raise UsageError(
            f"{info.name} separates {', '.join(info.estimated)}; the manifest has {', '.join(stems) or 'no sources'}",
            wanted="one source in common",
            do="give the manifest that belongs to the model",
        )
    return Subject(
        info.name,
        hashlib.sha256(content).hexdigest(),
        info.stems,
        info.left_to,
        info.stft or FALLBACK_STFT,
        info.sample_rate if info.stft else FALLBACK_RATE,
        path=path,
        info=info,
        threads=threads,
        interchangeable=info.interchangeable,
    )
