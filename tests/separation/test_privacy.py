"""Nothing leaves the machine: onnxruntime's reports to its maker are off before it is first imported."""

import os
import subprocess
import sys
from pathlib import Path

from models import identity_model, save

PROGRAM = """
import sys, time
import numpy as np
import soli
soli.load(sys.argv[1]).separate(np.ones((1, 4800), np.float32))
time.sleep(1)
"""


def test_a_separation_leaves_no_report_to_send(tmp_path: Path) -> None:
    """What onnxruntime wants to report it keeps in a folder of the user's cache, within a second of its start."""
    model, home = save(tmp_path, identity_model()), tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    subprocess.run([sys.executable, "-c", PROGRAM, str(model)], env=environment, check=True, timeout=60)
    assert not (home / ".cache" / "Microsoft").exists()


def test_the_command_line_sets_it_too() -> None:
    program = "import os, soli.cli.main; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
