"""Follows a page of docs to the letter, on a copy of the project: makes its files and runs its commands."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# The longest takes half a minute here, some of it twice that on a busy machine.
_LONGEST_S = 240
_FILE = re.compile(r"# file: (\S+)\n")
_ABOVE = re.compile(r"# above the line `(.*)` in (\S+)\n")


@dataclass(frozen=True)
class Page:
    """The fenced blocks of a page, in order: (language, text)."""

    blocks: list[tuple[str, str]]

    @classmethod
    def read(cls, name: str) -> "Page":
        blocks = _BLOCK.findall((PROJECT / "docs" / name).read_text(encoding="utf-8"))
        assert blocks, f"docs/{name} holds no fenced blocks"
        return cls(blocks)

    @property
    def commands(self) -> list[str]:
        return [line for language, text in self.blocks if language == "bash" for line in text.splitlines() if line]


@dataclass(frozen=True)
class Copy:
    """A copy of the project's sources and tests, where pages can be followed without changing the project."""

    root: Path

    @classmethod
    def make(cls, folder: Path) -> "Copy":
        leave_out = shutil.ignore_patterns("__pycache__", "*.onnx")
        shutil.copytree(PROJECT / "src", folder / "src", ignore=leave_out)
        shutil.copytree(PROJECT / "tests", folder / "tests", ignore=leave_out)
        shutil.copy(PROJECT / "pyproject.toml", folder)
        return cls(folder)

    def follow_files(self, page: Page) -> None:
        """Makes the files and adds the lines that the page shows."""
        for _, text in page.blocks:
            if match := _FILE.match(text):
                path = self.root / match[1]
                assert not path.exists(), f"{match[1]} is there already"
                path.write_text(text[match.end() :], encoding="utf-8")
            elif match := _ABOVE.match(text):
                self._insert(self.root / match[2], marker=match[1], lines=text[match.end() :])

    def _insert(self, path: Path, *, marker: str, lines: str) -> None:
        before = path.read_text(encoding="utf-8")
        assert before.count(marker) == 1, f"{path.name} holds the line {marker!r} {before.count(marker)} times"
        path.write_text(before.replace(marker, lines + marker), encoding="utf-8")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Runs one command of a page: `soli ...` and `pytest ...` are those of this copy and of this Python."""
        program, *words = command.split()
        module = {"soli": "soli.cli.main", "pytest": "pytest"}[program]
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src"), "PYTHONFAULTHANDLER": "1"}
        call = [sys.executable, "-m", module, *words]
        process = subprocess.Popen(
            call,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            # Aborted, it says where each of its processes was.
            os.killpg(process.pid, signal.SIGABRT)
            stdout, stderr = process.communicate(timeout=60)
            raise AssertionError(f"{command}\ntook more than {_LONGEST_S} s\n{stdout}\n{stderr}") from None
        return subprocess.CompletedProcess(call, process.returncode, stdout, stderr)
