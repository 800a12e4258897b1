"""What a process is told before it trains, asked of a process of its own: it holds for all of it."""

import json
import os
import subprocess
import sys
from typing import Any

ASKED = """
import json, os, resource, sys
from soli.train.process import ready_process
if "ready" in sys.argv:
    ready_process()
import torch
for size in ((1 << 24), (1 << 24) - (1 << 12), (1 << 24) - (1 << 13)):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(size)  # 64 MiB, given back at once
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
smallest = torch.tensor([1e-40]) * 2
print(json.dumps([os.environ.get("OMP_WAIT_POLICY"), pages, smallest.item() == 0]))
"""


def said(*words: str, **environment: str) -> list[Any]:
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    call = [sys.executable, "-c", ASKED, *words]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env={**inherited, **environment})
    return list(json.loads(done.stdout))


def test_waiting_threads_sleep_freed_memory_is_kept_and_denormals_are_zero() -> None:
    policy, pages, zero = said("ready")
    assert (policy, zero) == ("PASSIVE", True)
    *_, before, without = said()
    assert without is False
    assert pages < 100 < before, "pages that the system had to give anew"


def test_what_the_user_has_set_stands() -> None:
    assert said("ready", OMP_WAIT_POLICY="ACTIVE")[0] == "ACTIVE"
