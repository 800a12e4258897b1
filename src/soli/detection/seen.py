"""What a picture of a recording is drawn from."""

from dataclasses import dataclass

from soli.types import Array


@dataclass(frozen=True)
class Seen:
    """A recording in columns: highest and lowest samples (n,) every `peak_s`; magnitudes of bands (M, n) and masks of
    classes (K, M, n) every `frame_s`."""

    highest: Array
    lowest: Array
    peak_s: float
    levels: Array
    masks: Array
    frame_s: float
