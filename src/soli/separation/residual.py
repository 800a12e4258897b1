"""The rest: what the estimates leave of the mixture, so that all stems together are the mixture again."""

from collections.abc import Iterable, Sequence

import numpy as np

from soli.errors import UsageError, near
from soli.modelfile import REST
from soli.types import Array, Separator


def check_stems(chosen: Iterable[str], stems: tuple[str, ...]) -> None:
    """Raises UsageError where one of the chosen names is none of the stems."""
    for name in chosen:
        if name not in stems:
            raise UsageError(f"unknown stem {name!r}", wanted=f"some of {', '.join(stems)}", do=near(name, stems))


class Residual:
    """Adds the rest to a separator's sources.

    Args:
        separator: computes all sources but the rest.
        rest: the name of what is left.
        sources: the order of all stems; without it the rest comes last.

    Raises:
        UsageError: `sources` are not the separator's own and the rest.
    """

    def __init__(self, separator: Separator, *, rest: str = REST, sources: Sequence[str] | None = None) -> None:
        self.separator, self.rest = separator, rest
        self.sources = tuple(sources) if sources is not None else (*separator.sources, rest)
        if sorted(self.sources) != sorted((*separator.sources, rest)) or rest in separator.sources:
            raise UsageError(f"stems {self.sources}", wanted=f"{separator.sources} and {rest!r}, each once")
        self._places = [self.sources.index(source) for source in separator.sources]
        self._rest_place = self.sources.index(rest)

    @property
    def sample_rate(self) -> int:
        return self.separator.sample_rate

    def fill(self, mixture: Array, estimates: Array) -> Array:
        """All stems (S, C, T) in order, from the mixture (C, T) and the separator's estimates of it (S - 1, C, T).

        They sum to the mixture but for the rounding of float32.
        Both may be at another rate than the separator's: taken at the recording's own rate the rest also holds what the
        separator never saw.
        """
        stems = np.empty((len(self.sources), *mixture.shape), dtype=np.float32)
        stems[self._places] = estimates
        rest = stems[self._rest_place]
        rest[...] = mixture
        for estimate in estimates:
            rest -= estimate
        return stems
