"""The folder of golden values runs in an environment of its own, too, and is therefore no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "golden"))
