"""The self-test finds what it looks for: good models pass it, each broken promise is named."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from models import (
    RATE,
    crowded_model,
    gain_model,
    half_model,
    identity_model,
    make_all,
    recurrent_model,
    save,
    waveform_model,
)
from soli.separation.chunks import FADE_S, Chunked
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


class Clicking:
    """A network separator that clicks where the core ends of every chunk that another one follows."""

    def __init__(self, inner) -> None:
        chunked = Chunked(inner)
        self._inner, after = inner, round(FADE_S * RATE) + inner.context.future
        self._at = {before + chunked.core + after: before + chunked.core for before in (0, inner.context.past)}

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def separate(self, mixture: Array) -> Array:
        estimates = self._inner.separate(mixture)
        if mixture.shape[-1] in self._at:
            estimates[..., self._at[mixture.shape[-1]] + 10] += 0.05
        return estimates


def test_a_click_at_every_seam_of_windows_is_found(tmp_path: Path) -> None:
    """Chunks of windows are a whole number of steps long: here 2.256 s, where the file asks for 2 s."""
    model = open_model(save(tmp_path, identity_model(chunk_s=2.0, window_s=1.0, overlap_s=0.25)), threads=1)
    assert failed(model) == []
    checks = {each.name: each for each in selftest(dataclasses.replace(model, network=Clicking(model.network)))}
    assert not checks["seams"].passed
    assert checks["chunked against whole"].detail == "chunks of 2.256 s, error re estimates"


def test_a_click_at_the_second_seam_alone_is_found(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, identity_model(chunk_s=2.0, past_s=0.5, future_s=1.5)), threads=1)
    clicking = Clicking(model.network)
    del clicking._at[min(clicking._at)]
    assert "seams" in failed(dataclasses.replace(model, network=clicking))


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

    def watched(self, watch) -> "Forgetful":
        return Forgetful(self._inner.watched(watch))


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


@pytest.mark.parametrize("context_s", [1.4, 1.55, 1.6, 1.7])
def test_as_many_chunks_are_tried_as_fit_into_a_call(tmp_path: Path, context_s: float) -> None:
    """Of 7 s on a CPU: two windows of context, half a second, and the context again; from about 1.5 s on but one."""
    model = open_model(save(tmp_path, half_model(past_s=context_s, future_s=context_s)), threads=1)
    (check,) = [check for check in selftest(model) if check.name == "chunk batch"]
    detail = "up to 2 items in a call" if context_s == 1.4 else "a call on this cpu never holds more than one"
    assert (check.passed, check.detail) == (True, detail)


class Single:
    """A network separator that could take several items in a call, and never does."""

    def __init__(self, inner) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def watched(self, watch) -> "Single":
        return Single(self._inner.watched(watch))

    def separate(self, mixture: Array) -> Array:
        return np.concatenate([self._inner.separate(channel[None]) for channel in mixture], axis=1)


def test_a_batch_of_which_nothing_was_tried_is_no_success(tmp_path: Path) -> None:
    model = open_model(save(tmp_path, half_model()), threads=1)
    assert failed(dataclasses.replace(model, network=Single(model.network))) == ["chunk batch"]


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
