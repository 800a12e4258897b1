"""Calls `soli` as users do: in a process of its own, or through `main` where the process does not matter."""

import os
import subprocess
import sys
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

import pytest

from soli.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a call left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return loads(self.out)

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("soli: error: ")]


def words(*args: object, python: tuple[str, ...] = ()) -> list[str]:
    """The command line of a real call."""
    return [sys.executable, *python, "-m", "soli.cli.main", *map(os.fspath, map(_path_or_text, args))]


def process(*args: object, python: tuple[str, ...] = (), **options: Any) -> Result:
    """A call in a process of its own."""
    done = subprocess.run(words(*args, python=python), capture_output=True, check=False, timeout=120, **options)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def inside(capsys: pytest.CaptureFixture[str], *args: object) -> Result:
    """A call of `main` in this process: the same code, without the start-up."""
    capsys.readouterr()
    code = main([os.fspath(_path_or_text(arg)) for arg in args])
    captured = capsys.readouterr()
    return Result(code, captured.out, captured.err)


def assert_one_line(result: Result, code: int, *parts: str) -> None:
    """That a call ended with this exit code and one line of error, which has these parts in it."""
    assert result.code == code
    assert result.errors == result.err.splitlines()
    assert len(result.errors) == 1, result.err
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err


def files_below(folder: Path) -> set[str]:
    """All files below a folder but the journal, as relative paths."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != ".soli-journal.jsonl")
    return {path.relative_to(folder).as_posix() for path in found}


def _path_or_text(arg: object) -> str:
    return os.fspath(arg) if isinstance(arg, os.PathLike) else str(arg)
