"""The folder of the benches, and that of the made comparison, on the path: neither is a package."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(TESTS.parent / "bench"), str(TESTS / "report"), *sys.path])
