"""`soli data mix` through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from soli.cli.main import main
from soli.data.manifest import Manifest, read_manifest
from soli.data.render import render
from trees import bach10

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tmp_path: Path, capsys: Capture) -> Path:
    root, out = bach10(tmp_path, duration_s=0.6), tmp_path / "songs.jsonl"
    assert main(["data", "bach10", str(root), "--out", str(out), "--leave-out", "1"]) == 0
    capsys.readouterr()
    return out


def drawn(songs: Path, *options: object, code: int = 0) -> Manifest:
    out = songs.parent / "mixed" / "m.jsonl"
    out.parent.mkdir(exist_ok=True)
    call = ("data", "mix", songs, "--split", "test", "--count", 6, "--length", 0.4, "--out", out, "--json", *options)
    assert main([str(word) for word in call]) == code
    return read_manifest(out) if not code else Manifest((), out, "")


def test_songs_are_taken_as_they_were_played(songs: Path, capsys: Capture) -> None:
    manifest = drawn(songs)
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["sources"]) == (6, ["violin", "clarinet", "saxophone", "bassoon"])
    assert told["sha256"] == manifest.sha256
    for row in manifest.rows:
        assert set(row.meta["songs"].values()) == {"01-AchGottundHerr"}
        assert all((part.speed, part.gain_db) == (1.0, 0.0) for part in row.parts)
        assert row.stretch == 1.0
    assert len({row.parts[0].start_s for row in manifest.rows}) == 6
    item = render(manifest.rows[0], manifest.root)
    np.testing.assert_allclose(item.mixture, sum(item.stems.values()), atol=1e-6)
    assert manifest.rows == drawn(songs).rows
    assert manifest.rows != drawn(songs, "--seed", 1).rows


def test_settings_are_those_of_a_recipe(songs: Path) -> None:
    duos = drawn(songs, "--set", "present=[0, 1]", "--set", "gain_db=[-3, 3]", "--set", "eq.probability=1")
    assert all(len(row.labels) == 2 for row in duos.rows)
    assert all(part.gain_db and part.effects for row in duos.rows for part in row.parts)
    assert all(row.stems == duos.rows[0].stems for row in duos.rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--split", "all"), "has no split all; wanted one of test, train, valid"),
        (("--set", "presents=[1]"), '--set: there is no setting "presents"; did you mean present?'),
        (("--set", "eq.probabilty=1"), '--set: there is no setting "eq.probabilty"; did you mean probability or'),
        (("--set", "stretch=[2, 1]"), "--set: settings: stretch falls from 2 to 1"),
        (("--set", "incoherent"), "key=value"),
        (("--set", "present=[0"), "--set present: [0 is not YAML"),
        (("--set", "gain_db.x=1"), '--set gain_db.x: "gain_db" is a single value'),
        (("--set", "gain_db=[0,.inf]"), "gain_db [0.0, inf] must lie between -120 and 120"),
        (("--set", "incoherent=1e-1", "--set", "incoherent=2"), "--set: incoherent: Input should be less than"),
    ],
)
def test_calls_that_cannot_work_say_why(songs: Path, capsys: Capture, options: tuple[object, ...], said: str) -> None:
    drawn(songs, *options, code=2)
    assert said in capsys.readouterr().err


def test_what_a_row_cannot_say_is_refused_before_it_is_drawn(songs: Path, capsys: Capture) -> None:
    drawn(songs, "--set", "pitch_semitones=[-12,-12]", "--set", "stretch=[.5,.5]", code=1)
    assert "stretches sounds 0.2494 times; wanted greater than or equal to 0.25" in capsys.readouterr().err
    drawn(songs, "--set", "pitch_semitones=[-11,-11]", "--set", "stretch=[.5,.5]")


@pytest.mark.parametrize("name", ["songs.jsonl", "link.jsonl"])
def test_the_songs_own_manifest_is_not_written_over(songs: Path, capsys: Capture, name: str) -> None:
    (songs.parent / "link.jsonl").symlink_to(songs)
    before = songs.read_bytes()
    call = ("data", "mix", songs, "--split", "test", "--count", 2, "--out", songs.with_name(name))
    assert main([str(word) for word in call]) == 1
    assert "is the manifest of the songs itself" in capsys.readouterr().err
    assert songs.read_bytes() == before
