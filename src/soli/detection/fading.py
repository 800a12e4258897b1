"""Windows joined frame by frame, as `soli.separation.windows` joins their samples: each fades into the next."""

import numpy as np

from soli.types import Array


class Faded:
    """Joins values (..., N) of windows a `step` of frames apart, which share `overlap` frames; keeps what they share.

    Over what two windows share, the weight goes from the first to the second in a straight line.
    """

    def __init__(self, *, step: int, overlap: int) -> None:
        self._step = step
        self._rise = np.arange(overlap + 1, dtype=np.float32) / overlap  # a window's last frame is where the next's is
        self._shared: Array | None = None

    def push(self, values: Array) -> Array:
        """The frames (..., N') that are done with this window: as many as its step, or all there are if it is short."""
        joined = values.astype(np.float32)
        if self._shared is not None:
            share = self._shared.shape[-1]
            joined[..., :share] = self._shared + self._rise * (joined[..., :share] - self._shared)
        self._shared = joined[..., self._step : self._step + len(self._rise)].copy()
        if self._shared.shape[-1] < len(self._rise):  # the recording's last window: none comes that would share it
            self._shared = None
            return joined
        return joined[..., : self._step]

    def flush(self) -> Array | None:
        """What the last window kept for one that did not come, if anything."""
        shared, self._shared = self._shared, None
        return shared
