"""Sources in no order of their own are scored in the best one; two means without training are such a baseline."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_manifest as tiny

import models
from soli.cli.main import main
from soli.data.manifest import read_manifest, write_manifest
from soli.dsp.levels import difference_db
from soli.dsp.stft import stft
from soli.errors import UsageError
from soli.evaluation.compare import compare
from soli.evaluation.contest import Entry, contest_on
from soli.evaluation.identity import LINES
from soli.evaluation.kmeans import two_means_estimates, two_means_masks
from soli.evaluation.matching import matched
from soli.evaluation.oracle import FALLBACK_RATE as RATE
from soli.evaluation.oracle import FALLBACK_STFT as STFT
from soli.evaluation.results import read_lines
from soli.evaluation.run import evaluate
from soli.evaluation.subject import subject_of
from soli.metrics.si import si_sdr
from soli.types import Array


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return tiny.make(folder)


def turned(tmp_path: Path, name: str, **changes: object) -> str:
    """A model that takes low voices and high noises apart, and gives the noise as its first source."""
    low = (np.arange(257) * 16000 / 512 < 2000).astype(np.float32)
    model = models.gain_model(np.stack([1 - low, low]), sources=("voice", "noise"), rest=None, **changes)
    return str(models.save(tmp_path, model, name))


def test_estimates_are_put_where_they_fit_best() -> None:
    references = np.random.default_rng(0).standard_normal((3, 1, 4000)).astype(np.float32)
    estimates = 3 * references[[1, 2, 0]] + np.float32(0.1) * references.sum(axis=0)
    np.testing.assert_array_equal(matched(references, estimates, among=[0, 1, 2]), estimates[[2, 0, 1]])
    np.testing.assert_array_equal(matched(references, estimates, among=[0, 1]), estimates[[1, 0, 2]])
    silent = references.copy()
    silent[0] = 0
    np.testing.assert_array_equal(matched(silent, estimates, among=[0, 1, 2]), estimates[[2, 0, 1]])
    quiet = estimates.copy()
    quiet[1] = 0  # the estimate of source 2 is silent: it goes where nothing else fits
    np.testing.assert_array_equal(matched(references, quiet, among=[0, 1, 2]), quiet[[2, 0, 1]])


def test_an_interchangeable_model_is_scored_in_its_best_order_by_all_metrics(manifest: Path, tmp_path: Path) -> None:
    free = evaluate(turned(tmp_path, "free", interchangeable=True), manifest, tmp_path / "free", workers=1)
    named = evaluate(turned(tmp_path, "named"), manifest, tmp_path / "named", workers=1)
    for source in ("voice", "noise"):
        for name in ("si_sdr", "sdr", "sir"):
            assert free.sources[source].scored.scores[name].estimate.mean > 30
            assert named.sources[source].scored.scores[name].estimate.mean < 0
    assert free.run.settings["order"] == "the best of each item, by SI-SDR"
    assert "order" not in named.run.settings
    leak = {line.id: line.leakage_dbfs for line in read_lines(tmp_path / "free" / LINES) if line.state == "silent"}
    assert all(level < -80 for level in leak.values()), "a silent source takes what the others leave"


def loud_and_soft(seconds: float = 4.0) -> tuple[Array, Array]:
    """Bursts of loud harmonics, and soft steady noise under them: (1, T) each at 8 kHz."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    burst = (np.sin(2 * np.pi * 1.3 * time_s) > 0.2) * 0.3
    voice = burst * sum(np.sin(2 * np.pi * pitch * time_s) for pitch in (400, 800, 1200, 1600))
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(time_s))
    return voice[None].astype(np.float32), noise[None].astype(np.float32)


def test_two_levels_are_the_two_clusters() -> None:
    levels = np.full((60, 50), -30, np.float32)
    levels[10:30, 5:25] = -5
    first, second = two_means_masks(levels + np.random.default_rng(0).normal(0, 1, levels.shape).astype(np.float32))
    np.testing.assert_array_equal(first + second, 1)
    assert (first[11:29, 6:24] == 1).all()
    assert (first[:, 28:] == 0).all()
    assert (first[33:] == 0).all()


def test_two_means_part_loud_from_soft_and_sum_to_the_mixture() -> None:
    voice, noise = loud_and_soft()
    mixture = voice + noise
    estimates = two_means_estimates(mixture, STFT)
    assert difference_db(mixture, estimates.sum(axis=0)) < -120
    assert difference_db(voice, estimates[0]) < -10
    np.testing.assert_array_equal(estimates, two_means_estimates(mixture, STFT))
    masks = np.abs(stft(estimates[0], STFT))  # independent of the code: the loud cluster holds nearly all the energy
    assert np.square(masks).sum() > 0.95 * np.square(np.abs(stft(mixture, STFT))).sum()


def test_two_means_are_better_than_nothing_where_levels_tell_the_sources_apart() -> None:
    """Tones whose few bins stand out of a noise of nearly their energy, which is spread over all bins."""
    voice, noise = loud_and_soft()
    noise = 15 * noise
    references = np.stack([voice, noise])
    found = si_sdr(references, two_means_estimates(voice + noise, STFT))
    floor = si_sdr(references, np.broadcast_to(voice + noise, references.shape))
    assert all(score > base + 3 for score, base in zip(found, floor, strict=True)), (found, floor)


def with_pauses() -> tuple[Array, Array]:
    """`loud_and_soft`, the soft one at about a tenth of the energy, both digitally silent for the last third."""
    voice, noise = loud_and_soft()
    sounding = np.arange(voice.shape[1]) < voice.shape[1] * 2 / 3
    return voice * sounding, 8 * noise * sounding


def test_two_means_of_sounds_with_pauses_are_not_sound_and_silence() -> None:
    voice, noise = with_pauses()
    references, mixture = np.stack([voice, noise]), voice + noise
    found = two_means_estimates(mixture, STFT)
    levels_db = [10 * np.log10(np.square(each).mean() / np.square(mixture).mean()) for each in found]
    assert min(levels_db) > -20, "one estimate is nearly silent, the other nearly the mixture"
    floor = si_sdr(references, np.broadcast_to(mixture, references.shape))
    gained = [score - base for score, base in zip(si_sdr(references, found), floor, strict=True)]
    assert min(gained) > 3, gained


def test_two_means_of_a_few_bins_above_the_floor_are_finite() -> None:
    for loud in (0, 1, 2):
        levels = np.full((20, 10), -40, np.float32)
        levels.reshape(-1)[7 : 7 + loud] = 0
        np.testing.assert_array_equal(two_means_masks(levels).sum(axis=0), 1)


def test_two_means_of_silence_are_silent_and_channels_share_a_mask() -> None:
    assert not two_means_estimates(np.zeros((2, 3000), np.float32), STFT).any()
    voice, noise = loud_and_soft()
    stereo = np.concatenate([voice + noise, 0.5 * (voice + noise)])
    found = two_means_estimates(stereo, STFT)
    np.testing.assert_allclose(found[:, 1], 0.5 * found[:, 0], atol=1e-6)
    assert two_means_estimates(stereo[:, :1], STFT).shape == (2, 2, 1)


def test_kmeans2_is_judged_like_a_model_and_marked(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "kmeans2", "--data", str(manifest), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main([*call, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["run"]["model"] == "kmeans2"
    assert printed["run"]["settings"]["order"] == "the best of each item, by SI-SDR"
    assert set(printed["sources"]) == {"voice", "noise"}
    assert printed["done"] == 8
    assert main(call) == 0
    assert "scored in the best of each item, by SI-SDR" in " ".join(capsys.readouterr().out.split())


def test_kmeans2_wants_two_sources(manifest: Path) -> None:
    row = tiny.row("three", [tiny.part(source, "low.wav") for source in ("voice", "rain", "dog")])
    write_manifest(manifest, [row.model_copy(update={"sources": ()})])
    with pytest.raises(UsageError, match="kmeans2 finds two sources; the manifest has voice, rain, dog"):
        subject_of("kmeans2", read_manifest(manifest))


def test_a_comparison_says_that_the_best_order_is_scored(manifest: Path, tmp_path: Path) -> None:
    entries = [
        Entry("free", turned(tmp_path, "free", interchangeable=True), ""),
        Entry("named", turned(tmp_path, "named"), ""),
    ]
    found = compare(entries, contest_on(manifest, tmp_path / "out", workers=1, limit=2, measured_s=1.0))
    assert [note for note in found.notes if "order" in note] == [
        "free does not say which estimate is which: each item is scored in its best order"
    ]
