"""Front ends of sound events: what they compute, by another route, and through ONNX at any length."""

import io
import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import ValidationError
from scipy.signal import lfilter

from soli.dsp.mel import mel_matrix
from soli.train.networks.front_ends import EventsSettings, FrontEnd, Pcen, PcenSettings

SMALL: dict[str, Any] = {"sample_rate": 8000, "stft": {"n_fft": 256, "hop": 128}}


def front_end(**changes: Any) -> FrontEnd:
    given = {"mel": {"bands": 32, "lowest_hz": 60.0}, **changes}
    return FrontEnd(EventsSettings.model_validate({**SMALL, "front_end": given})).eval()


def spectrum(frames: int, items: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(items, 2, 129, frames, generator=torch.Generator().manual_seed(seed))


def bands_of(inputs: torch.Tensor, front: FrontEnd) -> np.ndarray:
    given = EventsSettings.model_validate({**SMALL, "front_end": {"mel": {"bands": 32, "lowest_hz": 60.0}}})
    matrix = mel_matrix(given.stft, given.front_end.mel, sample_rate=8000)
    return np.einsum("mf,bfn->bmn", matrix, np.hypot(inputs[:, 0].numpy(), inputs[:, 1].numpy()))


def test_log_mel_is_that_of_kong() -> None:
    front, inputs = front_end(), spectrum(50)
    expected = np.log(bands_of(inputs, front) + 1e-8)
    np.testing.assert_allclose(front.features(inputs).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(
        front_end(compression="none")(inputs).numpy(), bands_of(inputs, front), rtol=1e-5, atol=1e-7
    )


def test_silence_has_the_level_of_the_floor_and_gradients() -> None:
    silent = torch.zeros(1, 2, 129, 5, requires_grad=True)
    for compression in ("log", "pcen", "none"):
        found = front_end(compression=compression).features(silent)
        torch.testing.assert_close(found, torch.full_like(found, np.log(1e-8) if compression == "log" else 0.0))
        found.sum().backward()
        assert torch.isfinite(silent.grad).all()


def test_fitted_bands_have_no_mean_and_unit_deviation() -> None:
    front, inputs = front_end(), spectrum(400)
    values = front.features(inputs).transpose(0, 1).flatten(1)
    front.fit(values)
    found = front(inputs)
    torch.testing.assert_close(found.mean(dim=(0, 2)), torch.zeros(32), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(dim=(0, 2), correction=0), torch.ones(32), atol=1e-4, rtol=0)
    torch.testing.assert_close(front_end(standardise=False)(inputs), front.features(inputs))


def test_a_band_that_never_changes_is_not_blown_up() -> None:
    front = front_end()
    front.fit(torch.full((32, 10), -3.0))
    assert front.deviation.min() > 0


def recursion(bands: np.ndarray, s: float) -> np.ndarray:
    """S(n) = (1 - s) S(n - 1) + s E(n), from S(0) = E(0)."""
    start = (1 - s) * bands[..., :1]
    smoothed, _ = lfilter([s], [1, s - 1], bands, axis=-1, zi=start)
    return smoothed


@pytest.mark.parametrize(("s", "taps"), [(0.04, 256), (0.02, 512), (0.3, 64), (0.02, 64)])
def test_the_smoother_is_the_recursion_up_to_what_is_cut_off(s: float, taps: int) -> None:
    """What the last tap takes for all before it weighs (1 - s)^(taps - 1); before the window is full nothing is cut."""
    rng = np.random.default_rng(2)
    bands = rng.exponential(size=(2, 8, 1200)) * np.linspace(0.1, 3, 1200)
    smoother = Pcen(PcenSettings(smooth=(s,), taps=taps), bands=8)
    found = smoother.smoothed(torch.tensor(bands, dtype=torch.float32)).numpy()
    error = np.abs(found - recursion(bands, s))
    assert error.max() < (1 - s) ** (taps - 1) * bands.max() + 1e-5
    assert error[..., :taps].max() < 1e-5


def test_pcen_is_its_formula() -> None:
    rng = np.random.default_rng(3)
    bands = rng.exponential(size=(1, 4, 100))
    given = PcenSettings(smooth=(0.1,), eps=1e-3, alpha=0.9, delta=1.5, r=0.4)
    found = Pcen(given, bands=4)(torch.tensor(bands, dtype=torch.float32)).numpy()
    expected = (bands / (1e-3 + recursion(bands, 0.1)) ** 0.9 + 1.5) ** 0.4 - 1.5**0.4
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_pcen_hears_the_same_at_any_level_once_it_has_settled() -> None:
    """With alpha 1 and no eps to speak of a gain divides itself out."""
    bands = torch.rand(1, 4, 300) + 0.1
    pcen = Pcen(PcenSettings(alpha=1.0, eps=1e-12), bands=4)
    torch.testing.assert_close(pcen(100 * bands), pcen(bands), rtol=1e-4, atol=1e-5)


def test_a_trainable_pcen_learns_all_of_itself_and_starts_as_the_fixed_one() -> None:
    bands = torch.rand(2, 4, 60)
    fixed = Pcen(PcenSettings(smooth=(0.04,)), bands=4)
    learnt = Pcen(PcenSettings(smooth=(0.02, 0.04, 0.2), trainable=True), bands=4)
    one = Pcen(PcenSettings(smooth=(0.04,), trainable=True), bands=4)
    torch.testing.assert_close(one(bands), fixed(bands))
    assert not list(fixed.parameters())
    assert {name for name, _ in one.named_parameters()} == {"smooth", "alpha", "delta", "r"}
    learnt(bands).square().sum().backward()
    for name in ("smooth", "share", "alpha", "delta", "r"):
        assert learnt.get_parameter(name).grad.abs().sum() > 0, name
    torch.testing.assert_close(learnt.kernels().sum(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    "changes",
    [{}, {"compression": "pcen"}, {"compression": "pcen", "pcen": {"smooth": [0.02, 0.1], "trainable": True}}],
    ids=str,
)
def test_onnx_gives_the_same_features_at_lengths_it_has_not_seen(changes: dict[str, Any]) -> None:
    front, buffer = front_end(**changes), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        axes = {"x": {0: "b", 3: "n"}, "y": {0: "b", 2: "n"}}
        torch.onnx.export(
            front,
            (spectrum(40),),
            buffer,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    session = onnxruntime.InferenceSession(buffer.getvalue())
    for frames, items in ((3, 1), (777, 3)):
        inputs = spectrum(frames, items)
        with torch.no_grad():
            expected = front(inputs).numpy()
        (found,) = session.run(None, {"x": inputs.numpy()})
        assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("wrong", [{"smooth": [1.5]}, {"smooth": []}, {"taps": 1}, {"delta": 0}, {"decay": 1}])
def test_constants_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PcenSettings.model_validate(wrong)
