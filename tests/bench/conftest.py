"""The folder of the benches, and those of the made comparison and fonts, on the path: none is a package."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "path", [str(TESTS.parent / "bench"), str(TESTS / "report"), str(TESTS / "data"), *sys.path]
    )
