"""The band-split network: what its features do with levels."""

import pytest
import torch

from soli.train import features
from soli.train.networks.band_split import BandSplit, BandSplitSettings

SETTINGS = BandSplitSettings.model_validate(
    {"sample_rate": 8000, "stft": {"n_fft": 256, "hop": 128}, "bands": 12, "features": 8, "time_hidden": 16}
)


def masks(scale: float) -> torch.Tensor:
    torch.manual_seed(0)
    network = BandSplit(SETTINGS).eval()
    mixture = 0.05 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))  # -26 dBFS
    with torch.no_grad():
        return network(features.as_planes(features.stft(scale * mixture, SETTINGS.stft)))


def test_beyond_the_levels_of_training_the_level_makes_no_difference() -> None:
    whisper, fainter, far_too_loud, louder = (masks(10 ** (db / 20)) for db in (-25, -90, 30, 60))
    torch.testing.assert_close(fainter, whisper, rtol=0, atol=1e-4)
    torch.testing.assert_close(louder, far_too_loud, rtol=0, atol=1e-4)
    assert (whisper - far_too_loud).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"causal": True, "levels_dbfs": (-30, -10)}, "a causal network cannot have them set"),
        ({"bands_hz": [(2, 500), (1, 1000)]}, "bands_hz and the rest are 4 bands, and bands says 12"),
        ({"bands_hz": [(11, 5)]}, "would hold none of the 129 bins"),
        ({"bands_hz": [(11, 400)]}, "would hold none of the 129 bins"),
    ],
)
def test_bands_and_levels_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BandSplitSettings.model_validate({**SETTINGS.model_dump(), **changes})


def test_levels_are_measured_in_dbfs() -> None:
    """At -26 dBFS nothing is changed where training covers -26.5 to -25.5 dBFS."""
    encoder = BandSplit(SETTINGS.model_copy(update={"levels_dbfs": (-26.5, -25.5)})).encoder
    mixture = 0.05 * torch.randn(1, 80000, generator=torch.Generator().manual_seed(1))
    spectrum = features.as_planes(features.stft(mixture, SETTINGS.stft))
    assert float(encoder.gain(spectrum)) == 1.0
    assert abs(20 * float(encoder.gain(10 * spectrum).log10()) + 19.5) < 0.2
