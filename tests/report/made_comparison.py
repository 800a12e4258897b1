"""A comparison with known figures, made without running anything."""

import numpy as np

from soli.evaluation.comparison import (
    IMPROVED,
    SCORES,
    Clip,
    Comparison,
    Cost,
    Entrant,
    Failed,
    Figure,
    Group,
    Quality,
)
from soli.evaluation.paired import difference, figure

ITEMS = [f"test-{index:03}" for index in range(45)]
METHODS = {  # name: improvement in dB, million multiply-accumulates a second
    "band_split": (8.4, 7.5),
    "conv_tasnet": (8.2, 310.0),
    "tasnet": (6.3, 450.0),
    "unet": (6.2, 620.0),
    "blstm_mask": (6.1, 7.2),
    "wave_unet": (5.9, 280.0),
    "seq2seq": (5.5, 33.0),
    "deep_clustering": (5.1, 29.0),
    "kmeans2": (0.7, None),
}
MARKS = {"oracle": (12.5, None), "mixture": (0.0, None)}


def comparison(**changes: object) -> Comparison:
    """Nine methods and the two marks on 45 items at nine SNRs, the best first."""
    rng = np.random.default_rng(0)
    hard = rng.standard_normal(len(ITEMS))
    gains = {
        name: dict(zip(ITEMS, (gain + hard + 0.3 * rng.standard_normal(len(ITEMS))).tolist(), strict=True))
        for name, (gain, _) in {**METHODS, **MARKS}.items()
    }
    order = sorted(gains, key=lambda name: sum(gains[name].values()), reverse=True)
    best = next(name for name in order if name in METHODS)
    values = {
        "manifest": "test.jsonl",
        "manifest_sha256": "ab" * 32,
        "splits": ["test"],
        "left_out": 100,
        "items": ITEMS,
        "sources": ["voice", "noise"],
        "lead": "voice",
        "best": best,
        "entrants": [_entrant(name, gains, best) for name in order],
        "failed": [Failed(name="late", error="runs/late holds no weights yet")],
        "groups": [Group(label=str(snr), ids=ITEMS[snr::9]) for snr in range(9)],
        "grouped_by": "SNR",
        "claims": 36,
        "measured_s": 20.0,
        "machine": "a processor, 2 cores",
        "notes": ["something to know"],
        "soli": "0.1.0",
    }
    return Comparison(**{**values, **changes})


def _entrant(name: str, gains: dict[str, dict[str, float]], best: str) -> Entrant:
    found = figure(list(gains[name].values()))
    exact = Figure(mean=151.0, low=150.0, high=152.0, count=45)
    quality = Quality(
        scores=dict.fromkeys(SCORES, exact if name == "mixture" else found),
        improvements=dict.fromkeys(IMPROVED, found),
        behind=None if name == best else difference(gains[best], gains[name], claims=36),
    )
    method = name in METHODS
    work = METHODS[name][1] if method else None
    clip = Clip(
        id=f"{name} <1>",
        condition="0 dB SNR",
        score_db=None,
        improvement_db=-61.25,
        mixture=f"worst/{name}/01-mixture#1.flac",
        estimate=f"worst/{name}/01-estimate.wav",
        reference=f"worst/{name}/01-reference.flac",
    )
    cost = Cost(
        parameters=None if work is None else 100_000,
        macs_per_s=None if work is None else 1e6 * work,
        rtf=0.0123,
        peak_mb=55.4,
        train_minutes=None if work is None else 20.0,
    )
    return Entrant(
        name=name,
        role="method" if method else "mark",
        family=name,
        origin=f"runs/{name}",
        sample_rate=8000 if method else None,
        model_sha256="",
        quality=dict.fromkeys(("voice", "noise"), quality),
        cost=cost if method else Cost(),
        items=dict(gains[name]),
        worst=[clip] if method else [],
    )
