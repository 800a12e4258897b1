"""Rendered data sets on disk: whole rows only, what was there is kept, and the tree reads back as stems."""

from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise
from soli.data.disk import render_manifest
from soli.data.library import Library
from soli.data.manifest import Manifest, Part, Row, read_manifest, write_manifest
from soli.data.plan import Planner
from soli.data.readers.stems import read_stems
from soli.data.render import render
from soli.data.spec import MixSpec
from soli.errors import DataError, InputError, OutputError
from soli.media.audio import probe, read_audio, write_audio

SPEC = MixSpec(name="tiny", duration_s=1.0, sample_rate=16000)


@pytest.fixture
def manifest(library: Library, tmp_path: Path) -> Manifest:
    path = tmp_path / "m.jsonl"
    write_manifest(path, Planner(SPEC, library).rows("valid", 3))
    return read_manifest(path, root=library.root)


def test_files_hold_what_render_gives_and_read_back_as_tracks(manifest: Manifest, tmp_path: Path) -> None:
    written = render_manifest(manifest, tmp_path / "out")
    assert (written.rows, written.kept) == (3, 0)
    row = manifest.rows[0]
    folder = tmp_path / "out/valid" / row.id
    assert sorted(path.name for path in folder.iterdir()) == ["mixture.wav", "noise.wav", "voice.wav"]
    wanted = render(row, manifest.root)
    np.testing.assert_array_equal(read_audio(folder / "mixture.wav").samples, wanted.mixture)
    np.testing.assert_array_equal(read_audio(folder / "voice.wav").samples, wanted.stems["voice"])
    assert [track.id for track in read_stems(tmp_path / "out")] == [f"valid/{row.id}" for row in manifest.rows]


def test_a_rerun_does_what_is_left_and_touches_nothing_else(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_manifest(manifest, out)
    kept, redone = (out / "valid" / row.id for row in manifest.rows[:2])
    before = (kept / "mixture.wav").stat().st_mtime_ns
    for path in redone.iterdir():
        path.unlink()
    redone.rmdir()
    half = redone.with_name(f".{redone.name}.part")
    half.mkdir()
    (half / "mixture.wav").write_bytes(b"half")
    written = render_manifest(manifest, out)
    assert (written.rows, written.kept) == (1, 2)
    assert (kept / "mixture.wav").stat().st_mtime_ns == before
    assert probe(redone / "mixture.wav").frames == 16000
    assert not half.exists()


def test_a_failure_leaves_no_half_row(library: Library, tmp_path: Path) -> None:
    good = Planner(SPEC, library).row("valid", 0)
    bad = Row(
        id="bad",
        split="valid",
        sample_rate=8000,
        duration_s=1.0,
        parts=(Part(source="a", path="no.wav", duration_s=1.0),),
    )
    with pytest.raises(InputError, match=r"no\.wav"):
        render_manifest(Manifest((good, bad), library.root, ""), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out/valid").iterdir()] == [good.id]


def test_pcm16_is_written_when_asked(manifest: Manifest, tmp_path: Path) -> None:
    render_manifest(manifest, tmp_path / "out", subtype="pcm16")
    assert probe(tmp_path / "out/valid/valid-000000/voice.wav").subtype == "pcm16"


def test_a_row_cannot_climb_out_of_its_folder(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(0.1, 8000, seed=1)[None], sample_rate=8000)
    part = Part(source="a", path="a.wav", duration_s=0.1)
    row = Row(id="../../a", split="x", sample_rate=8000, duration_s=0.1, parts=(part,))
    with pytest.raises(DataError, match="outside"):
        render_manifest(Manifest((row,), tmp_path, ""), tmp_path / "deep/out")


def test_a_folder_that_cannot_be_written_is_an_output_error(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot write"):
        render_manifest(manifest, tmp_path / "out")
