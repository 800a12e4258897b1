import math
import re
from pathlib import Path

import numpy as np
import pytest
import tiny_manifest as tiny

import models
from soli.data.manifest import read_manifest, write_manifest
from soli.data.render import Rendered, render
from soli.errors import DataError, SoliError, UsageError
from soli.evaluation.compare import compare
from soli.evaluation.comparison import Comparison
from soli.evaluation.contest import Entry, contest_on
from soli.evaluation.footprint import excerpt_of, footprint
from soli.evaluation.subject import Subject
from soli.media.audio import probe, read_audio
from soli.types import Array

MEASURED_S = 2.0


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return tiny.make(folder)


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    good = models.save(tmp_path, models.low_pass_model(2000, name="low", parameters=7, macs_per_s=2e6), "low")
    poor = models.save(tmp_path, models.half_model(name="half"), "half")
    return [
        Entry("half", str(poor), "half.soli.onnx"),
        Entry("mixture", "mixture", "baseline"),
        Entry("low", str(good), "runs/low", train_minutes=1.5),
        Entry("oracle", "oracle", "baseline"),
    ]


def compared(entries: list[Entry], manifest: Path, out: Path, **options: object) -> Comparison:
    return compare(entries, contest_on(manifest, out, workers=1, measured_s=MEASURED_S, **options))


def test_the_best_comes_first_and_all_are_judged_on_the_same_items(
    entries: list[Entry], manifest: Path, tmp_path: Path
) -> None:
    found = compared(entries, manifest, tmp_path / "out")
    assert found.failed == []
    by_name = {entrant.name: entrant for entrant in found.entrants}
    gains = [entrant.quality["voice"].improvements["si_sdr"].mean for entrant in found.entrants]
    assert gains == sorted(gains, reverse=True)
    assert (found.lead, found.best, found.sources) == ("voice", "low", ["voice", "noise"])
    assert [by_name[name].role for name in ("low", "half", "mixture", "oracle")] == ["method"] * 2 + ["mark"] * 2
    assert {tuple(entrant.items) for entrant in found.entrants} == {tuple(f"mix-{i}" for i in range(6))}
    assert found.items == [row.id for row in read_manifest(manifest).rows]
    assert by_name["low"].quality["voice"].behind is None
    behind = by_name["half"].quality["noise"].behind
    low, half = (by_name[name].quality["noise"].improvements["si_sdr"].mean for name in ("low", "half"))
    assert behind.mean == pytest.approx(low - half)
    assert not behind.real, "six items prove nothing"
    assert by_name["low"].quality["voice"].improvements["si_sdr"].low is None
    assert by_name["half"].quality["voice"].improvements["si_sdr"].mean == pytest.approx(0.0, abs=1e-3)
    assert [(group.label, len(group.ids)) for group in found.groups] == [("0", 3), ("10", 3)]


def test_costs_come_from_the_card_the_log_and_a_measurement(
    entries: list[Entry], manifest: Path, tmp_path: Path
) -> None:
    found = compared(entries, manifest, tmp_path / "out", limit=2)
    cost = {entrant.name: entrant.cost for entrant in found.entrants}
    assert (cost["low"].parameters, cost["low"].macs_per_s, cost["low"].train_minutes) == (7, 2e6, 1.5)
    assert cost["half"].train_minutes is None
    assert 0 < cost["low"].rtf < 1
    assert cost["low"].peak_mb > 0.5
    assert set(cost["mixture"].model_dump().values()) == {None}


def test_a_rerun_does_nothing_again_and_a_new_entry_alone(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = compared(entries[1:], manifest, out, limit=4)
    lasting = [path for path in out.rglob("*") if path.suffix in (".flac", ".wav") or path.name == "footprint.json"]
    assert lasting
    before = {path: path.stat().st_mtime_ns for path in lasting}
    seen: list[str] = []
    again = compared(entries, manifest, out, limit=4, watch=lambda name, done, total: seen.append(name))
    assert {path: path.stat().st_mtime_ns for path in lasting} == before
    assert set(seen) == {"half"}
    kept = [entrant for entrant in again.entrants if entrant.name != "half"]
    assert [entrant.cost for entrant in kept] == [entrant.cost for entrant in first.entrants]
    assert [entrant.worst for entrant in kept] == [entrant.worst for entrant in first.entrants]


def test_the_worst_clips_are_the_worst_at_their_levels(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = compared([entries[2], entries[1]], manifest, out)
    low = next(entrant for entrant in found.entrants if entrant.name == "low")
    gains = [clip.improvement_db for clip in low.worst]
    assert gains == sorted(low.items.values())
    assert all(entrant.worst == [] for entrant in found.entrants if entrant.role == "mark")
    read = read_manifest(manifest)
    row = next(row for row in read.rows if row.id == low.worst[0].id)
    rendered = render(row, read.root)
    for name, samples in (("mixture", rendered.mixture), ("reference", rendered.stems["voice"])):
        path = out / getattr(low.worst[0], name)
        assert probe(path).subtype == "pcm24"
        np.testing.assert_allclose(read_audio(path).samples, samples, atol=2**-23)
    estimate = read_audio(out / low.worst[0].estimate).samples
    error_db = 10 * math.log10(np.mean(estimate**2) / np.mean((estimate - rendered.stems["voice"]) ** 2))
    assert error_db == pytest.approx(low.worst[0].score_db, abs=0.5)
    assert low.worst[0].condition.endswith("dB SNR")


def test_a_clip_beyond_full_scale_is_kept_as_it_is(manifest: Path, tmp_path: Path) -> None:
    loud = models.save(tmp_path, models.gain_model([[9.0]], name="loud"), "loud")
    found = compared([Entry("loud", str(loud), "")], manifest, tmp_path / "out", limit=1)
    (clip,) = found.entrants[0].worst
    assert clip.estimate.endswith(".wav")
    assert probe(tmp_path / "out" / clip.estimate).subtype == "float32"
    estimate, mixture = (read_audio(tmp_path / "out" / path).samples for path in (clip.estimate, clip.mixture))
    assert np.abs(estimate).max() > 1
    np.testing.assert_allclose(estimate, 9 * mixture, atol=1e-4)


def test_an_item_that_fails_for_one_counts_for_none(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    rows = list(read_manifest(manifest).rows)
    other = tiny.row("other", [tiny.part("voice", "low.wav"), tiny.part("noise", "other.wav")], snr_db=5)
    (manifest.parent / "other.wav").write_bytes((manifest.parent / "high.wav").read_bytes())
    write_manifest(manifest, [*rows[:3], other])
    out = tmp_path / "out"
    compared(entries[:2], manifest, out)
    (manifest.parent / "other.wav").unlink()  # half and mixture are done; low finds three items
    found = compared(entries[:3], manifest, out)
    assert {failed.name for failed in found.failed} == {"low"}
    assert all("other.wav" in failed.error for failed in found.failed)
    assert found.items == ["mix-0", "mix-1", "mix-2"]
    for entrant in found.entrants:
        assert list(entrant.items) == found.items
        assert entrant.quality["voice"].scores["si_sdr"].count == 3
    assert sorted(item for group in found.groups for item in group.ids) == found.items
    assert "1 of 4 items are left out, for an entrant failed on them" in found.notes


def mute_where_noise_is_loud(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets the subject of that name give silence on the items at 0 dB, half of all."""
    real = Subject.estimates

    def estimates(self: Subject, rendered: Rendered, references: Array) -> Array:
        found = real(self, rendered, references)
        loud = np.sqrt(np.mean(np.square(rendered.stems["noise"]))) > 0.06
        return 0 * found if self.name == name and loud else found

    monkeypatch.setattr(Subject, "estimates", estimates)


def test_giving_up_on_items_is_not_the_way_to_the_top(
    entries: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wide` is some 10 dB ahead where it sounds; silent on half of the items it is behind one that does nothing."""
    manifest = tiny.make(tmp_path, count=12)
    write_manifest(manifest, read_manifest(manifest).rows[:12])
    wide = Entry("wide", str(models.save(tmp_path, models.low_pass_model(3000, name="wide"), "wide")), "")
    honest = compared([entries[0], wide], manifest, tmp_path / "honest")
    mute_where_noise_is_loud(monkeypatch, "wide")
    found = compared([entries[0], wide], manifest, tmp_path / "out")
    assert (honest.best, found.best) == ("wide", "half")
    assert [each.name for each in found.entrants] == ["half", "wide"]
    last = found.entrants[-1]
    assert last.quality["voice"].floored == 6
    assert last.quality["voice"].scores["si_sdr"].count == 12
    gains = {each.name: each.quality["voice"].improvements["si_sdr"].mean for each in found.entrants}
    assert gains["wide"] == pytest.approx(np.mean(list(last.items.values())))
    assert last.quality["voice"].behind.mean == pytest.approx(gains["half"] - gains["wide"])
    assert last.quality["voice"].behind.count == 12
    assert [clip.score_db for clip in last.worst[:6]] == [None] * 6, "who is silent is heard first"
    assert last.worst[6].score_db > 0
    assert not read_audio(tmp_path / "out" / last.worst[0].estimate).samples.any()


def test_rank_best_and_distance_are_of_one_quantity(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    found = compared(entries, manifest, tmp_path / "out")
    for source in found.sources:
        gains = {each.name: each.quality[source].improvements["si_sdr"].mean for each in found.entrants}
        for each in found.entrants:
            if each.name != found.best:
                assert each.quality[source].behind.mean == pytest.approx(gains[found.best] - gains[each.name])
    assert found.claims == 1, "of two methods there is one difference"
    methods = [each.quality["voice"].behind for each in found.methods]
    assert all(behind is None or behind.mean >= 0 for behind in methods)


def test_another_machine_is_measured_anew(
    entries: list[Entry], manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    compared(entries[:1], manifest, out, limit=1)
    footprint_file = out / "half" / "footprint.json"
    before = footprint_file.stat().st_mtime_ns
    monkeypatch.setattr("soli.evaluation.compare.machine", lambda: "another processor, 64 cores")
    compared(entries[:1], manifest, out, limit=1)
    assert footprint_file.stat().st_mtime_ns > before


def test_results_whose_figures_meant_something_else_are_not_gone_on_with(
    entries: list[Entry], manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    compared(entries[:1], manifest, out, limit=1)
    record = out / "half" / "run.json"
    record.write_text(record.read_text().replace('"schema_version": 2', '"schema_version": 1'))
    with pytest.raises(UsageError, match="what its figures mean"):
        compared(entries[:1], manifest, out, limit=1)


def test_one_entry_that_fails_does_not_stop_the_others(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compared(entries[:1], manifest, out, limit=2)
    other = models.save(tmp_path, models.half_model(name="half", parameters=3), "other")
    found = compared([Entry("half", str(other), ""), entries[2]], manifest, out, limit=2)
    assert [entrant.name for entrant in found.entrants] == ["low"]
    assert found.failed[0].name == "half"
    assert re.search(r"out/half holds the results of another model .*half \w{8}, now half", found.failed[0].error)
    with pytest.raises(SoliError, match=r"nothing could be compared: half: .*; rename runs/half, or give another"):
        compared([Entry("half", str(other), "runs/half")], manifest, out, limit=2)


def test_who_does_not_fit_the_data_is_left_out(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    violin = models.gain_model([[0.5], [0.5]], sources=("violin", "flute"), rest=None, name="violin")
    slow = models.half_model(name="slow", sample_rate=8000)
    strange = [Entry(m, str(models.save(tmp_path, made, m)), "") for m, made in (("violin", violin), ("slow", slow))]
    found = compared([strange[0], entries[0], strange[1]], manifest, tmp_path / "out", limit=1)
    assert [entrant.name for entrant in found.entrants] == ["half"]
    assert [failed.name for failed in found.failed] == ["violin", "slow"]
    assert "violin separates violin, flute; the manifest has voice, noise" in found.failed[0].error
    assert "the rate of slow (8000 Hz) is below that" in found.failed[1].error
    with pytest.raises(UsageError, match="violin separates violin"):
        compared(strange, manifest, tmp_path / "none", limit=1)


def test_wrong_calls_are_refused_before_any_work(entries: list[Entry], manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="two entries are called half"):
        compared([entries[0], entries[0]], manifest, out)
    violin = models.gain_model([[0.5], [0.5]], sources=("voice", "violin"), rest=None, name="violin")
    strange = Entry("violin", str(models.save(tmp_path, violin, "violin")), "")
    assert compared([entries[0], strange], manifest, tmp_path / "some", limit=1).sources == ["voice"]
    band = models.gain_model([[0.5]], sources=("noise", "rest"), rest="rest", name="band")
    with pytest.raises(UsageError, match=r"no source in common \(violin: voice, violin, rest; band: noise, rest"):
        compared([strange, Entry("band", str(models.save(tmp_path, band, "band")), ""), entries[0]], manifest, out)
    slow = models.save(tmp_path, models.half_model(name="slow", sample_rate=8000), "slow")
    with pytest.raises(UsageError, match=r"the data have 16000 Hz, and the rate of slow \(8000 Hz\) is below that"):
        compared([Entry("slow", str(slow), "")], manifest, out)
    with pytest.raises(DataError, match="no manifest"):
        compared(entries, tmp_path / "gone.jsonl", out)
    assert not out.exists()


def test_what_a_reader_has_to_know_is_noted(manifest: Path, tmp_path: Path) -> None:
    rows = read_manifest(manifest).rows
    write_manifest(manifest, [rows[0].model_copy(update={"split": "train"}), *rows[1:3]])
    wide = models.save(tmp_path, models.half_model(name="wide", sample_rate=48000), "wide")
    found = compared([Entry("wide", str(wide), "", note="wide is half done")], manifest, tmp_path / "out", split="all")
    assert "wide is half done" in found.notes
    assert any("1 items are of the split train" in note for note in found.notes)
    assert any("wide works at 48000 Hz" in note for note in found.notes)


def test_the_sound_that_is_measured_has_the_stated_length(manifest: Path) -> None:
    read = read_manifest(manifest)
    for seconds in (0.5, 4.0, 40.0):
        sound = excerpt_of(read, seconds)
        assert sound.mixture.shape == (1, round(seconds * tiny.RATE))
        assert np.abs(sound.mixture[0, -100:]).max() > 0


def test_a_network_that_takes_more_memory_is_seen_to(manifest: Path, tmp_path: Path) -> None:
    ends = [footprint(str(models.save(tmp_path, models.half_model())), manifest, seconds=s).peak_mb for s in (1, 60)]
    assert ends[1] > ends[0] + 60 * tiny.RATE * 4 / 1e6


def test_a_measurement_that_fails_says_why(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(SoliError, match=r"could not be measured: .*gone\.onnx"):
        footprint(str(tmp_path / "gone.onnx"), manifest)
