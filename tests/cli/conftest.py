"""A model whose stems are known: what lies below 2 kHz is the voice, what lies above is the noise."""

from pathlib import Path

import pytest

import models


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model"), models.low_pass_model(2000))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the call is made in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
