"""A recording of any length in so many columns: what a picture of it is drawn from, in constant memory."""

from collections.abc import Callable

import numpy as np

from soli.detection.fading import Faded
from soli.detection.listening import Window
from soli.detection.seen import Seen
from soli.types import Array

# Between so many columns and twice as many: about the pixels that a picture is wide.
COLUMNS = 700

_Join = Callable[[Array], Array]


class Shrinking:
    """Values (..., N) over time in at most 2 x `columns` columns, each of as many values as it takes.

    `join` makes one column (..., n) of several (..., n, values): their mean, or their largest.
    """

    def __init__(self, join: _Join, *, columns: int = COLUMNS) -> None:
        self._join, self._most = join, 2 * columns
        self.values_a_column = 1
        self._done: Array | None = None
        self._rest: Array | None = None  # fewer values than a column holds

    def push(self, values: Array) -> None:
        """Appends values (..., N)."""
        if self._rest is not None:
            values = np.concatenate([self._rest, values], axis=-1)
        count = values.shape[-1] // self.values_a_column
        whole = self._joined(values[..., : count * self.values_a_column], self.values_a_column)
        self._rest = values[..., count * self.values_a_column :].copy()
        self._done = whole if self._done is None else np.concatenate([self._done, whole], axis=-1)
        while self._done.shape[-1] > self._most:
            self._halve()

    def columns(self) -> Array:
        """All columns (..., n); the last one may be of fewer values than the others."""
        if self._done is None or self._rest is None:
            raise ValueError("nothing was pushed")
        if not self._rest.shape[-1]:
            return self._done
        return np.concatenate([self._done, self._joined(self._rest, self._rest.shape[-1])], axis=-1)

    def _halve(self) -> None:
        assert self._done is not None
        assert self._rest is not None
        odd = self._done.shape[-1] % 2
        if odd:  # a column without a neighbour becomes the values that it stands for
            last = np.repeat(self._done[..., -1:], self.values_a_column, axis=-1)
            self._rest = np.concatenate([last, self._rest], axis=-1)
        self._done = self._joined(self._done[..., : self._done.shape[-1] - odd], 2)
        self.values_a_column *= 2

    def _joined(self, values: Array, size: int) -> Array:
        return self._join(values.reshape(*values.shape[:-1], -1, size))


class Overview:
    """Gathers a recording's waveform, levels of bands and masks, window by window."""

    def __init__(self, bands: Array, *, step: int, overlap: int, hop: int, columns: int = COLUMNS) -> None:
        self._bands, self._hop = bands, hop
        self._faded = Faded(step=step, overlap=overlap)
        self._peaks = Shrinking(_largest, columns=columns)
        self._pictures = Shrinking(_mean, columns=columns)

    def add(self, window: Window) -> None:
        """Takes the next window: the waveform of all channels, the mean of their levels, the highest of their masks."""
        heard = window.heard
        levels = self._bands @ np.abs(heard.spectrum).mean(axis=0)  # (M, N)
        self._pictures.push(self._faded.push(np.concatenate([levels[None], heard.masks.max(axis=0)])))
        own = window.samples[:, : window.step]
        self._peaks.push(np.stack([own.max(axis=0), -own.min(axis=0)]))
        self._after = window.samples[:, window.step :]  # the next window has it too, if there is one

    def seen(self, *, sample_rate: int) -> Seen:
        """What there is to be drawn; `sample_rate` is the windows'."""
        last = self._faded.flush()
        if last is not None:
            self._pictures.push(last)
        if self._after.shape[-1]:
            self._peaks.push(np.stack([self._after.max(axis=0), -self._after.min(axis=0)]))
        highest, lowest = self._peaks.columns()
        pictures = self._pictures.columns()
        return Seen(
            highest=highest,
            lowest=-lowest,
            peak_s=self._peaks.values_a_column / sample_rate,
            levels=pictures[0],
            masks=pictures[1:],
            frame_s=self._pictures.values_a_column * self._hop / sample_rate,
        )


def _largest(values: Array) -> Array:
    found: Array = values.max(axis=-1)
    return found


def _mean(values: Array) -> Array:
    found: Array = values.mean(axis=-1)
    return found
