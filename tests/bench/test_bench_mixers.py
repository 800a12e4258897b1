"""The bench of the mixers runs, on few mixtures."""

from pathlib import Path


def test_every_way_is_timed(tmp_path: Path) -> None:
    from mixers import measured

    found = measured(tmp_path, 4, takes=3)
    assert set(found) == {
        "dcase2018",
        "dcase2018, plan alone",
        "dcase2013",
        "rows of dcase2018, as training renders them",
    }
    assert all(min(seconds) > 0 for seconds in found.values())
    assert len(list((tmp_path / "kong").rglob("*.wav"))) == 4
    assert not list((tmp_path / "plan").rglob("*.wav"))
