"""Scores the signals of an .npz with soli, and prints the scores and the CPU seconds as JSON."""

import json
import os
import resource
import sys

import numpy as np

from soli.metrics.bss import bss_eval

data = np.load(sys.argv[1])
references, estimates = data["references"], data["estimates"]
before = os.times()
scores = bss_eval(references, estimates)
after = os.times()
print(
    json.dumps(
        {
            "cpu_s": after.user + after.system - before.user - before.system,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "sdr": scores.sdr,
            "sir": scores.sir,
            "sar": scores.sar,
            "permutation": scores.permutation,
        }
    )
)
