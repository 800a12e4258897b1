"""`soli data tagged`: clips that are tagged with what they hold become a manifest."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise, tone
from soli.cli.main import main
from soli.data.manifest import Row, read_manifest, write_manifest
from soli.data.readers.tagged import read_tagged
from soli.data.render import render
from soli.media.audio import read_audio, write_audio
from trees import dcase2013, dcase2018

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *words: object, code: int = 0) -> str:
    assert main(["data", "tagged", *map(str, words)]) == code
    said, errors = capsys.readouterr()
    return said if code == 0 else errors


def rows_of(manifest: Path) -> tuple[Row, ...]:
    return read_manifest(manifest).rows


def clips(root: Path, *, classes: str = "cdk", takes: int = 10) -> Path:
    root.mkdir()
    for number, label in enumerate(classes):
        for take in range(takes):
            samples = tone(200.0 + 99 * number, 0.3 + 0.1 * take, 8000)[None]
            write_audio(root / f"{label}{take:02d}.wav", samples, sample_rate=8000)
    return root


def test_a_numbered_folder(tmp_path: Path, capsys: Capture) -> None:
    root, out = clips(tmp_path / "clips"), tmp_path / "clips.jsonl"
    said = told(capsys, root, "--out", out)
    assert "30 clips (train 24, valid 3, test 3) of 3 classes" in said
    rows = rows_of(out)
    assert Counter((row.split, row.labels) for row in rows) == {
        (split, (label,)): count for split, count in (("train", 8), ("valid", 1), ("test", 1)) for label in "cdk"
    }
    first = rows[0]
    assert (first.parts, first.sample_rate) == ((), 8000)
    rendered = render(first, tmp_path)
    np.testing.assert_array_equal(rendered.mixture, read_audio(tmp_path / str(first.mixture)).samples)
    assert main(["data", "check", str(out)]) == 0


def test_a_clip_in_two_splits_is_named(tmp_path: Path, capsys: Capture) -> None:
    root, out = clips(tmp_path / "clips"), tmp_path / "clips.jsonl"
    shutil.copy(root / "c00.wav", root / "c11.wav")
    told(capsys, root, "--out", out)
    rows = [row.model_copy(update={"split": "test"}) if row.id.endswith("c11") else row for row in rows_of(out)]
    write_manifest(out, [row.model_copy(update={"split": "train"}) if row.id.endswith("c00") else row for row in rows])
    assert main(["data", "check", str(out)]) == 1
    assert "is in test and train" in capsys.readouterr().err


def test_the_division_is_drawn_by_the_seed_and_by_the_shares(tmp_path: Path, capsys: Capture) -> None:
    root = clips(tmp_path / "clips")
    texts = []
    for seed in (0, 0, 1):
        told(capsys, root, "--out", tmp_path / "m.jsonl", "--seed", seed)
        texts.append((tmp_path / "m.jsonl").read_text())
    assert texts[0] == texts[1] != texts[2]
    told(capsys, root, "--out", tmp_path / "m.jsonl", "--valid", 0, "--test", 0.5)
    assert Counter(row.split for row in rows_of(tmp_path / "m.jsonl")) == {"train": 15, "test": 15}


def test_a_mixed_set_keeps_its_division(tmp_path: Path, capsys: Capture) -> None:
    sounds, mixed, out = dcase2013(tmp_path), tmp_path / "mixed", tmp_path / "weak.jsonl"
    call = ("--dcase-2013-stereo-data-folder", sounds, "--output-folder", mixed, "--length", 2, "--n-files", 40)
    assert main(["data", "dcase2013", *map(str, call), "--workers", "1"]) == 0
    capsys.readouterr()
    told(capsys, mixed, "--out", out)
    planned = {row.id: (row.split, row.labels) for row in rows_of(mixed / "manifest.jsonl")}
    assert {row.id: (row.split, row.labels) for row in rows_of(out)} == planned
    assert all(not row.parts for row in rows_of(out))


def test_a_folder_a_class_and_its_number(tmp_path: Path, capsys: Capture) -> None:
    root = tmp_path / "esc"
    for folder in ("001 - Dog bark", "002 - Rain"):
        (root / folder).mkdir(parents=True)
        for take in "ABC":
            write_audio(root / folder / f"1-100-{take}.wav", noise(0.5, 8000, seed=ord(take))[None], sample_rate=8000)
    assert json.loads(told(capsys, root, "--out", tmp_path / "m.jsonl", "--json"))["classes"] == ["Dog bark", "Rain"]


def test_dcase_2018s_csv(tmp_path: Path) -> None:
    _, events = dcase2018(tmp_path)
    found = read_tagged(events)
    assert (len(found.files), found.classes) == (16, ("Bark", "Cello", "Hi-hat", "Knock"))
    assert [file.path for file in found.files if not file.verified] == [f"{n:04x}0000.wav" for n in range(4)]


def test_a_csv_of_several_labels_and_of_some_of_the_files(tmp_path: Path, capsys: Capture) -> None:
    root, out = clips(tmp_path / "clips", takes=3), tmp_path / "m.jsonl"
    lines = [f"{label}{take:02d}.wav\t{label};both\n" for label in "cd" for take in range(3)]
    (root / "some.tsv").write_text("filename\ttags\n" + "".join(lines))
    found = json.loads(told(capsys, root / "some.tsv", "--out", out, "--json"))
    assert (found["rows"], found["classes"], len(found["unlisted"])) == (6, ["both", "c", "d"], 3)
    assert {row.labels for row in rows_of(out)} == {("both", "c"), ("both", "d")}


def test_clips_of_several_rates_want_one(tmp_path: Path, capsys: Capture) -> None:
    root, out = clips(tmp_path / "clips", takes=3), tmp_path / "m.jsonl"
    write_audio(root / "c03.wav", tone(200, 0.5, 16000)[None], sample_rate=16000)
    assert "8000 Hz (9), 16000 Hz (1); give --rate 16000" in told(capsys, root, "--out", out, code=1)
    told(capsys, root, "--out", out, "--rate", 16000)
    for row in rows_of(out):
        assert render(row, tmp_path).mixture.shape == (1, row.frames)
        assert row.sample_rate == 16000


def test_a_class_called_none_and_clips_that_hold_nothing_are_all_there(tmp_path: Path, capsys: Capture) -> None:
    root = clips(tmp_path / "clips", classes="dnx", takes=4)
    tags = {"d": "0,1", "n": "1,0", "x": "0,0"}
    lines = [f"{path.name},{tags[path.name[0]]}" for path in sorted(root.iterdir())]
    (root / "weak_labels.csv").write_text("\n".join(["filename,none,dog", *lines]))
    told(capsys, root, "--out", tmp_path / "clips.jsonl")
    assert Counter(row.labels for row in rows_of(tmp_path / "clips.jsonl")) == {("none",): 4, ("dog",): 4, (): 4}


def weak(root: Path, text: str) -> Path:
    clips(root, classes="ab", takes=3)
    (root / "weak_labels.csv").write_text(text)
    return root


ALL = "".join(f"{label}{take:02d}.wav,{int(label == 'a')},{int(label == 'b')}\n" for label in "ab" for take in range(3))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("filename,a,b,zebra\n" + ALL.replace("\n", ",0\n"), "the class zebra is in no file"),
        ("filename,a,b\n" + ALL.replace("b02.wav,0,1\n", ""), "b02.wav is not in it"),
        ("filename,a,b\n" + ALL + "gone.wav,0,1\n", "line 8 names gone.wav, which is not in"),
        ("filename,a,b\n" + ALL.replace("a00.wav,1", "a00.wav,2"), "line 2 has the value '2', wanted 0 or 1"),
        ("filename,a,b\n" + ALL.replace("a00.wav,1,0", "a00.wav,1"), "line 2 has 2 columns, the head 3"),
        ("filename,a,b\n" + ALL + "a00.wav,1,0\n", "a00.wav is listed 2 times"),
        ("filename,a,b\n", "lists no files"),
        ("filename,a,b,mixture\n" + ALL.replace("\n", ",1\n"), "a class is called 'mixture'"),
    ],
)
def test_bad_weak_labels(tmp_path: Path, capsys: Capture, text: str, said: str) -> None:
    root = weak(tmp_path / "set", text)
    errors = told(capsys, root, "--out", tmp_path / "m.jsonl", code=1)
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "m.jsonl").exists()


def _alone(root: Path) -> None:
    shutil.copy(root / "c00.wav", root / "zebra1.wav")


def _short(root: Path) -> None:
    write_audio(root / "c00.wav", tone(200, 0.02, 8000)[None], sample_rate=8000)


def _silent(root: Path) -> None:
    write_audio(root / "c00.wav", np.zeros((1, 8000), np.float32), sample_rate=8000)


def _text(root: Path) -> None:
    (root / "c00.wav").write_text("no sound")


def _columns(root: Path) -> None:
    (root / "labels.csv").write_text("what,who\na,b\n")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_alone, "the class zebra has 1 file, wanted 3: one each for train, valid, test"),
        (_short, "c00.wav has 0.020 s, less than an analysis window of 0.064 s"),
        (_silent, "c00.wav is silent"),
        (_text, "c00.wav"),
        (_columns, "has the columns what, who; wanted one called fname or filename"),
    ],
)
def test_bad_clips(tmp_path: Path, capsys: Capture, spoil: object, said: str) -> None:
    root = clips(tmp_path / "clips", takes=4)
    spoil(root)
    errors = told(capsys, root, "--out", tmp_path / "m.jsonl", code=1)
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "m.jsonl").exists()


def test_wrong_calls(tmp_path: Path, capsys: Capture) -> None:
    root = clips(tmp_path / "clips", takes=4)
    out = tmp_path / "m.jsonl"
    assert "gone is not there" in told(capsys, tmp_path / "gone", "--out", out, code=1)
    assert "nothing is written into a set" in told(capsys, root, "--out", root / "m.jsonl", code=1)
    assert "the share of train -0.2" in told(capsys, root, "--out", out, "--valid", 0.6, "--test", 0.6, code=2)
    (tmp_path / "empty").mkdir()
    assert "holds no tagged recordings" in told(capsys, tmp_path / "empty", "--out", out, code=1)
