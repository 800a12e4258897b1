"""Scores the signals of an .npz with mir_eval, and prints the scores and the CPU seconds as JSON."""

import json
import os
import resource
import sys
import warnings

import mir_eval
import numpy as np

warnings.simplefilter("ignore")  # mir_eval announces that its separation scores go away
data = np.load(sys.argv[1])
references, estimates = data["references"], data["estimates"]
before = os.times()
sdr, sir, sar, permutation = mir_eval.separation.bss_eval_sources(references, estimates)
after = os.times()
print(
    json.dumps(
        {
            "cpu_s": after.user + after.system - before.user - before.system,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "sdr": sdr.tolist(),
            "sir": sir.tolist(),
            "sar": sar.tolist(),
            "permutation": permutation.tolist(),
        }
    )
)
