"""The self-test finds what it looks for: good models pass it, each broken promise is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from models import RATE, crowded_model, gain_model, half_model, make_all, recurrent_model, save, waveform_model
from soli.separation.model import Model, open_model
from soli.separation.selftest import probe_signal, selftest
from soli.types import Array


def failed(model: Model) -> list[str]:
    return [check.name for check in selftest(model) if not check.passed]


@pytest.mark.parametrize("name", make_all())
def test_good_models_pass(name: str, tmp_path: Path) -> None:
    assert failed(open_model(save(tmp_path, make_all()[name]()), threads=1)) == []


def test_a_network_with_more_memory_than_its_file_says_is_found(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, recurrent_model(forget=2, past_s=0.0, future_s=0.0, chunk_s=0.2)), threads=1)
    assert failed(model) == ["chunked against whole", "seams"]


def test_a_network_without_numbers_is_found(tmp_path: Path) -> None:
    checks = selftest(open_model(save(tmp_path, gain_model([[np.inf]])), threads=1))
    bad = [check for check in checks if not check.passed]
    assert [check.name for check in bad] == [
        "chunks", "silence", "null test", "exact length", "determinism", "chunk batch", "threads", "extremes"
    ]  # fmt: skip
    assert all(check.value == np.inf and "gave NaN or infinity" in check.detail for check in bad)


class Forgetful:
    """A network separator that adds a little noise, another at each call."""

    def __init__(self, inner) -> None:
        self._inner, self._rng = inner, np.random.default_rng(0)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def separate(self, mixture: Array) -> Array:
        estimates = self._inner.separate(mixture)
        return (estimates + 1e-3 * self._rng.standard_normal(estimates.shape)).astype(np.float32)


def test_noise_of_its_own_is_found(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, recurrent_model()), threads=1)
    noisy = dataclasses.replace(model, network=Forgetful(model.network))
    assert {"chunked against whole", "silence", "silent stretch", "determinism", "chunk batch", "threads"} <= set(
        failed(noisy)
    )


def test_a_network_that_mixes_the_chunks_of_a_batch_is_found(tmp_path: Path) -> None:
    assert failed(open_model(save(tmp_path, crowded_model()), threads=1)) == ["chunk batch"]


def test_a_network_that_is_never_given_two_chunks_is_not_said_to_keep_them_apart(tmp_path: Path) -> None:
    """With 12 s of context on either side two windows are more than a CPU takes in one call."""
    model = open_model(save(tmp_path, half_model(past_s=12.0, future_s=12.0)), threads=1)
    (check,) = [check for check in selftest(model) if check.name == "chunk batch"]
    assert (check.passed, check.detail) == (True, "a call on this cpu never holds more than one")


def test_a_network_that_sounds_in_silence_is_found(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, waveform_model(offset=0.01)), threads=1)
    assert "silent stretch" in failed(model)
    assert "silence" not in failed(model)  # a channel of silence never gets to the network


class Short:
    """A network separator whose estimates lack the last five samples."""

    def __init__(self, inner) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def separate(self, mixture: Array) -> Array:
        return self._inner.separate(mixture)[..., :-5]


def test_estimates_that_end_early_are_found_before_they_are_filled_up(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, half_model()), threads=1)
    checks = selftest(dataclasses.replace(model, network=Short(model.network)))
    (length, *_) = [check for check in checks if check.name == "exact length"]
    assert (length.value, length.passed) == (1 + 2 + 5 + 5, False)


def test_the_probe_is_a_sound_at_any_rate() -> None:
    for rate in (1000, 8000, RATE, 48000):
        probe = probe_signal(rate, duration_s=1, channels=2)
        assert probe.shape == (2, rate)
        assert 0.02 < np.sqrt(np.mean(probe**2)) < 0.3
