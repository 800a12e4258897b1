"""The fingerprint of a file: SHA-256, read in blocks."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from soli.errors import InputError

_BLOCK = 1 << 20


def sha256_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits. Raises InputError where the file cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return sha256_of(file)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", do="check the path and its permissions") from error


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of an open file, from its beginning on."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
