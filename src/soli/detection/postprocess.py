"""From the probabilities of a network to sound events: gating by tags, hysteresis, mending of gaps, dropping of blips.

Letters: K classes, N frames. A class sounds in a frame, and is present in a clip, where its probability lies above its
threshold, not on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.dsp.frames import FrameGrid, whole_frames
from soli.errors import InputError, UsageError
from soli.types import Event

Probabilities = NDArray[np.floating]
PerClass = float | Sequence[float]


@dataclass(frozen=True)
class Hysteresis:
    """When a class begins and ends to sound.

    An event is a stretch of frames above `low` with at least one above `high`; both are one number, or one a class.
    Events with no more than `gap` frames between them are one, those frames included, be they silent or of a stretch
    without a high frame; events of no more than `shortest` frames, gaps included, are none. Before all that, each frame
    becomes the median of `median` frames around it (odd; 1: as it is).
    The defaults are those of Kong et al. (2018, arXiv 1804.04715) at a hop of 32 ms.
    """

    high: PerClass = 0.2
    low: PerClass = 0.1
    gap: int = 10
    shortest: int = 10
    median: int = 1

    def __post_init__(self) -> None:
        if not all(math.isfinite(each) for each in (*_listed(self.high), *_listed(self.low))):
            raise UsageError("a threshold that is NaN or infinite", wanted="probabilities")
        if bool((np.asarray(self.low) > np.asarray(self.high)).any()):
            raise UsageError(
                f"events that begin above {self.high} and end below {self.low}",
                wanted="an end no higher than the beginning",
            )
        if self.gap < 0 or self.shortest < 0:
            raise UsageError(f"gaps of {self.gap} and blips of {self.shortest} frames", wanted="0 or more")
        if self.median < 1 or self.median % 2 == 0:
            raise UsageError(f"a median of {self.median} frames", wanted="an odd number")

    @classmethod
    def in_seconds(
        cls,
        *,
        rate_hz: float,
        high: PerClass = 0.2,
        low: PerClass = 0.1,
        gap_s: float = 0.32,
        shortest_s: float = 0.32,
        median_s: float = 0.0,
    ) -> "Hysteresis":
        """The same with lengths in seconds: as many frames as they hold in full, of a median an odd number.

        So a gap of just `gap_s` is bridged, and an event of just `shortest_s` is dropped.
        """
        around = whole_frames(median_s / 2, rate_hz)
        gap, shortest = whole_frames(gap_s, rate_hz), whole_frames(shortest_s, rate_hz)
        return cls(high, low, gap=gap, shortest=shortest, median=2 * around + 1)


def present(tags: ArrayLike, *, threshold: PerClass) -> NDArray[np.bool_]:
    """Which classes a clip holds, from its tags (K,). Raises InputError where one is NaN, or the numbers do not fit."""
    values = _finite(tags, "tags", axes=1)
    found: NDArray[np.bool_] = values > _per_class(threshold, len(values), "threshold")
    return found


def gated(frames: ArrayLike, tags: ArrayLike, *, threshold: PerClass) -> Probabilities:
    """Frame probabilities (K, N) with those of classes that are not present at 0. Raises InputError as `present`."""
    values = _finite(frames, "frame probabilities", axes=2)
    there = present(tags, threshold=threshold)
    if len(there) != len(values):
        raise InputError(f"{len(there)} tags for frames of {len(values)} classes", wanted="one tag a class")
    return np.where(there[:, None], values, values.dtype.type(0))


def smoothed(frames: ArrayLike, *, median: int) -> Probabilities:
    """The median over `median` frames (odd) around each of (K, N); beyond the ends the first and last frame go on."""
    values = _finite(frames, "frame probabilities", axes=2)
    if median == 1 or values.shape[1] == 0:
        return values
    padded = np.pad(values, ((0, 0), (median // 2, median // 2)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, median, axis=1)
    return np.asarray(np.median(around, axis=-1), dtype=values.dtype)


def stretches(
    values: Probabilities, *, high: float, low: float, gap: int = 0, shortest: int = 0
) -> list[tuple[int, int]]:
    """The events of one class in frames: first, and the one after the last, from its probabilities (N,)."""
    if not values.size or values.max() <= high:
        return []  # most classes, in most recordings: told at a tenth of the price
    runs = _runs(values > low)
    highs = np.concatenate([[0], np.cumsum(values > high)])
    found = runs[highs[runs[:, 1]] > highs[runs[:, 0]]].tolist()
    merged: list[tuple[int, int]] = []
    for first, stop in found:
        if merged and first - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((first, stop))
    return [(first, stop) for first, stop in merged if stop - first > shortest]


def events_of(
    frames: ArrayLike,
    *,
    classes: Sequence[str],
    rate_hz: float,
    hysteresis: Hysteresis | None = None,
    duration_s: float | None = None,
) -> list[Event]:
    """The events in frame probabilities (K, N) at `rate_hz` frames a second, in order of time.

    The confidence of an event is its highest probability. No event ends beyond `duration_s`, if given, and none begins
    there. Raises InputError: a probability is NaN or infinite, or the numbers of classes do not fit.
    """
    rule = hysteresis or Hysteresis()
    values = smoothed(frames, median=rule.median)
    if len(values) != len(classes):
        raise InputError(
            f"probabilities of {len(values)} classes", wanted=f"one row for each of {len(classes)} classes"
        )
    highs, lows = (_per_class(each, len(classes), "threshold") for each in (rule.high, rule.low))
    grid = FrameGrid(rate_hz, values.shape[1])
    found = []
    for name, row, high, low in zip(classes, values, highs, lows, strict=True):
        for first, stop in stretches(row, high=high, low=low, gap=rule.gap, shortest=rule.shortest):
            onset_s, offset_s = grid.seconds(first, stop)
            if duration_s is not None and onset_s >= duration_s:
                continue
            offset_s = offset_s if duration_s is None else min(offset_s, duration_s)
            found.append(Event(onset_s, offset_s, name, float(row[first:stop].max())))
    return sorted(found, key=lambda event: (event.onset_s, event.offset_s, event.label))


def _runs(active: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where stretches of True begin and where they are over: (stretches, 2)."""
    padded = np.concatenate([[False], active, [False]])
    return np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)


def _finite(values: ArrayLike, name: str, *, axes: int) -> Probabilities:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if array.ndim != axes:
        raise InputError(f"{name} of shape {array.shape}", wanted="(K,)" if axes == 1 else "(K, N)")
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise InputError(f"the {name} hold NaN or infinity at {bad} of {array.size} places", wanted="finite numbers")
    return array


def _per_class(values: PerClass, classes: int, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((), (classes,)):
        raise InputError(f"{array.size} values of the {name} for {classes} classes", wanted="one, or one a class")
    return np.broadcast_to(array, (classes,))


def _listed(values: PerClass) -> Sequence[float]:
    return values if isinstance(values, Sequence) else (values,)
