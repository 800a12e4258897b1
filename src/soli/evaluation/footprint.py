"""How long a subject takes and how much memory: each in a fresh process, on one thread, on the same sound.

CPU time is counted, which others on the machine disturb less than the time on the clock; on an idle core they are one.

`python -m soli.evaluation.footprint MODEL MANIFEST SPLIT SECONDS` is that process; it prints one JSON object.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from soli.data.manifest import Manifest, read_manifest
from soli.data.render import Rendered, render
from soli.errors import SoliError
from soli.evaluation.selection import ALL, select
from soli.evaluation.subject import subject_of
from soli.pool import THREAD_LIMITS
from soli.separation.memory import peak_rss_mb

SECONDS = 20.0
REPEATS = 3
_ON_THE_CPU = {"CUDA_VISIBLE_DEVICES": "-1"}


class Footprint(BaseModel):
    """Real-time factor (the median of REPEATS calls after one that loads the network), and peak memory in MB.

    `peak_mb`: of the process, beyond what it had taken with its libraries and the sound loaded: the model file's bytes,
    the network, and what it works with. A peak never falls, so that this is 0 or more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rtf: float
    peak_mb: float


def footprint(model: str, data: Path | str, *, split: str = ALL, seconds: float = SECONDS) -> Footprint:
    """Measures a subject on the first `seconds` of the mixtures of a manifest's split, one channel.

    Raises:
        SoliError: the process failed; the message holds its last line.
    """
    call = [sys.executable, "-m", __name__, model, str(data), split, str(seconds)]
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_LIMITS, "1"),
        **_ON_THE_CPU,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    try:
        return Footprint.model_validate_json(done.stdout)
    except ValidationError as error:
        reason = (done.stderr.strip() or "no output").splitlines()[-1]
        raise SoliError(f"time and memory of {model} could not be measured: {reason}") from error


def measure(model: str, data: Path | str, *, split: str, seconds: float) -> Footprint:
    """The measurement itself, in this process."""
    manifest = select(read_manifest(data), split).manifest
    sound = excerpt_of(manifest, seconds)
    start_mb = peak_rss_mb()  # before the model file is read: its bytes are a part of what it takes
    subject = subject_of(model, manifest, threads=1)
    references = subject.references(sound)
    times = []
    for _ in range(REPEATS + 1):
        started = time.process_time()
        subject.estimates(sound, references)
        times.append(time.process_time() - started)
    rtf = round(statistics.median(times[1:]) / seconds, 5)
    return Footprint(rtf=rtf, peak_mb=round(peak_rss_mb() - start_mb, 1))


def excerpt_of(manifest: Manifest, seconds: float) -> Rendered:
    """`seconds` of sound: the mixtures of the first rows in a row, first channel, from the start again if too short."""
    rate = manifest.rows[0].sample_rate
    wanted, total = round(seconds * rate), 0
    pieces = []
    for row in manifest.rows:
        if total >= wanted:
            break
        if row.sample_rate == rate:
            pieces.append(render(row, manifest.root).mixture[:1])
            total += pieces[-1].shape[-1]
    whole = np.concatenate(pieces, axis=-1)
    return Rendered(np.tile(whole, (1, -(-wanted // total)))[:, :wanted], {}, rate)


def machine() -> str:
    """The processor and how many cores it has."""
    cpuinfo = Path("/proc/cpuinfo")
    names = []
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    try:
        print(json.dumps(measure(*sys.argv[1:3], split=sys.argv[3], seconds=float(sys.argv[4])).model_dump()))
    except SoliError as error:
        sys.exit(str(error))
