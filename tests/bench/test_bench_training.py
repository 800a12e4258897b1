"""The bench of training: what it counts as waiting, which bars it says were missed, and the data that it trains on."""

from pathlib import Path
from typing import Any

import pytest

from soli.data.manifest import read_manifest
from soli.data.render import render
from soli.train.families import FAMILIES


def peer_run(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    return {"step_s": {"soli": ours, "asteroid": theirs}, "parameters": {"soli": 7, "asteroid": 7}, "threads": 2}


def test_the_speed_of_training_is_that_of_the_settled_steps() -> None:
    from training import SETTLING, figures_of, speed_of

    start = [{"step": step, "audio_s_per_s": 1.0, "wait_share": 1.0} for step in range(2, SETTLING + 1, 2)]
    log = [
        *start,
        {"step": SETTLING + 2, "audio_s_per_s": 64.0, "wait_share": 0.0},
        {"step": SETTLING + 4, "audio_s_per_s": 16.0, "wait_share": 0.5},
        {"step": SETTLING + 6, "audio_s_per_s": 32.0, "wait_share": 0.0},
        {"step": SETTLING + 6, "valid_score": 1.0},
    ]
    found = speed_of(log, audio_s=32.0)
    assert found["audio_s_per_s"] == 32.0
    assert found["step_s"] == 1.0
    assert found["wait_share"] == pytest.approx(1.0 / 3.5)  # one second of waiting in 0.5 + 2 + 1 seconds
    runs = {"slow": [found, found, found], "quick": [{**found, "wait_share": share} for share in (0.0, 0.05, 0.9)]}
    assert figures_of(runs)["quick"]["wait_share"] == 0.05


def test_bars_that_training_misses_are_named() -> None:
    from training import beside_peer, missed_bars

    quick, slow = beside_peer(peer_run([1.0, 9.0, 1.0], [2.0, 2.0, 2.0])), beside_peer(peer_run([3.0], [2.0]))
    assert quick["step_to_peer"] == 0.5
    figures = {
        "families": {"unet": {"wait_share": 0.05}, "tasnet": {"wait_share": 0.2}},
        "loader_audio_s_per_cpu_s": 900.0,
        "peer": {"small": quick, "paper": slow},
    }
    assert missed_bars(figures) == [
        "tasnet waits 20%, wanted below 10%",
        "a loader delivers 900 s a second, wanted 1000",
        "a step of conv_tasnet paper takes 1.50 times that of asteroid",
    ]
    met = {"families": {"unet": {"wait_share": 0.05}}, "loader_audio_s_per_cpu_s": 1000.0, "peer": {"small": quick}}
    assert missed_bars(met) == []


def test_networks_of_different_sizes_are_not_compared() -> None:
    from training import beside_peer

    run = {**peer_run([1.0], [1.0]), "parameters": {"soli": 7, "asteroid": 8}}
    with pytest.raises(SystemExit, match="different sizes"):
        beside_peer(run)


def test_the_page_shows_every_family_and_the_peer() -> None:
    from training import BARS, beside_peer, page

    family = {"audio_s_per_s": 64.0, "batch": 8, "item_s": 4.0, "step_s": 0.5, "wait_share": 0.021}
    text = page(
        {
            "families": {"unet": family},
            "steps": 40,
            "repeats": 3,
            "loader_audio_s_per_cpu_s": 4321.0,
            "peer": {"small": {"batch": 8, "item_s": 4.0, **beside_peer(peer_run([0.7], [1.0]))}},
            "bars": BARS,
            "machine": "a machine",
        }
    )
    assert "| `unet` | 64 | 8 x 4 s | 500 | 2.1 |" in text
    assert "| `small` | 7 | 8 x 4 s | 2 | 700 | 1000 | 0.70 |" in text
    assert "delivers 4321 s of audio" in text


def test_the_bench_of_training_has_a_recipe_for_every_family_and_data_that_can_be_read(tmp_path: Path) -> None:
    from training import ITEMS, VALID, loader_speed, recipes, write_set

    assert set(recipes()) <= set(FAMILIES)
    data = write_set(tmp_path)
    manifest = read_manifest(data)
    assert [len(manifest.split(name)) for name in ("train", "valid")] == [ITEMS - VALID, VALID]
    assert set(render(manifest.rows[0], manifest.root).stems) == {"voice", "noise"}
    assert loader_speed(data, item_s=1.0, items=4) > 0
