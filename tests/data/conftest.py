import shutil
from pathlib import Path

import pytest
from debian import debian

from made_sounds import tiny_library
from soli.data.library import Library, read_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library of made sounds; read-only by agreement."""
    root = tmp_path_factory.mktemp("library")
    tiny_library(root)
    return read_library(root)


@pytest.fixture
def own_library(library: Library, tmp_path: Path) -> Path:
    """The same library, to be spoiled."""
    return shutil.copytree(library.root, tmp_path / "library")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked Debian packages; read-only by agreement."""
    return debian(tmp_path_factory.mktemp("debian"))
