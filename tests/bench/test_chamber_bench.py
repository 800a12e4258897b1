"""The bench of four instruments: its arithmetic, its bars, and that no model is judged on a song it has heard."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from soli.data.manifest import read_manifest, relocated, write_manifest
from soli.data.readers.bach10 import read_bach10
from soli.errors import SoliError
from soli.evaluation.sweep_folder import folder_of, model_file
from soli.report.published import bach10 as published
from soli.types import StftSettings
from trees import bach10

BENCH = Path(__file__).parents[2] / "bench"
INSTRUMENTS = tuple(published().targets)
# The tones of the tiny set lie between these.
EDGES_HZ = {"violin": (460, 22050), "clarinet": (355, 460), "saxophone": (220, 355), "bassoon": (0, 220)}


@pytest.fixture(autouse=True)
def _bench_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("songs")
    top = bach10(root, pieces=2, duration_s=1.0)
    write_manifest(root / "songs.jsonl", relocated(read_bach10(top).rows(), top, root))
    return root / "songs.jsonl"


def band_model(*sources: str, **changes: Any) -> bytes:
    """Gives each source what lies in its band."""
    settings = StftSettings(n_fft=4096, hop=1024)
    hz = np.arange(settings.bins) * 44100 / settings.n_fft
    gains = [(hz >= low) & (hz < high) for low, high in (EDGES_HZ[source] for source in sources)]
    facts = {"sample_rate": 44100, "sources": sources, "rest": None, "stft": settings}
    return models.gain_model(np.array(gains, np.float32), **{**facts, **changes})


def test_a_model_of_all_four_is_measured_between_its_marks(songs: Path, tmp_path: Path) -> None:
    from chamber import Entry, entries_of, judged, missed_bars, page, quartets, summary

    file = models.save(tmp_path, band_model(*INSTRUMENTS), "chamber")
    entries = entries_of(None, [f"chamber={file}"])
    assert entries == [Entry("chamber", one=file)]
    manifest = read_manifest(songs)
    (row,) = quartets(manifest, 1)
    song = judged(row, manifest.root, entries)
    found = {name: summary([song], name) for name in ("chamber", "mixture", "ideal mask")}
    assert found["chamber"]["mean_si_sdr"] > 10
    assert found["mixture"]["mean_si_sdr"] == pytest.approx(-4.8, abs=0.1)
    assert found["ideal mask"]["mean_si_sdr"] > 10
    assert found["chamber"]["size_mb"] == file.stat().st_size / 1e6
    assert found["chamber"]["cpu_s_per_s"] == pytest.approx(song.cpu_s["chamber"] / row.duration_s)
    assert "in windows of 64 ms" in page({"songs": 1, "manifest_sha256": "", "entries": {}, "machine": "here"})
    text = page({"songs": 1, "manifest_sha256": manifest.sha256, "entries": found, "machine": "here"})
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines] == [
        *("| SI-SDR, dB", "| ---", "| chamber", "| mixture", "| ideal mask", "| published, on real Bach10")
    ]
    assert missed_bars({**found["chamber"], "cpu_s_per_s": 0.1}) == []


def test_the_ideal_mask_tells_neighbouring_tones_apart(songs: Path) -> None:
    """Tones 40 Hz apart are two in windows of 64 ms, and one in windows of 12 ms."""
    from chamber import judged, mark_stft, quartets

    assert mark_stft(44100).n_fft / 44100 == pytest.approx(0.064, rel=1e-3)
    manifest = read_manifest(songs)
    (row,) = quartets(manifest, 1)
    near = {"violin": 1.0, "clarinet": 1.23, "saxophone": 1.41, "bassoon": 3.06}  # 523, 482, 439 and 400 Hz
    parts = tuple(part.model_copy(update={"speed": near[part.source], "duration_s": 0.32}) for part in row.parts)
    song = judged(row.model_copy(update={"parts": parts, "duration_s": 0.32}), manifest.root, [])
    assert min(song.scores["ideal mask"].values()) > 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mean_si_sdr": 4.9}, "mean SI-SDR 4.90 dB, wanted 5.0"),
        ({"cpu_s_per_s": 0.16}, "real-time factor 0.160, wanted 0.15 at most"),
        ({"size_mb": 12.1}, "12.1 MB, wanted 12 at most"),
        ({"si_sdr": {each: {"mean": 0.5} for each in INSTRUMENTS}}, "violin 0.50 dB, published 0.58"),
        ({"si_sdr": {each: {"mean": None} for each in INSTRUMENTS}}, "violin - dB, published 0.58"),
    ],
)
def test_each_bar_is_missed_alone(change: dict[str, Any], said: str) -> None:
    from chamber import missed_bars

    good = {each: {"mean": 8.0} for each in INSTRUMENTS}
    figures = {"si_sdr": good, "mean_si_sdr": 8.0, "cpu_s_per_s": 0.1, "size_mb": 10.0}
    assert missed_bars(figures) == []
    assert missed_bars({**figures, **change})[0] == said


def test_a_song_is_separated_by_those_that_were_trained_without_it(songs: Path, tmp_path: Path) -> None:
    from chamber import check_all_there, entries_of, judged

    manifest = read_manifest(songs)
    first, second = manifest.rows
    for source in INSTRUMENTS:
        folder = folder_of(tmp_path / "sweep", "model-a", source, 1)
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        write_manifest(folder / "test.jsonl", relocated([first], manifest.root, folder))
        model_file(folder).write_bytes(band_model(source, name=f"model-a-{source}"))
    (entry,) = [each for each in entries_of(tmp_path / "sweep", []) if each.sweep]
    assert set(entry.files(first)) == set(INSTRUMENTS)
    scores = judged(first, manifest.root, [entry]).scores["model-a"]
    assert all(score is not None and score > 10 for score in scores.values())
    with pytest.raises(
        SoliError, match=r"song-02/model-a-violin.soli.onnx is not there; sweep on with model-a and song 2"
    ):
        entry.files(second)
    check_all_there([entry], [first])
    with pytest.raises(SystemExit, match=r"song-02/model-a-violin.soli.onnx is not there"):
        check_all_there([entry], [first, second])
    renumbered = second.model_copy(update={"meta": {"song": 1}})
    with pytest.raises(SoliError, match="was not left without 02-"):
        entry.files(renumbered)


def test_what_is_not_there_ends_the_run(songs: Path, tmp_path: Path) -> None:
    from chamber import entries_of, quartets

    with pytest.raises(SystemExit, match="--entry unet: no file"):
        entries_of(None, ["unet=nothing.onnx"])
    with pytest.raises(SystemExit, match="holds no sweep"):
        entries_of(tmp_path, [])
    manifest = read_manifest(songs)
    trio = [row.model_copy(update={"sources": row.sources[:3], "parts": row.parts[:3]}) for row in manifest.rows]
    write_manifest(tmp_path / "trios.jsonl", trio)
    with pytest.raises(SystemExit, match="no song of violin, clarinet, saxophone, bassoon"):
        quartets(read_manifest(tmp_path / "trios.jsonl"), None)
