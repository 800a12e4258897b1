"""Training items: mixtures rendered on the fly from a mixing spec or of songs, or excerpts of the rows of a manifest.

Item `index` is a pure function of the run's seed and of the index, so that the order of a run does not depend on the
number of loader processes, and a resumed run sees exactly the items that it would have seen.
"""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from soli.data.library import Split
from soli.data.manifest import Manifest, Row, excerpt, remix
from soli.data.plan import Planner
from soli.data.render import Rendered, render
from soli.data.song_mixing import SongMixer
from soli.errors import DataError, SoliError
from soli.modelfile import REST
from soli.stops import stand_apart, undisturbed
from soli.train.objectives import Batch

# Ten quartets of 25 s at 44.1 kHz take 220 MB.
KEPT_BYTES = 512_000_000


class Items(Protocol):
    """Where the audio of an item comes from: the row that it is, and the row rendered."""

    sample_rate: int

    def row(self, index: int) -> Row: ...

    def __call__(self, index: int) -> Rendered: ...


class Planned:
    """Items drawn from a library by a planner."""

    def __init__(self, planner: Planner, *, split: Split, root: Path) -> None:
        self.planner, self.split, self.root = planner, split, root
        self.sample_rate = planner.spec.sample_rate

    def row(self, index: int) -> Row:
        return self.planner.row(self.split, index)

    def __call__(self, index: int) -> Rendered:
        return render(self.row(index), self.root)


class Mixed:
    """Items mixed anew of the songs of a manifest."""

    def __init__(self, mixer: SongMixer, *, root: Path) -> None:
        self.mixer, self.root = mixer, root
        self.sample_rate = mixer.sample_rate

    def row(self, index: int) -> Row:
        return self.mixer.row(index)

    def __call__(self, index: int) -> Rendered:
        return render(self.row(index), self.root)


class Cyclic:
    """The first `distinct` items, over and over: each is rendered once, and kept as far as `kept_bytes` reach.

    What is given out is what is kept: it must not be changed in place. Every loader process keeps its own.
    """

    def __init__(self, items: Items, *, distinct: int, kept_bytes: int = KEPT_BYTES) -> None:
        self.items, self.distinct = items, distinct
        self.sample_rate = items.sample_rate
        self._left = kept_bytes
        self._kept: dict[int, Rendered] = {}

    def row(self, index: int) -> Row:
        return self.items.row(index % self.distinct)

    def __call__(self, index: int) -> Rendered:
        place = index % self.distinct
        if place in self._kept:
            return self._kept[place]
        item = self.items(place)
        size = item.mixture.nbytes + sum(stem.nbytes for stem in item.stems.values())
        if size <= self._left:
            self._left -= size
            self._kept[place] = item
        return item


class Excerpts:
    """Items cut at random from the rows of a manifest; rows shorter than the item are padded with silence.

    With `remixed` each source is cut from a row of its own, and at a time of its own: as many mixtures as there are
    pairs of rows, where the rows as they are would soon be known by heart.
    """

    def __init__(
        self, manifest: Manifest, *, split: str, duration_s: float | None, seed: int, remixed: bool = False
    ) -> None:
        self.rows = training_rows(manifest, split=split)
        rates = sorted({row.sample_rate for row in self.rows})
        if len(rates) > 1:
            raise DataError(f"the manifest mixes sample rates {rates}", wanted="one rate")
        self.root, self.seed, self.sample_rate = manifest.root, seed, rates[0]
        self.duration_s = duration_s or max(row.duration_s for row in self.rows)
        self.sources = tuple(dict.fromkeys(source for row in self.rows for source in row.stems)) if remixed else ()

    def row(self, index: int) -> Row:
        rng = np.random.default_rng((self.seed, index))
        return remix({source: self._cut(rng) for source in self.sources}) if self.sources else self._cut(rng)

    def __call__(self, index: int) -> Rendered:
        return render(self.row(index), self.root)

    def _cut(self, rng: np.random.Generator) -> Row:
        row = self.rows[int(rng.integers(len(self.rows)))]
        start_s = float(rng.uniform(0, max(row.duration_s - self.duration_s, 0)))
        return excerpt(row, start_s=start_s, duration_s=self.duration_s)


# Mixture and targets, and what is known of the frames where a batch holds that.
Item = tuple[torch.Tensor, ...]


class Tensors(Protocol):
    """Items as tensors, by their index; `channels` is how many the recordings have, of which the first is taken."""

    @property
    def channels(self) -> int: ...

    def __getitem__(self, index: int) -> "Item | SoliError": ...


class Mixtures(Dataset[Item | SoliError]):
    """Rendered items as tensors: mixture (T,) and targets (S, T), the first channel of each.

    A source called "rest" is what the other sources leave of the mixture, whatever that is made of. An error that the
    user can mend is returned, not raised: a loader process would wrap it in its own traceback.
    """

    def __init__(self, items: Items, sources: tuple[str, ...]) -> None:
        self.items, self.sources = items, sources

    @property
    def channels(self) -> int:
        """How many channels the items have, by the first of them."""
        return len(self.items(0).mixture)

    def __getitem__(self, index: int) -> Item | SoliError:
        try:
            item = self.items(index)
        except SoliError as error:
            return error
        silent = np.zeros_like(item.mixture[0])
        targets = np.stack([item.stems[s][0] if s in item.stems else silent for s in self.sources])
        if REST in self.sources:
            targets[self.sources.index(REST)] = item.mixture[0] - sum(
                item.stems[s][0] for s in self.sources if s != REST and s in item.stems
            )
        return torch.from_numpy(item.mixture[0].copy()), torch.from_numpy(targets)


class Onwards(Sampler[int]):
    """The indices of the items, from a step on and without end."""

    def __init__(self, *, step: int, batch: int) -> None:
        self.step, self.batch = step, batch

    def __iter__(self) -> Iterator[int]:
        return count(self.step * self.batch)


def batches(mixtures: Tensors, order: Onwards, *, workers: int) -> Iterator[Batch]:
    """An endless stream of batches in the given order."""
    loader: DataLoader[Item | SoliError] = DataLoader(
        cast(Dataset[Item | SoliError], mixtures),
        batch_size=order.batch,
        sampler=order,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_ready_loader,
        collate_fn=_collate,
        # Else the loader would draw from the generator that dropout draws from, once more with every resumption.
        generator=torch.Generator(),
    )
    with undisturbed():
        items = iter(loader)
    for batch in items:
        if isinstance(batch, SoliError):
            raise batch
        yield batch


def _collate(items: list[Item | SoliError]) -> Batch | SoliError:
    rendered = []
    for item in items:
        if isinstance(item, SoliError):
            return item
        rendered.append(item)
    return Batch(*(torch.stack(tensors) for tensors in zip(*rendered, strict=True)))


def _ready_loader(_: int) -> None:
    """Loader processes must not take the cores that the network trains on, nor end before the process they load for.

    They end when they are no longer needed, or when the other process is gone.
    """
    torch.set_num_threads(1)
    # Errors of items are sent. What is left to print is of a thread that hands over memory when the other end is gone.
    sys.excepthook = lambda *_: None
    stand_apart()


def training_rows(manifest: Manifest, *, split: str) -> list[Row]:
    """The rows to train on; DataError where the manifest has none of that split."""
    rows = manifest.split(split)
    if not rows:
        there = ", ".join(sorted({row.split for row in manifest.rows}))
        raise DataError(
            f'the manifest has no rows of split "{split}" to train on; it has {there}',
            do="name another with --set data.split=..., or divide a set of songs with --leave-out",
        )
    return rows


def validation_rows(manifest: Manifest, *, split: str) -> list[Row]:
    """The rows to validate on; DataError where the manifest has none of that split."""
    rows = manifest.split(split)
    if not rows:
        there = sorted({row.split for row in manifest.rows})
        raise DataError(
            f'the manifest has no rows of split "{split}" to validate on; it has {", ".join(there)}',
            do="name another with data.valid_split, or another manifest with data.valid",
        )
    return rows


def spread(rows: list[Row], count: int) -> list[Row]:
    """At most `count` of the rows, evenly spread over them; all of them where `count` is 0."""
    if not 0 < count < len(rows):
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]
