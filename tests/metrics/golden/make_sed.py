"""Writes golden_sed.json: cases drawn at random, and what sed_eval, psds_eval and scikit-learn say of them.

Run in an environment of its own: pip install sed_eval psds_eval scikit-learn "numpy<2" "pandas<2.2"; then
python tests/metrics/golden/make_sed.py. The two detection packages know neither numpy 2 nor pandas 3.
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import psds_eval
import sed_eval
from sklearn import metrics

warnings.simplefilter("ignore")  # psds_eval calls pandas in ways that go away

CLASSES = ["bark", "cough", "keys", "knock"]
CLIP_S = 10.0
PACKAGES = ("sed_eval", "psds_eval", "scikit-learn", "dcase_util", "numpy", "pandas", "scipy")


def draw_reference(rng, most):
    """Events of random classes; those of one class never overlap, those of others may."""
    events = []
    for _ in range(rng.integers(1, most + 1)):
        onset = round(rng.uniform(0, CLIP_S - 0.5), 3)
        offset = round(min(CLIP_S, onset + rng.uniform(0.05, 2.5)), 3)
        label = CLASSES[rng.integers(len(CLASSES))]
        if all(label != other[2] or offset < other[0] or other[1] < onset for other in events):
            events.append([onset, offset, label])
    return sorted(events)


def draw_estimate(rng, reference, spread):
    """The reference shifted, some of it lost, some of another class, and some events out of nothing."""
    events = []
    for onset, offset, label in reference + draw_reference(rng, 2):
        if rng.random() < 0.15:
            continue
        begin = round(max(0.0, onset + rng.normal(0, spread)), 3)
        end = round(max(begin, offset + rng.normal(0, 2 * spread)), 3)
        name = CLASSES[rng.integers(len(CLASSES))] if rng.random() < 0.25 else label
        if all(name != other[2] or end < other[0] or other[1] < begin for other in events):
            events.append([begin, end, name])
    return sorted(events)


def listed(events):
    keys = ("event_onset", "event_offset", "event_label")
    return [{**dict(zip(keys, event, strict=True)), "file": "clip.wav"} for event in events]


def plain(results):
    """The figures that soli has, NaN as null."""
    flat = {
        **results["f_measure"],
        **results["error_rate"],
        **{name: results["count"][name] for name in results.get("count", {})},
    }
    return {name: None if np.isnan(value) else float(value) for name, value in flat.items()}


def scored(scorer, clips, **settings):
    # None found among some that are there is a precision of 0; by default it would be left out of the mean.
    scorer.empty_system_output_handling = "zero_score"
    for clip in clips:
        scorer.evaluate(listed(clip["reference"]), listed(clip["estimate"]), **settings)
    results = scorer.results()
    return {
        "overall": plain(results["overall"]),
        "macro": plain(results["class_wise_average"]),
        "classes": {name: plain(values) for name, values in results["class_wise"].items()},
    }


def event_cases(rng):
    cases = []
    for most, spread in ((3, 0.1), (6, 0.2), (12, 0.3), (25, 0.4)):
        references = [draw_reference(rng, most) for _ in range(8)]
        clips = [{"reference": each, "estimate": draw_estimate(rng, each, spread)} for each in references]
        case = {"clips": clips, "events": [], "segments": []}
        for onset, share, offsets in ((0.2, 0.5, True), (0.1, 0.0, True), (0.5, 0.2, True), (0.2, 0.5, False)):
            scorer = sed_eval.sound_event.EventBasedMetrics(
                CLASSES, t_collar=onset, percentage_of_length=share, evaluate_offset=offsets
            )
            settings = {"collar_s": onset, "share": share, "offsets": offsets}
            case["events"].append({**settings, "scores": scored(scorer, clips)})
        for segment in (1.0, 0.1, 0.03):
            scorer = sed_eval.sound_event.SegmentBasedMetrics(CLASSES, time_resolution=segment)
            found = scored(scorer, clips, evaluated_length_seconds=CLIP_S)
            case["segments"].append({"segment_s": segment, "scores": found})
        cases.append(case)
    return cases


def frame_of(points):
    rows = [(name, *event) for name, events in points.items() for event in events]
    return pd.DataFrame(rows, columns=["filename", "onset", "offset", "event_label"])


def psds_cases(rng):
    cases = []
    for most, spread in ((4, 0.2), (8, 0.3)):
        reference = {f"clip{n}.wav": draw_reference(rng, most) for n in range(6)}
        reference["silent.wav"] = []
        points = []
        for extra in range(5):
            point = {name: draw_estimate(rng, events, spread) for name, events in reference.items()}
            points.append({name: events[: 1 + extra] for name, events in point.items()})
        files = pd.DataFrame([(name, CLIP_S) for name in reference], columns=["filename", "duration"])
        found = []
        for dtc, gtc, cttc, alpha_ct, alpha_st, widest in (
            (0.7, 0.7, 0.3, 0.0, 1.0, 100.0),
            (0.1, 0.1, 0.3, 0.5, 1.0, 100.0),
            (0.5, 0.5, 0.3, 0.0, 0.0, None),
            (0.5, 0.3, 0.5, 1.0, 0.5, None),
            (0.5, 0.5, 0.3, 0.2, 0.0, 1500.0),
        ):
            scorer = psds_eval.PSDSEval(dtc, gtc, cttc, ground_truth=frame_of(reference), metadata=files)
            for point in points:
                scorer.add_operating_point(frame_of(point))
            score = scorer.psds(alpha_ct, alpha_st, widest)
            settings = {"dtc": dtc, "gtc": gtc, "cttc": cttc, "alpha_ct": alpha_ct, "alpha_st": alpha_st}
            curve = {"efpr": score.plt.xp.tolist(), "etpr": score.plt.yp.tolist()}
            found.append({**settings, "max_efpr": widest, "psds": float(score.value), **curve})
        cases.append({"reference": reference, "points": points, "clip_s": CLIP_S, "found": found})
    return cases


def tagging_cases(rng):
    cases = []
    for clips, classes, levels in ((40, 4, 1024), (60, 3, 8)):
        truth = rng.random((clips, classes)) < np.linspace(0.1, 0.6, classes)
        truth[:2] = [[False], [True]]
        scores = np.round(levels / (1 + np.exp(-rng.normal(2.0 * truth - 1.5, 1.5)))) / levels
        thresholds = [0.1, 0.5, [round(each, 2) for each in np.linspace(0.2, 0.7, classes)]]
        case = {"truth": truth.astype(int).tolist(), "scores": scores.tolist(), "at": []}
        for threshold in thresholds:
            given = scores > np.asarray(threshold)
            figures = {}
            for average in ("macro", "micro", "weighted", None):
                values = metrics.precision_recall_fscore_support(truth, given, average=average, zero_division=0)[:3]
                figures[average or "classes"] = [np.asarray(value).tolist() for value in values]
            case["at"].append({"threshold": threshold, "figures": figures})
        for name, score in (("roc_auc", metrics.roc_auc_score), ("average_precision", metrics.average_precision_score)):
            kinds = ("macro", "micro", "weighted", None)
            case[name] = {kind or "classes": np.asarray(score(truth, scores, average=kind)).tolist() for kind in kinds}
        cases.append(case)
    return cases


def main():
    rng = np.random.default_rng(5)
    golden = {
        "made_with": {name: version(name) for name in PACKAGES},
        "classes": CLASSES,
        "clip_s": CLIP_S,
        "events": event_cases(rng),
        "psds": psds_cases(rng),
        "tagging": tagging_cases(rng),
    }
    path = Path(__file__).with_name("golden_sed.json")
    path.write_text(json.dumps(golden, allow_nan=False, separators=(",", ":")) + "\n")
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
