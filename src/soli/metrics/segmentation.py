"""The truth that masks over time and frequency are scored against.

Scores themselves are those of `streaming.StreamingScores`, fed with truths and masks (K, M, N) clip by clip.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soli.errors import InputError

MARGIN_DB = 5.0


def ideal_binary_mask(
    events: ArrayLike, scene: ArrayLike, active: ArrayLike, *, margin_db: float = MARGIN_DB
) -> NDArray[np.bool_]:
    """Where a class's events are louder than the scene: bool (K, M, N).

    True where 20 log10(event / scene) + `margin_db` > 0, and only in frames in which the class is active. `events`
    (K, M, N) and `scene` (M, N) are magnitudes in mel bands, `active` (K, N) truths. Where both are silent there is
    nothing to find. The protocol of Kong et al. (2018, arXiv 1804.04715).

    Raises:
        InputError: shapes do not fit, or a magnitude is negative or not finite.
    """
    loud, quiet, sounding = np.asarray(events), np.asarray(scene), np.asarray(active, dtype=np.bool_)
    if loud.ndim != 3 or quiet.shape != loud.shape[1:] or sounding.shape != (loud.shape[0], loud.shape[2]):
        raise InputError(
            f"events of shape {loud.shape}, a scene of {quiet.shape}, activity of {sounding.shape}",
            wanted="(K, M, N), (M, N) and (K, N)",
        )
    for name, magnitude in (("events", loud), ("scene", quiet)):
        if not (np.isfinite(magnitude).all() and (magnitude >= 0).all()):
            raise InputError(f"the {name} hold a negative, NaN or infinite magnitude", wanted="magnitudes of 0 or more")
    found: NDArray[np.bool_] = (loud * 10.0 ** (margin_db / 20.0) > quiet) & sounding[:, None, :]
    return found
