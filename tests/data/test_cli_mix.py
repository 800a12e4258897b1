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
        (("--set", "presents=[1]"), "--set presents: Extra inputs"),
        (("--set", "stretch=[2, 1]"), "--set mixing: stretch falls from 2 to 1"),
        (("--set", "incoherent"), "key=value"),
    ],
)
def test_calls_that_cannot_work_say_why(songs: Path, capsys: Capture, options: tuple[object, ...], said: str) -> None:
    drawn(songs, *options, code=2)
    assert said in capsys.readouterr().err
