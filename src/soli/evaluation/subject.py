"""What is judged: a model by name or file, the mixture as it is, or the ideal mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soli.data.manifest import Manifest
from soli.data.render import Rendered
from soli.errors import DataError, UsageError
from soli.evaluation.oracle import FALLBACK_STFT, at_rate, ideal_ratio_estimates, mixture_estimates
from soli.media.hashing import sha256_file
from soli.modelfile import REST, read_model
from soli.separation import api, zoo
from soli.types import Array, StftSettings

MIXTURE, ORACLE = "mixture", "oracle"


@dataclass(frozen=True)
class Subject:
    """Who is judged, and on which sources; small and plain, so that it travels to worker processes.

    `sha256` is that of the model file, empty for the mixture and the oracle. `rest` is the source whose reference is
    the sum of all stems that the other sources do not name.
    """

    name: str
    sha256: str
    sources: tuple[str, ...]
    rest: str | None
    stft: StftSettings
    sample_rate: int | None
    path: Path | None = None
    threads: int | None = None

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
        return self.ceiling(rendered, references)

    def ceiling(self, rendered: Rendered, references: Array) -> Array:
        """What the ideal ratio mask gives (S, C, T), with windows as long as the model's."""
        settings = self.stft
        if self.sample_rate is not None:
            settings = at_rate(settings, sample_rate=self.sample_rate, wanted_rate=rendered.sample_rate)
        return ideal_ratio_estimates(references, rendered.mixture, settings)


def subject_of(model: str, manifest: Manifest, *, threads: int | None = None) -> Subject:
    """Finds out who is judged on which sources.

    Raises:
        UsageError: no such model, or it shares no source with the manifest.
        ModelFileError: the model file cannot be used.
    """
    stems = tuple(dict.fromkeys(name for row in manifest.rows for name in row.stems))
    if model in (MIXTURE, ORACLE):
        if not stems:
            raise DataError("the manifest names no sources", wanted="rows with parts")
        return Subject(model, "", stems, None, FALLBACK_STFT, None)
    path = zoo.path(model)
    info, _ = read_model(path)
    if not set(info.estimated) & set(stems):
        raise UsageError(
            f"{info.name} separates {', '.join(info.estimated)}; the manifest has {', '.join(stems) or 'no sources'}",
            wanted="one source in common",
            do="give the manifest that belongs to the model",
        )
    rate = info.sample_rate if info.stft is not None else None
    return Subject(
        info.name,
        sha256_file(path),
        info.stems,
        info.rest or REST,
        info.stft or FALLBACK_STFT,
        rate,
        path=path,
        threads=threads,
    )
