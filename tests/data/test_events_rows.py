"""What rows of events ask of rendering: one channel, levels by the whole row or by peaks, recordings without parts."""

from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise, tone
from soli.data.disk import render_manifest
from soli.data.manifest import Manifest, Mix, Part, Row, Synth
from soli.data.render import render
from soli.errors import DataError
from soli.media.audio import read_audio, write_audio


@pytest.fixture
def root(tmp_path: Path) -> Path:
    left, right = noise(1.0, 8000, seed=1), noise(1.0, 8000, seed=2)
    write_audio(tmp_path / "both.wav", np.stack([left, right]), sample_rate=8000)
    write_audio(tmp_path / "one.wav", tone(440, 0.25, 8000)[None], sample_rate=8000)
    return tmp_path


def row(*parts: Part, **fields: object) -> Row:
    return Row(id="a", split="all", sample_rate=8000, duration_s=1.0, parts=parts, **fields)


BOTH = Part(source="scene", path="both.wav", duration_s=1.0)
ONE = Part(source="bark", path="one.wav", onset_s=0.5, duration_s=0.25)


def test_one_channel_is_the_mean_of_all(root: Path) -> None:
    wide = render(row(BOTH), root)
    narrow = render(row(BOTH, mono=True), root)
    assert (wide.mixture.shape, narrow.mixture.shape) == ((2, 8000), (1, 8000))
    np.testing.assert_allclose(narrow.mixture[0], wide.mixture.mean(axis=0), atol=1e-7)


def test_a_power_over_the_whole_row_counts_its_pauses(root: Path) -> None:
    mix = {"target": "bark", "snr_db": 0.0}
    whole = render(row(BOTH, ONE, mono=True, mix=Mix(**mix, measured="whole")), root).stems
    assert np.mean(whole["bark"] ** 2) == pytest.approx(np.mean(whole["scene"] ** 2), rel=1e-4)
    active = render(row(BOTH, ONE, mono=True, mix=Mix(**mix)), root).stems
    # The tone sounds for a quarter of the row.
    assert np.mean(active["scene"] ** 2) == pytest.approx(4 * np.mean(whole["scene"] ** 2), rel=0.1)


def test_a_peak_comes_out_as_asked_of_the_mixture_or_of_the_louder_side(root: Path) -> None:
    of_mixture = render(row(BOTH, ONE, mono=True, mix=Mix(target="scene", peak=0.7, peak_of="mixture")), root)
    assert np.max(np.abs(of_mixture.mixture)) == pytest.approx(0.7, abs=1e-5)
    quiet = ONE.model_copy(update={"gain_db": -60.0})
    for part, loud in ((ONE, "bark"), (quiet, "scene")):
        of_sides = render(row(BOTH, part, mono=True, mix=Mix(target="scene", peak=0.5, peak_of="sides")), root)
        peaks = {name: np.max(np.abs(stem)) for name, stem in of_sides.stems.items()}
        assert max(peaks.values()) == peaks[loud] == pytest.approx(0.5, abs=1e-5)


def test_a_row_without_parts_is_its_recording(root: Path) -> None:
    rendered = render(row(mixture="both.wav", mono=True), root)
    assert (rendered.mixture.shape, rendered.stems) == ((1, 8000), {})
    faster = Row(id="a", split="all", sample_rate=4000, duration_s=1.0, parts=(), mixture="both.wav")
    assert render(faster, root).mixture.shape == (2, 4000)


def test_levels_need_a_stem_that_is_there(root: Path) -> None:
    with pytest.raises(DataError, match="the mix's target rest is no stem"):
        render(row(ONE, mix=Mix(target="rest", peak=1.0, peak_of="mixture")), root)


def test_the_files_of_a_row_are_those_that_rendering_reads() -> None:
    made = Part(source="scene", synth=Synth(seed=1), duration_s=1.0)
    laid = BOTH.model_copy(update={"sha256": "ab"})
    assert row(laid, ONE, made, mixture="mix.wav", mixture_sha256="cd").files == [("both.wav", "ab"), ("one.wav", "")]
    assert row(mixture="mix.wav", mixture_sha256="cd").files == [("mix.wav", "cd")]
    assert row().files == []


def test_a_recording_of_another_root_is_rendered_anew(root: Path, tmp_path: Path) -> None:
    """Without a hash of it, nothing but the root tells two recordings of one name apart."""
    other = tmp_path / "other"
    other.mkdir()
    write_audio(other / "both.wav", np.zeros((1, 8000), np.float32), sample_rate=8000)
    for place, again in ((root, 0), (root, 1), (other, 0)):
        manifest = Manifest((row(mixture="both.wav", mono=True),), place, "")
        assert render_manifest(manifest, tmp_path / "out").kept == again
    assert not read_audio(tmp_path / "out/all/a/mixture.wav").samples.any()
