"""The fingerprint of a file: SHA-256, read in blocks."""

import hashlib
import os
from pathlib import Path

from soli.errors import InputError


def sha256_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits. Raises InputError where the file cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", do="check the path and its permissions") from error
