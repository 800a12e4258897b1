"""What the estimates leave of the mixture goes to the rest or to all stems, which together are the mixture again."""

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
    """Adds the rest to a separator's sources, or to each of them its share of what is left.

    Args:
        separator: computes all sources but the rest.
        rest: the name of what is left; None where the separator's sources are all there is, and share it equally.
        sources: the order of all stems; without it the rest comes last.

    Raises:
        UsageError: `sources` are not the separator's own and the rest.
    """

    def __init__(self, separator: Separator, *, rest: str | None = REST, sources: Sequence[str] | None = None) -> None:
        self.separator, self.rest = separator, rest
        stems = (*separator.sources, *(() if rest is None else (rest,)))
        self.sources = tuple(sources) if sources is not None else stems
        if sorted(self.sources) != sorted(stems) or rest in separator.sources:
            raise UsageError(f"stems {self.sources}", wanted=f"{stems}, each once")
        self._places = [self.sources.index(source) for source in separator.sources]
        # Where the rest alone goes, or everywhere.
        self._left_to: slice | int = slice(None) if rest is None else self.sources.index(rest)

    @property
    def sample_rate(self) -> int:
        return self.separator.sample_rate

    def fill(self, mixture: Array, estimates: Array) -> Array:
        """All stems (S, C, T) in order, from the mixture (C, T) and the separator's estimates of it (C, T each).

        They sum to the mixture but for the rounding of float32.
        Both may be at another rate than the separator's: at the recording's own rate, what is left also holds what the
        separator never saw.
        """
        left = mixture.astype(np.float32)
        for estimate in estimates:
            left -= estimate
        stems = np.zeros((len(self.sources), *mixture.shape), dtype=np.float32)
        stems[self._places] = estimates
        stems[self._left_to] += left if self.rest is not None else left / len(stems)
        return stems
