"""soli takes a recording apart into the sources it is made of.

>>> stems = soli.separate("talk.wav")                          # {"voice": (C, T), "noise": (C, T)}
>>> stems = soli.separate(samples, sample_rate=48000)          # arrays in, arrays out
>>> for part in soli.stream(blocks, sample_rate=48000): ...    # any length, constant memory
>>> voice = soli.load("voice")                                 # a Separator, thread-safe
>>> found = soli.detect("talk.wav", "events.soli.onnx")        # found.events, found.tags: what sounds, and when
"""

import os
from typing import TYPE_CHECKING, Any

from soli.version import __version__

# onnxruntime reports its use to its maker over the network, unless this is set before it is first imported
# (`disable_telemetry_events` does not stop it, 1.31.1). What people separate is nobody else's business.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from soli.detection.detect import detect
    from soli.separation.api import load, separate, stream
    from soli.types import Audio

__all__ = ["Audio", "__version__", "detect", "load", "separate", "stream"]

_HOMES = {
    "Audio": "soli.types",
    "detect": "soli.detection.detect",
    "load": "soli.separation.api",
    "separate": "soli.separation.api",
    "stream": "soli.separation.api",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: `import soli` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'soli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
