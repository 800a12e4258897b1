"""What all tests share."""

import os

# Before numpy or torch start their thread pools: more threads than cores make small tests slower, not faster.
os.environ.setdefault("OMP_NUM_THREADS", "1")
