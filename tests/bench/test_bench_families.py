"""The bench of the families: what it takes up again, what it reports, and which bars it says were missed."""

import json
import sys
from pathlib import Path

import pytest

from soli.data.manifest import Part, Row, read_manifest, write_manifest
from soli.evaluation.comparison import Figure
from soli.media.hashing import sha256_file
from soli.train.run import RunFolder, find_recipe, read_recipe
from trees import voice_noise


def write_rows(path: Path, **splits: int) -> Path:
    """A manifest of so many rows of each split; those of test are called as in the made comparison."""
    part = Part(source="voice", path="voice.wav", duration_s=10.0)
    rows = [
        Row(id=f"{split}-{i:03}", split=split, sample_rate=8000, duration_s=10.0, parts=(part,))
        for split, count in splits.items()
        for i in range(count)
    ]
    write_manifest(path, rows)
    return path


def started(folder: Path, data: Path, *, steps: int, taken: int) -> None:
    """A run of the recipe `unet` on `data` that is to take `steps` and logged `taken` of them."""
    folder.mkdir(parents=True)
    settings = read_recipe(find_recipe("compare-voice-noise/unet"), [f"optim.steps={steps}"])
    RunFolder(folder).create(settings, {"sha256": sha256_file(data)})
    (folder / "log.jsonl").write_text(json.dumps({"step": taken, "seconds": 1.0}) + "\n")


def test_new_runs_are_begun_stopped_ones_go_on_and_finished_ones_are_kept(tmp_path: Path) -> None:
    from families import Trainer

    data = write_rows(tmp_path / "data.jsonl", train=1)
    trainer = Trainer(data, tmp_path / "runs", minutes=20, at_once=1)
    begin = trainer.call("unet")
    assert begin == [
        *("train", "compare-voice-noise/unet", "--data", str(data)),
        *("--out", str(tmp_path / "runs/unet"), "--minutes", "20"),
    ]
    started(tmp_path / "runs/unet", data, steps=10, taken=9)
    assert trainer.call("unet") == [*begin, "--resume"]
    (tmp_path / "runs/unet/log.jsonl").write_text('{"step": 10, "seconds": 1.0}\n')
    assert trainer.call("unet") is None
    assert trainer.train("unet") is None


def test_runs_on_other_data_are_neither_compared_nor_gone_on_with(tmp_path: Path) -> None:
    from families import Trainer

    one, other = write_rows(tmp_path / "one.jsonl", train=1), write_rows(tmp_path / "other.jsonl", train=2)
    started(tmp_path / "runs/unet", one, steps=10, taken=10)
    assert "other data" in Trainer(other, tmp_path / "runs", minutes=20, at_once=1).train("unet")


def test_a_damaged_run_is_named_and_not_trained_over(tmp_path: Path) -> None:
    from families import Trainer

    trainer = Trainer(tmp_path / "data.jsonl", tmp_path, minutes=20, at_once=1)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/run.json").write_text("{")
    assert "damaged" in trainer.train("unet")


def test_a_training_that_fails_is_named_with_the_file_that_says_why(tmp_path: Path) -> None:
    from families import Trainer

    trainer = Trainer(tmp_path / "missing.jsonl", tmp_path, minutes=20, at_once=1)
    error = trainer.train("unet")
    assert error.startswith("unet: soli train ended with exit code")
    assert "missing.jsonl" in (tmp_path / "unet.txt").read_text()


def test_runs_side_by_side_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from families import Trainer

    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    threads = {
        at_once: Trainer(tmp_path, tmp_path, 20, at_once).environment["OMP_NUM_THREADS"] for at_once in (1, 2, 9)
    }
    assert threads == {1: "6", 2: "3", 9: "1"}


def test_a_set_is_read_once_and_a_manifest_is_taken_as_it_is(tmp_path: Path) -> None:
    from families import manifest_of

    root = voice_noise(tmp_path / "set")
    manifest = manifest_of(root, tmp_path)
    assert {row.split for row in read_manifest(manifest).rows} == {"train", "valid", "train_small", "test"}
    before = manifest.stat().st_mtime_ns
    assert manifest_of(root, tmp_path) == manifest == manifest_of(manifest, tmp_path)
    assert manifest.stat().st_mtime_ns == before


def test_bars_that_families_miss_are_named() -> None:
    from families import missed_bars
    from made_comparison import METHODS, comparison

    made = comparison()
    assert missed_bars(made, [name for name in METHODS if name != "kmeans2"]) == []
    assert missed_bars(made, ["unet", "nothing"]) == ["nothing is not compared"]
    poor = {each.name: each for each in made.entrants}
    low = comparison(entrants=[poor["seq2seq"], poor["kmeans2"]])
    assert missed_bars(low, []) == ["the best 5.50 dB, wanted 8"] or missed_bars(low, [])[0].startswith("the best 5.")
    # A network that gains nothing is under every mark, also under the untrained baseline.
    flat = poor["mixture"].model_copy(update={"name": "flat", "role": "method", "cost": poor["unet"].cost})
    missed = missed_bars(comparison(entrants=[poor["band_split"], poor["kmeans2"], flat]), [])
    assert [each.split(" ")[0] for each in missed] == ["flat", "flat"]
    assert "wanted 4" in missed[0]
    assert "kmeans2" in missed[1]
    assert missed_bars(comparison(entrants=[poor["band_split"]]), []) == ["kmeans2 is not compared"]


def test_a_baseline_that_is_worse_than_nothing_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The untrained clusters may lie below the mixture; a network has to be above both."""
    import families
    from made_comparison import comparison

    poor = {each.name: each for each in comparison().entrants}
    monkeypatch.setitem(families.BARS, "each_db", -9.0)
    found = {"si_sdr": Figure(mean=-3.0, low=-4.0, high=-2.0, count=45)}
    voice = poor["kmeans2"].quality["voice"].model_copy(update={"improvements": found})
    bad = poor["kmeans2"].model_copy(update={"quality": {"voice": voice, "noise": voice}})
    worse = bad.model_copy(update={"name": "worse", "cost": poor["unet"].cost})
    missed = families.missed_bars(comparison(entrants=[poor["band_split"], worse, bad]), [])
    assert missed == ["worse -3.00 dB, mixture 0.00"]


def test_intervals_stand_beside_the_bars_and_chance_is_named() -> None:
    from families import bars_text
    from made_comparison import comparison

    made = comparison()
    text = bars_text(made, [])
    best = made.entrants[1]
    assert best.name == "band_split"
    figure = best.quality["voice"].improvements["si_sdr"]
    assert f"the best `band_split`, {figure.mean:.2f} [{figure.low:.2f}, {figure.high:.2f}]" in text
    assert "All met by the means." in text
    assert ("Intervals that reach below the bar: band_split." in text) == (figure.low < 8)
    assert "Missed: late failed." in bars_text(made, ["late failed"])


def test_what_was_trained_on_is_never_reported_as_judged(tmp_path: Path) -> None:
    from families import clips_of
    from made_comparison import comparison

    whole = read_manifest(write_rows(tmp_path / "a.jsonl", train=7, valid=2, test=60))
    assert clips_of(whole, comparison()) == {
        "train": 7, "valid": 2, "test": 45, "train_s": 70.0, "sample_rate": 8000,
    }  # fmt: skip
    with pytest.raises(SystemExit, match="train-000 was compared"):
        clips_of(whole, comparison(items=["train-000"]))
    with pytest.raises(SystemExit, match="no split train"):
        clips_of(read_manifest(write_rows(tmp_path / "b.jsonl", test=60)), comparison())


def test_a_finished_comparison_becomes_a_section_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import common
    import families
    from made_comparison import METHODS, comparison

    made = comparison()
    (tmp_path / "compare.json").write_text(made.model_dump_json())
    data = write_rows(tmp_path / "data.jsonl", train=7, valid=2, test=45)
    monkeypatch.setattr(common, "PAGE", tmp_path / "docs/benchmarks.md")
    monkeypatch.setattr(common, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(sys, "argv", ["families.py", "--data", str(data), "--out", str(tmp_path), "--write"])
    with pytest.raises(SystemExit, match="below the bar: late failed"):
        families.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads((tmp_path / "docs/benchmarks/families.json").read_text())
    section = (tmp_path / "docs/benchmarks.md").read_text()
    lines = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| `")]
    assert lines == [each.name for each in made.entrants]
    assert set(lines) == {*METHODS, "mixture", "oracle"}
    assert "Missed: late failed." in section
    assert "the same 7 clips (0.0 h at 8 kHz) in 20.0 to 20.0 minutes" in section
    assert f"Manifest {made.manifest_sha256[:8]}" in section
    assert "runs/unet" not in json.dumps(figures)


def test_a_folder_without_a_comparison_is_named(tmp_path: Path) -> None:
    from families import read_comparison

    with pytest.raises(SystemExit, match=r"compare\.json cannot be read.*soli compare"):
        read_comparison(tmp_path)
