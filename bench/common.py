"""What every bench shares: peers in environments of their own, facts about the machine, and the page of results.

A bench measures soli and its peer in the same run, on the same input, and reports medians and ratios. `--write` puts
its table into docs/benchmarks.md between two markers and its figures into docs/benchmarks/NAME.json: no number in a
document is typed by hand.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import venv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).parent / "peers"
PAGE = ROOT / "docs" / "benchmarks.md"

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def parser(about: str) -> argparse.ArgumentParser:
    """The options that all benches have."""
    made = argparse.ArgumentParser(description=about.splitlines()[0])
    made.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    made.add_argument(
        "--venvs",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "soli-bench",
        help="where the environments of the peers are made, and kept",
    )
    return made


def peer_python(folder: Path, name: str, packages: Sequence[str]) -> Path:
    """The python of an environment with these packages, made on the first call and kept for the next."""
    home = folder / name
    python = home / "bin" / "python"
    stamp = home / "packages.txt"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"making an environment for {name}: {', '.join(packages)}")
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(wanted)
    return python


def one_thread() -> dict[str, str]:
    """The environment of a process that keeps numpy to one thread."""
    return {**os.environ, **ONE_THREAD}


def machine() -> str:
    """The processor, its cores, and the versions that matter, in a line."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    import numpy
    import onnxruntime

    versions = f"Python {platform.python_version()}, numpy {numpy.__version__}, onnxruntime {onnxruntime.__version__}"
    # Wall times mean little where others use the cores: who reads them sees it.
    busy = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {busy:.1f}, {versions}, {datetime.now(UTC):%Y-%m-%d}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first column to the left, the others to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(name: str, markdown: str, figures: dict[str, Any], *, write: bool) -> None:
    """Prints the results, and with `write` puts them into the page and beside it."""
    say(markdown)
    print(json.dumps(figures, indent=1, allow_nan=False))
    if not write:
        return
    (PAGE.parent / "benchmarks").mkdir(exist_ok=True)
    (PAGE.parent / "benchmarks" / f"{name}.json").write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n")
    page = (
        PAGE.read_text()
        if PAGE.exists()
        else "# Benchmarks\n\nWritten by the scripts in `bench/`; see each for what it measures.\n"
    )
    PAGE.write_text(with_section(page, name, markdown))
    say(f"written to {PAGE.relative_to(ROOT)}")


def with_section(page: str, name: str, markdown: str) -> str:
    """The page with what lies between the markers of `name` replaced, or put at the end where there are none."""
    start, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    section = f"{start}\n{markdown.strip()}\n{end}"
    before, found, rest = page.partition(start)
    if not found:
        return f"{page.rstrip()}\n\n{section}\n"
    _, closed, after = rest.partition(end)
    if not closed:
        raise SystemExit(f"{PAGE}: {start} without {end}")
    return before + section + after


def say(text: str) -> None:
    """Progress and tables go to stderr: stdout is one JSON object."""
    print(text, file=sys.stderr, flush=True)
