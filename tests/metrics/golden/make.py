"""Writes golden.json: what mir_eval, museval and fast_bss_eval say of the signals of golden_cases.py.

Run in an environment of its own: pip install mir_eval museval fast_bss_eval; python tests/metrics/golden/make.py
"""

import importlib.util
import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import fast_bss_eval.numpy
import golden_cases as cases
import mir_eval
import numpy as np

warnings.simplefilter("ignore")  # mir_eval announces that its separation scores go away


def plain(values):
    """Nested lists for JSON, NaN as null."""
    array = np.asarray(values, dtype=float)
    return np.where(np.isnan(array), None, array.astype(object)).tolist()


def museval_metrics():
    """museval/metrics.py alone: the package around it wants an ffmpeg program."""
    (folder,) = importlib.util.find_spec("museval").submodule_search_locations
    spec = importlib.util.spec_from_file_location("museval_metrics", Path(folder) / "metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def version_3():
    found = {}
    for name, case in cases.VERSION_3.items():
        sdr, sir, sar, permutation = mir_eval.separation.bss_eval_sources(*case())
        found[name] = {"sdr": plain(sdr), "sir": plain(sir), "sar": plain(sar), "permutation": permutation.tolist()}
    return found


def version_4():
    references, estimates = (array.transpose(0, 2, 1) for array in cases.stereo())
    museval = museval_metrics()
    found = {}
    for name, window, hop in (("second", cases.RATE, cases.RATE), ("overlap", cases.RATE, cases.RATE // 2)):
        sdr, isr, sir, sar, _ = museval.bss_eval(references, estimates, window=window, hop=hop)
        found[name] = {"sdr": plain(sdr), "isr": plain(isr), "sir": plain(sir), "sar": plain(sar)}
    return found


def scale_invariant():
    references, estimates = cases.offset()
    found = {}
    for name, centre in (("centred", True), ("raw", False)):
        # its SI-SAR is |P e|^2 over the artefacts, not the |alpha s|^2 of Le Roux et al.: left out
        sdr, sir, _, _ = fast_bss_eval.numpy.si_bss_eval_sources(
            references, estimates, zero_mean=centre, compute_permutation=True
        )
        found[name] = {"si_sdr": plain(sdr), "si_sir": plain(sir)}
    return found


def main():
    golden = {
        "made_with": {name: version(name) for name in ("mir_eval", "museval", "fast_bss_eval", "numpy", "scipy")},
        "version_3": version_3(),
        "version_4": version_4(),
        "scale_invariant": scale_invariant(),
    }
    path = Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, indent=1, allow_nan=False) + "\n")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
