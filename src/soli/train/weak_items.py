"""Training items of sound events: labelled clips of a manifest, in an order that is drawn anew each time round.

Rows of parts are rendered on the fly, rows that only name a recording are read. The tags are the row's labels; where a
row's parts say when each event sounds, its frames are known, too, and a loss may look at them (`frame_bce`).
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from soli.data.manifest import Row
from soli.data.render import render
from soli.dsp.frames import FrameGrid, frame_rate
from soli.dsp.stft import frame_count
from soli.errors import DataError, SoliError
from soli.train.dataset import Item
from soli.types import Array


class Clips:
    """Labelled rows as tensors: mixture (T,), tags (K,), and what is known of the frames (K, N), -1 where nothing is.

    Each clip comes once before any comes again. All are `length` samples long: shorter ones are followed by silence, of
    longer ones a stretch drawn at random is taken; with what it lacks of the events it keeps the labels of the whole.
    """

    def __init__(
        self, rows: Sequence[Row], *, root: Path, classes: tuple[str, ...], length: int, hop: int, seed: int
    ) -> None:
        self.rows, self.root, self.classes = tuple(rows), root, classes
        self.length, self.hop, self.seed = length, hop, seed

    @property
    def channels(self) -> int:
        """How many channels the recordings have, by the first of them."""
        return len(render(self.rows[0], self.root).mixture)

    def row(self, index: int) -> Row:
        """The row of an item: a pure function of the seed and the index."""
        count = len(self.rows)
        return self.rows[_order(self.seed, index // count, count)[index % count]]

    def __getitem__(self, index: int) -> Item | SoliError:
        row = self.row(index)
        try:
            mixture = render(row, self.root).mixture[0]
        except SoliError as error:
            return error
        start = self._start(row, mixture.shape[-1], index)
        piece = mixture[start : start + self.length]
        samples = np.zeros(self.length, np.float32)
        samples[: len(piece)] = piece
        frames = self._active(row, start_s=start / row.sample_rate)
        return torch.from_numpy(samples), torch.from_numpy(tags_of(row, self.classes)), torch.from_numpy(frames)

    def _start(self, row: Row, length: int, index: int) -> int:
        spare = length - self.length
        return int(np.random.default_rng((self.seed, 1, index)).integers(spare + 1)) if spare > 0 else 0

    def _active(self, row: Row, *, start_s: float) -> Array:
        """What is known of the frames of an item that starts within a row, (K, N)."""
        shape = (len(self.classes), frame_count(self.length, self.hop))
        if not row.parts or row.stretch != 1.0:
            return np.full(shape, -1.0, np.float32)
        active = np.zeros(shape, np.float32)
        grid = FrameGrid(frame_rate(row.sample_rate, self.hop), shape[1])
        for part in row.parts:
            if part.source in self.classes:
                onset_s = part.onset_s - start_s
                active[self.classes.index(part.source), grid.span(onset_s, onset_s + part.duration_s)] = 1.0
        return active


def tags_of(row: Row, classes: Sequence[str]) -> Array:
    """1 for each class that is among the row's labels, else 0, (K,)."""
    return np.array([name in row.labels for name in classes], dtype=np.float32)


def labels_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The labels of rows in alphabetical order. Raises DataError where they have none."""
    found = tuple(sorted({label for row in rows for label in row.labels}))
    if not found:
        raise DataError(
            f"none of the {len(rows)} rows to train on has a label", wanted="clips labelled with what they hold"
        )
    return found


@lru_cache(maxsize=4)
def _order(seed: int, time_round: int, count: int) -> list[int]:
    return np.random.default_rng((seed, 0, time_round)).permutation(count).tolist()
