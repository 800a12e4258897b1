"""What lies beside the benchmark `scenes`: what it is, and under what terms its sounds are."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from soli.atomic import write_atomically
from soli.data.corpora.packages import Package, read_licence
from soli.data.origins import LICENCES_NAME
from soli.version import __version__

README_NAME = "README.md"


def write_terms(out: Path, esc10: Path, packages: Sequence[Package], snrs: Sequence[float]) -> None:
    """Writes `licences.json`, with the texts of ESC-10 and of the packages, and `README.md`."""
    terms = {package.name: {**dataclasses.asdict(read_licence(package)), "role": "ambience"} for package in packages}
    terms["ESC-10"] = {"licences": ["CC-BY-3.0"], "text": _own_words(esc10), "role": "events"}
    write_atomically(out / LICENCES_NAME, json.dumps(dict(sorted(terms.items())), indent=1) + "\n")
    write_atomically(out / README_NAME, _readme(snrs))


def _own_words(esc10: Path) -> str:
    """ESC-10's own page, which names the author and the licence of every clip; empty where it is not there."""
    pages = sorted(path for path in esc10.glob("README*") if path.is_file())
    return pages[0].read_text(encoding="utf-8", errors="replace") if pages else ""


def _readme(snrs: Sequence[float]) -> str:
    told = ", ".join(f"{snr_db:g}" for snr_db in snrs)
    return f"""# Scenes: ten sound events over ambience

Made by soli {__version__} (`soli data build scenes`), at {told} dB.

- `snr-S.jsonl`: every mixture at S dB, its fold in `meta.fold`. `snr-S-fold-K.jsonl`: the same, fold K to test on, the
  fold after it to validate on, the other three to train on. No recording of events or ambience is in two folds.
- A mixture is a row: 10 s at 32 kHz, three events at 0.5, 3.0 and 5.5 s of at most 2 s, one excerpt of ambience. It is
  rendered as it is needed; `soli data render` writes files.
- SNR: the RMS of an event over its whole file, over the RMS of the ambience; both are divided by twice their joint
  peak.
- `labels` are what a network learns from. Parts, with their onsets, are for scores.

`events` is ESC-10 (K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015, CC BY
3.0), without the silence that its clips are padded with. `ambience` is out of Debian packages. All terms:
`{LICENCES_NAME}`.
"""
