"""Frames and seconds: the one rule that turns events into frames and frames into events.

Frame n stands for the stretch from n to n + 1 frame periods. An event holds every frame that it touches, its last one
included, as in the protocol of Kong et al. (2018, arXiv 1804.04715): int(onset x rate) to int(offset x rate).
"""

import math
from dataclasses import dataclass

from soli.errors import InputError

_ROUNDING = 1e-9  # frames: a time that was computed from a frame number is that frame's, whatever the last bit says


@dataclass(frozen=True)
class FrameGrid:
    """`count` frames, `rate_hz` of them a second: 31.25 where the hop is 1024 samples at 32 kHz."""

    rate_hz: float
    count: int

    def span(self, onset_s: float, offset_s: float) -> slice:
        """The frames that an event holds; none where it lies outside of all of them."""
        return slice(min(self._frame(onset_s), self.count), min(self._frame(offset_s, last=True), self.count))

    def seconds(self, first: int, stop: int) -> tuple[float, float]:
        """When the frames from `first` up to but without `stop` begin and end."""
        return first / self.rate_hz, stop / self.rate_hz

    def _frame(self, time_s: float, *, last: bool = False) -> int:
        return max(0, math.floor(time_s * self.rate_hz + _ROUNDING) + last)


def frame_rate(sample_rate: int, hop: int) -> float:
    """Frames a second."""
    return sample_rate / hop


def whole_frames(duration_s: float, rate_hz: float) -> int:
    """How many frames a duration holds in full. Raises InputError where it is negative, NaN or infinite."""
    if not (math.isfinite(duration_s) and duration_s >= 0):
        raise InputError(f"a duration of {duration_s} s", wanted="0 or more seconds")
    return math.floor(duration_s * rate_hz + _ROUNDING)
