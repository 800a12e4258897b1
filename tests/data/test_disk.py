"""Rendered data sets on disk: whole rows only, what was there is kept, and the tree reads back as stems."""

from collections.abc import Callable
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
from soli.errors import OutputError, UsageError
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
    assert sorted(path.name for path in folder.iterdir()) == ["mixture.wav", "noise.wav", "row.json", "voice.wav"]
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


def bad_row(root: Path) -> Row:
    part = Part(source="a", path="no.wav", duration_s=1.0)
    return Row(id="bad", split="valid", sample_rate=8000, duration_s=1.0, parts=(part,))


def test_a_row_that_fails_is_named_and_the_others_are_done(library: Library, tmp_path: Path) -> None:
    first, last = Planner(SPEC, library).rows("valid", 2)
    manifest = Manifest((first, bad_row(tmp_path), last), library.root, "")
    seen: list[tuple[int, int]] = []
    written = render_manifest(manifest, tmp_path / "out", watch=lambda done, total: seen.append((done, total)))
    assert (written.rows, written.kept, seen) == (2, 0, [(1, 3), (2, 3), (3, 3)])
    assert [failed.id for failed in written.failed] == ["bad"]
    assert "no.wav" in written.failed[0].error
    assert sorted(path.name for path in (tmp_path / "out/valid").iterdir()) == [first.id, last.id]


def test_the_rerun_does_what_had_failed(tmp_path: Path) -> None:
    manifest = Manifest((bad_row(tmp_path),), tmp_path, "")
    assert render_manifest(manifest, tmp_path / "out").failed != []
    write_audio(tmp_path / "no.wav", noise(1.0, 8000, seed=1)[None], sample_rate=8000)
    again = render_manifest(manifest, tmp_path / "out")
    assert (again.rows, again.kept, again.failed) == (1, 0, [])


def test_another_subtype_is_rendered_anew(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_manifest(manifest, out)
    written = render_manifest(manifest, out, subtype="pcm16")
    assert (written.rows, written.kept) == (3, 0)
    assert {probe(path).subtype for path in out.rglob("*.wav")} == {"pcm16"}
    assert render_manifest(manifest, out, subtype="pcm16").kept == 3


def test_a_changed_row_is_rendered_anew(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_manifest(manifest, out)
    changed = manifest.rows[0].model_copy(update={"duration_s": 0.5})
    written = render_manifest(Manifest((changed, *manifest.rows[1:]), manifest.root, ""), out)
    assert (written.rows, written.kept) == (1, 2)
    assert probe(out / "valid" / changed.id / "mixture.wav").frames == 8000


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"RIFF\0")], ids=["gone", "cut"])
@pytest.mark.parametrize("name", ["voice.wav", "noise.wav", "mixture.wav"])
def test_files_that_are_gone_or_cut_are_rendered_anew(
    manifest: Manifest, tmp_path: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    out = tmp_path / "out"
    render_manifest(manifest, out)
    victim = out / "valid" / manifest.rows[1].id / name
    whole = victim.read_bytes()
    spoil(victim)
    written = render_manifest(manifest, out)
    assert (written.rows, written.kept, written.failed) == (1, 2, [])
    assert victim.read_bytes() == whole
    assert render_manifest(manifest, out).kept == 3


def test_files_without_a_hash_are_told_apart_by_their_root(tmp_path: Path) -> None:
    """With one, the content is known to be the same wherever it lies."""
    for number, root in enumerate(("here", "there")):
        (tmp_path / root).mkdir()
        write_audio(tmp_path / root / "a.wav", noise(1.0, 8000, seed=number)[None], sample_rate=8000)
    for sha256, kept in (("", 0), ("0" * 64, 1)):
        part = Part(source="a", path="a.wav", sha256=sha256, duration_s=1.0)
        row = Row(id="r", split="x", sample_rate=8000, duration_s=1.0, parts=(part,))
        out = tmp_path / f"out{kept}"
        assert render_manifest(Manifest((row,), tmp_path / "here", ""), out).rows == 1
        assert render_manifest(Manifest((row,), tmp_path / "here", ""), out).kept == 1
        assert render_manifest(Manifest((row,), tmp_path / "there", ""), out).kept == kept
    heard = read_audio(tmp_path / "out0/x/r/a.wav").samples
    np.testing.assert_array_equal(heard, read_audio(tmp_path / "there/a.wav").samples)


def test_a_stem_cannot_take_the_place_of_the_mixture(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(1.0, 8000, seed=1)[None], sample_rate=8000)
    parts = tuple(Part(source=source, path="a.wav", duration_s=1.0) for source in ("mixture", "voice"))
    row = Row(id="r", split="x", sample_rate=8000, duration_s=1.0, parts=parts)
    (failed,) = render_manifest(Manifest((row,), tmp_path, ""), tmp_path / "out").failed
    assert "row r has a stem called mixture" in failed.error
    assert not (tmp_path / "out").exists()


def test_files_of_others_are_never_replaced(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_manifest(manifest, out)
    noted, foreign = (out / "valid" / row.id for row in manifest.rows[:2])
    (noted / "notes.txt").write_text("mine")
    (foreign / "row.json").unlink()
    written = render_manifest(manifest, out, subtype="pcm16")
    assert written.rows == 1
    assert [failed.id for failed in written.failed] == [row.id for row in manifest.rows[:2]]
    assert "holds notes.txt, which was not rendered" in written.failed[0].error
    assert "holds no row.json" in written.failed[1].error
    assert {probe(folder / "mixture.wav").subtype for folder in (noted, foreign)} == {"float32"}


def test_an_unknown_subtype_is_refused_before_anything_is_written(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pcm8"):
        render_manifest(manifest, tmp_path / "out", subtype="pcm8")
    assert not (tmp_path / "out").exists()


def test_a_row_cannot_climb_out_of_its_folder(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(0.1, 8000, seed=1)[None], sample_rate=8000)
    part = Part(source="a", path="a.wav", duration_s=0.1)
    row = Row(id="../../a", split="x", sample_rate=8000, duration_s=0.1, parts=(part,))
    (failed,) = render_manifest(Manifest((row,), tmp_path, ""), tmp_path / "deep/out").failed
    assert "outside" in failed.error
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_is_an_output_error(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot write"):
        render_manifest(manifest, tmp_path / "out")
