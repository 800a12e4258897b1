"""How much memory this process has taken."""

import resource
import sys
from pathlib import Path


def peak_rss_mb() -> float:
    """The most resident memory of this process so far, in MB (10^6 bytes).

    Linux tells it in /proc; what getrusage says there also counts the parent before this program was started.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
