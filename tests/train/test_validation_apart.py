"""Training refuses to be validated on what it trains on, or on what does not fit it, before a sound is read."""

from pathlib import Path

import pytest

from soli.data.manifest import Part, Row, read_manifest, write_manifest
from soli.errors import DataError
from soli.train.assemble import check_rows, open_data
from soli.train.run import RunSettings


def manifest(path: Path, *rows: tuple[str, str, str]) -> Path:
    """A manifest of rows (split, path, sha256); the files are there, but there is no sound in them."""
    for _, file, _ in rows:
        (path.parent / file).touch()
    write_manifest(
        path,
        [
            Row(
                id=f"{split}-{number}",
                split=split,
                sample_rate=8000,
                duration_s=1.0,
                parts=(Part(source="voice", path=file, sha256=sha256, duration_s=1.0),),
            )
            for number, (split, file, sha256) in enumerate(rows)
        ],
    )
    return path


def settings(**data: object) -> RunSettings:
    values = {"name": "x", "family": "unet", "sources": ("voice",), "objective": {"waveform_snr": 1}, "data": data}
    return RunSettings.model_validate(values)


def test_a_file_in_training_and_validation_is_refused_unless_that_is_asked_for(tmp_path: Path) -> None:
    data = manifest(tmp_path / "all.jsonl", ("train", "a.wav", "1"), ("valid", "b.wav", "2"), ("valid", "c.wav", "1"))
    said = r"row valid-2 holds c\.wav, and row train-0 holds it too, as a\.wav .*--set data\.shared_files=true"
    with pytest.raises(DataError, match=said):
        open_data(settings(), data)
    assert len(open_data(settings(shared_files=True), data).valid.rows) == 3
    # Whoever validates on what is trained on by name knows it.
    open_data(settings(valid_split="train"), data)


def test_other_splits_may_share_files_with_training(tmp_path: Path) -> None:
    rows = ("train", "a.wav", "1"), ("train_small", "a.wav", "1"), ("valid", "b.wav", "2")
    open_data(settings(), manifest(tmp_path / "all.jsonl", *rows))


def test_a_validation_manifest_of_its_own_is_looked_at_too(tmp_path: Path) -> None:
    data = manifest(tmp_path / "train.jsonl", ("train", "a.wav", ""))
    manifest(tmp_path / "valid.jsonl", ("valid", "a.wav", ""))
    with pytest.raises(DataError, match=r"row valid-0 holds a\.wav, and row train-0 holds it too;"):
        open_data(settings(valid="valid.jsonl"), data)


def test_rows_to_validate_on_have_the_rate_and_a_source_of_the_network(tmp_path: Path) -> None:
    rows = list(read_manifest(manifest(tmp_path / "valid.jsonl", ("valid", "a.wav", ""), ("valid", "b.wav", ""))).rows)
    check_rows(rows, sample_rate=8000, sources=("noise", "voice"))
    fast = rows[1].model_copy(update={"sample_rate": 16000})
    with pytest.raises(DataError, match="row valid-1, to validate on, has 16000 Hz; wanted 8000 Hz"):
        check_rows([rows[0], fast], sample_rate=8000, sources=("voice",))
    with pytest.raises(DataError, match="hold voice; wanted one of the sources violin, cello"):
        check_rows(rows, sample_rate=8000, sources=("violin", "cello"))
