"""The table of losses: their names in a recipe, what each looks at, and so which networks each can train.

Every loss gives a value an item, (B,). It is called as (estimate, target, *, mixture), those in `RATED` with
`sample_rate` too, those in `WEAK` without the mixture; those in `PITCHED` with what the network gives and the energies
in its bands.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from soli.errors import UsageError, near
from soli.train.losses import affinity, multires, pitch, ratio, spectral, weak

Loss = Callable[..., Tensor]

SPECTRAL: Mapping[str, Loss] = {
    "l1_magnitude": spectral.l1_magnitude,
    "compressed_magnitude": spectral.compressed_magnitude,
    "soft_snr": ratio.soft_snr,
}
WAVEFORM: Mapping[str, Loss] = {
    "si_sdr": ratio.negative_si_sdr,
    "waveform_snr": ratio.soft_snr,
    "multi_resolution_stft": multires.multi_resolution_stft,
}
EMBEDDING: Mapping[str, Loss] = {
    "deep_clustering": affinity.deep_clustering,
    "deep_clustering_weighted": affinity.deep_clustering_weighted,
}
WEAK: Mapping[str, Loss] = {
    "tag_bce": weak.tag_bce,
    "absent_l1": weak.absent_l1,
    "frame_bce": weak.frame_bce,
}
PITCHED: Mapping[str, Loss] = {
    "band_snr": pitch.band_snr,
    "pitch_entropy": pitch.pitch_entropy,
}
# Losses that look through windows of their own, and so are given the sample rate besides.
RATED = frozenset({"multi_resolution_stft"})
# Losses that give the same value at any level of the estimate.
SCALE_FREE = frozenset({"si_sdr"})

# Masks give spectra and waveforms, waveforms give spectra; an embedding or a tag is none of them.
_FITS: Mapping[str, Mapping[str, Loss]] = {
    "mask": {**SPECTRAL, **WAVEFORM},
    "waveform": {**SPECTRAL, **WAVEFORM},
    "cluster": EMBEDDING,
    "events": WEAK,
    "pitched": PITCHED,
}
_GIVES = {
    "mask": "masks",
    "waveform": "waveforms",
    "cluster": "an embedding",
    "events": "masks and tags of classes",
    "pitched": "pitches and masks of bands",
}
_LOOKS_AT = {
    **dict.fromkeys(EMBEDDING, "an embedding"),
    **dict.fromkeys(WEAK, "what is said of classes"),
    **dict.fromkeys(PITCHED, "pitches or masks of bands"),
}


def check_terms(terms: Mapping[str, float], *, kind: str) -> None:
    """Raises UsageError where an objective names no loss, one that does not exist, or one that does not fit `kind`."""
    if kind not in _FITS:
        raise UsageError(f"no objective is known for networks of kind {kind}", wanted=f"kind {' or '.join(_FITS)}")
    fitting = list(_FITS[kind])
    known = [*SPECTRAL, *WAVEFORM, *EMBEDDING, *WEAK, *PITCHED]
    if not terms:
        raise UsageError("objective: no loss is given", wanted="at least one of " + ", ".join(fitting))
    for name, weight in terms.items():
        if name not in known:
            raise UsageError(f'objective: no loss is called "{name}"', do=near(name, known))
        if name not in fitting:
            looks_at = _LOOKS_AT.get(name, "separated sources")
            raise UsageError(
                f'objective: "{name}" compares {looks_at}, and a network of kind {kind} gives {_GIVES[kind]}',
                wanted="a loss that fits: " + ", ".join(fitting),
            )
        if not 0 <= weight < float("inf"):
            raise UsageError(f"objective.{name}: a weight of {weight}", wanted="a positive number, or 0 to only log it")
    if not any(terms.values()):
        raise UsageError("objective: every loss has the weight 0", wanted="something to learn")
