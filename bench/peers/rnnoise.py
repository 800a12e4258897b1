"""RNNoise as a pipe: reads clips from stdin, writes what it makes of them to stdout (see rnnoise_format.py).

Every clip starts with a fresh state. The library's own frames (480 samples, float32 in the range of int16) are used,
without the rounding to int16 of pyrnnoise's Python interface.
"""

import ctypes
import sys
import time

import numpy as np
from pyrnnoise.rnnoise import FRAME_SIZE, create, destroy, lib
from rnnoise_format import TAIL, pack_answer, read_clip

FULL_SCALE = 32768.0
FLOATS = ctypes.POINTER(ctypes.c_float)


def denoised(clip: np.ndarray) -> tuple[float, np.ndarray]:
    """CPU seconds, and the output as long as the clip and TAIL, still as late as RNNoise gives it."""
    frames = -(-(len(clip) + TAIL) // FRAME_SIZE)
    noisy = np.zeros((frames, FRAME_SIZE), np.float32)
    noisy.reshape(-1)[: len(clip)] = clip * FULL_SCALE
    clean = np.empty_like(noisy)
    state = create()
    before = time.process_time()
    for given, taken in zip(noisy, clean, strict=True):
        lib.rnnoise_process_frame(state, taken.ctypes.data_as(FLOATS), given.ctypes.data_as(FLOATS))
    seconds = time.process_time() - before
    destroy(state)
    return seconds, clean.reshape(-1)[: len(clip) + TAIL] / FULL_SCALE


def main() -> None:
    pipe, answer = sys.stdin.buffer, sys.stdout.buffer
    while (clip := read_clip(pipe)) is not None:
        answer.write(pack_answer(*denoised(clip)))
        answer.flush()


if __name__ == "__main__":
    main()
