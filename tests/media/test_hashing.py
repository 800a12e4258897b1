"""The fingerprint of a file is what everybody else's SHA-256 is."""

from pathlib import Path

import pytest

from soli.errors import InputError
from soli.media.hashing import sha256_file


def test_the_standards_own_example(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*gone"):
        sha256_file(tmp_path / "gone")
