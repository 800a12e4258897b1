"""The benches' own arithmetic; the benches themselves need peers from the network and run by hand."""

from pathlib import Path

import numpy as np
import pytest


def test_a_section_replaces_its_old_self_and_nothing_else() -> None:
    from common import with_section

    page = with_section("# Benchmarks\n\nText.\n", "bss", "one")
    page = with_section(page, "voice", "two")
    again = with_section(page, "bss", "three")
    assert again == page.replace("one", "three")
    assert again.count("<!-- bench:bss -->") == again.count("<!-- /bench:bss -->") == 1
    assert again.startswith("# Benchmarks\n\nText.\n")


@pytest.mark.parametrize("delay", [0, 1, 960, 1919])
def test_how_late_an_output_is_is_found_in_spite_of_noise(delay: int) -> None:
    from voice import lag_of

    rng = np.random.default_rng(delay)
    voice = rng.standard_normal(9600)
    late = np.concatenate([np.zeros(delay), voice, np.zeros(1920 - delay)]) + 0.5 * rng.standard_normal(9600 + 1920)
    assert lag_of(late, voice) == delay


def test_a_clip_travels_to_the_peer_and_back(tmp_path: Path) -> None:
    from peers import rnnoise_format as both

    clip = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    (tmp_path / "sent").write_bytes(both.pack(clip) * 2)
    with (tmp_path / "sent").open("rb") as pipe:
        np.testing.assert_array_equal(both.read_clip(pipe), clip)
        np.testing.assert_array_equal(both.read_clip(pipe), clip)
        assert both.read_clip(pipe) is None
    (tmp_path / "answer").write_bytes(both.pack_answer(0.25, clip))
    with (tmp_path / "answer").open("rb") as pipe:
        seconds, samples = both.unpack(pipe, 1000)
    assert seconds == 0.25
    np.testing.assert_array_equal(samples, clip)


def test_the_first_rows_of_every_condition_are_taken() -> None:
    from voice import chosen_rows

    from soli.data.manifest import Row

    rows = [
        Row(id=str(i), split="test", sample_rate=8000, duration_s=1, parts=(), meta={"condition": "ab"[i % 2]})
        for i in range(6)
    ]
    assert [row.id for row in chosen_rows(rows, 2)] == ["0", "2", "1", "3"]
    assert len(chosen_rows(rows, None)) == 6


def test_bars_that_are_missed_are_named() -> None:
    from separate import missed_bars

    lengths = {"10 s": {"wall_s": 1.0, "null_db": -150.0}, "60 s": {"wall_s": 2.0, "null_db": -90.0}}
    figures = {"lengths": lengths, "rtf": {"60 s": 0.03}, "memory_grows_mb": 10.0}
    assert missed_bars(figures) == ["null_db -90, wanted -100"]
