"""Is the mixture that a row names the sum of its stems? As a level: what is left of the one without the other."""

from pathlib import Path

import numpy as np

from soli.data.manifest import Row
from soli.data.render import render
from soli.dsp.levels import difference_db
from soli.errors import DataError
from soli.media.audio import read_audio
from soli.types import Array

# Rounding to 16 bits leaves -50 dB and less, even of quiet recordings; another mixture, or one at another level, leaves
# -20 dB and more.
LIMIT_DB = -40.0
# What stand for "no difference" and "a silent mixture of stems that are not", since JSON has no infinities.
EXACT_DB, SILENT_DB = -300.0, 300.0


def residual_db(row: Row, root: Path) -> float:
    """The energy of the row's mixture minus the sum of its stems, relative to the mixture's, in dB; -300: none at all.

    Where one is shorter it counts as silent from there on. Raises DataError where the mixture has another rate or
    other channels than the stems, InputError where a file cannot be read, ValueError where the row names no mixture.
    """
    if row.mixture is None:
        raise ValueError(f"row {row.id} names no mixture")
    mixture = read_audio(root / row.mixture)
    if mixture.sample_rate != row.sample_rate:
        raise DataError(f"{row.mixture} has {mixture.sample_rate} Hz, its stems {row.sample_rate} Hz")
    total = render(row, root).mixture
    channels = max(len(total), len(mixture.samples))
    if not {len(total), len(mixture.samples)} <= {1, channels}:
        raise DataError(f"{row.mixture} has {len(mixture.samples)} channels, its stems {len(total)}")
    frames = max(total.shape[1], mixture.samples.shape[1])
    found_db = difference_db(_shaped(mixture.samples, channels, frames), _shaped(total, channels, frames))
    return round(min(max(found_db, EXACT_DB), SILENT_DB), 1)


def _shaped(samples: Array, channels: int, frames: int) -> Array:
    """(C, T) on `channels` channels, silent behind its end."""
    padded = np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))
    return np.broadcast_to(padded, (channels, frames))
