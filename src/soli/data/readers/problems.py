"""All that is wrong with a set, told at once: whoever mends it need not come back for the next thing."""

from collections.abc import Sequence
from pathlib import Path

from soli.errors import DataError

MAX_NAMED = 20


class BadSetError(DataError):
    """A set is not as it should be; `problems` has a line each, the message the first of them."""

    def __init__(self, root: Path | str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        more = len(problems) - MAX_NAMED
        listed = "; ".join([*problems[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])])
        super().__init__(f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {root}: {listed}")
