"""The mixer of DCASE 2013's single sounds, through the command line: plan, files, truth, and what it refuses."""

import csv
import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise, tone
from soli.cli.data_events import truth
from soli.cli.main import main
from soli.data.manifest import Row, read_manifest
from soli.errors import UsageError
from soli.media.audio import read_audio, write_audio
from trees import DCASE2013_CLASSES, dcase2013

Capture = pytest.CaptureFixture[str]
FOLDERS = ("training", "development", "validation")
SMALL = ("--length", 2, "--n-files", 20, "--workers", 1)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stereo single sounds of 16 classes; read-only by agreement."""
    return dcase2013(tmp_path_factory.mktemp("sounds"))


def mixed(sounds: Path, out: Path, *options: object, code: int = 0) -> Path:
    words = ("data", "dcase2013", "--dcase-2013-stereo-data-folder", sounds, "--output-folder", out, *options)
    assert main([str(word) for word in words]) == code
    return out


def bytes_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def events_of(row: Row) -> list[tuple[float, float]]:
    return sorted((part.onset_s, part.duration_s) for part in row.parts if part.source != "scene")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sounds: Path, tmp_path: Path) -> None:
    one = bytes_of(mixed(sounds, tmp_path / "one", *SMALL, "--seed", 3))
    assert bytes_of(mixed(sounds, tmp_path / "two", *SMALL, "--seed", 3)) == one
    other = bytes_of(mixed(sounds, tmp_path / "other", *SMALL, "--seed", 4))
    assert other["training/00000.wav"] != one["training/00000.wav"]


def test_several_processes_give_the_same_bytes(sounds: Path, tmp_path: Path) -> None:
    one = mixed(sounds, tmp_path / "one", *SMALL)
    two = mixed(sounds, tmp_path / "two", *SMALL, "--workers", 2)
    assert bytes_of(one) == bytes_of(two)


def test_the_layout_and_its_labels(sounds: Path, tmp_path: Path) -> None:
    out = mixed(sounds, tmp_path / "set", *SMALL)
    counts = {}
    for folder in FOLDERS:
        with (out / folder / "weak_labels.csv").open(encoding="utf-8") as file:
            head, *lines = csv.reader(file)
        assert head == ["filename", *DCASE2013_CLASSES]
        counts[folder] = len(lines)
        for name, *values in lines:
            mixture = read_audio(out / folder / name)
            assert (mixture.sample_rate, mixture.samples.shape) == (16000, (1, 32000))
            stems = {path.stem: read_audio(path).samples for path in (out / folder / name[:-4]).iterdir()}
            assert set(stems) == set(DCASE2013_CLASSES)
            for label, value in zip(DCASE2013_CLASSES, values, strict=True):
                assert bool(np.any(stems[label])) == (value == "1"), f"{folder}/{name} {label}"
    assert counts == {"training": 16, "development": 2, "validation": 2}


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.8])
def test_noise_has_the_stated_energy_and_the_mix_its_peak(sounds: Path, tmp_path: Path, ratio: float) -> None:
    out = mixed(sounds, tmp_path / "set", *SMALL, "--white-noise-ratio", ratio, "--subtype", "float32")
    for path in sorted((out / "training").glob("*.wav"))[:6]:
        mixture = read_audio(path).samples[0].astype(float)
        clean = sum(read_audio(stem).samples[0].astype(float) for stem in path.with_suffix("").iterdir())
        rest = mixture - clean
        assert np.sum(rest**2) / np.sum(clean**2) == pytest.approx(ratio, rel=1e-3, abs=1e-9)
        assert np.max(np.abs(mixture)) == pytest.approx(1.0, abs=1e-5)
        # White noise without the offset that spoils an SNR: its mean is that of so many independent samples.
        assert abs(np.mean(rest)) <= 5 * np.std(rest) / np.sqrt(len(rest)) + 1e-7


def test_a_stem_is_the_mean_of_the_files_channels_at_its_place(sounds: Path, tmp_path: Path) -> None:
    out = mixed(sounds, tmp_path / "set", *SMALL, "--subtype", "float32", "--white-noise-ratio", 0)
    row = next(row for row in read_manifest(out / "manifest.jsonl").rows if len(row.parts) == 1)
    part = row.parts[0]
    audio = read_audio(out / part.path, mono=True, sample_rate=16000).samples[0]
    stem = read_audio(out / row.id / f"{part.source}.wav").samples[0]
    onset = round(part.onset_s * 16000)
    there = stem[onset : onset + len(audio)]
    assert np.corrcoef(there, audio)[0, 1] > 0.999
    assert not np.any(stem[:onset])
    assert not np.any(stem[onset + len(audio) + 1 :])


def test_the_folders_share_no_recording_and_each_has_all_classes(sounds: Path, tmp_path: Path) -> None:
    out = mixed(sounds, tmp_path / "set", "--length", 2, "--n-files", 900, "--no-audio")
    rows = read_manifest(out / "manifest.jsonl").rows
    files = {split: {p.path for row in rows if row.split == split for p in row.parts} - {""} for split in SPLITS}
    assert not files["train"] & files["valid"]
    assert not files["train"] & files["test"]
    assert not files["valid"] & files["test"]
    for split in SPLITS:
        assert {Path(path).name[:-6] for path in files[split]} == set(DCASE2013_CLASSES)
    assert not (out / "training").exists()
    assert main(["data", "check", str(out / "manifest.jsonl")]) == 0
    counts = [len(events_of(row)) for row in rows]
    assert [counts.count(n) / len(counts) for n in (1, 2, 3, 4)] == pytest.approx([0.25] * 4, abs=0.06)


SPLITS = ("train", "valid", "test")


def test_events_overlap_only_where_they_may(sounds: Path, tmp_path: Path) -> None:
    apart = mixed(sounds, tmp_path / "apart", "--length", 2, "--n-files", 100, "--no-audio")
    for row in read_manifest(apart / "manifest.jsonl").rows:
        events = events_of(row)
        assert all(onset + length <= following + 1e-9 for (onset, length), (following, _) in pairwise(events))
        assert sum(events[-1]) <= 2 + 1e-9
    crowd = mixed(sounds, tmp_path / "crowd", "--length", 2, "--n-files", 100, "--no-audio", "--overlap", "Yes")
    pairs = [pair for row in read_manifest(crowd / "manifest.jsonl").rows for pair in pairwise(events_of(row))]
    assert sum(one[0] + one[1] > two[0] for one, two in pairs) > 10
    assert all(sum(two) <= 2 + 1e-9 for _, two in pairs)


def test_what_does_not_fit_is_cropped_and_the_rest_dropped_with_its_labels(sounds: Path, tmp_path: Path) -> None:
    options = ("--length", 0.5, "--n-files", 60, "--max-event", 6, "--no-audio")
    full = 0
    for row in read_manifest(mixed(sounds, tmp_path / "set", *options) / "manifest.jsonl").rows:
        events = events_of(row)
        assert set(row.labels) == {part.source for part in row.parts} - {"scene"}
        assert sum(events[-1]) <= 0.5 + 1e-9
        if events[0][0] == 0 and sum(events[-1]) > 0.5 - 1e-9:
            full += 1
            assert all(
                onset + length == pytest.approx(following) for (onset, length), (following, _) in pairwise(events)
            )
    assert full > 10


def test_it_goes_on_with_the_same_set_and_refuses_another(sounds: Path, tmp_path: Path, capsys: Capture) -> None:
    out = mixed(sounds, tmp_path / "set", *SMALL)
    whole = bytes_of(out)
    (out / "training/00003.wav").unlink()
    shutil.rmtree(out / "training/00005")
    capsys.readouterr()
    mixed(sounds, out, *SMALL, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], told["kept"]) == (2, 18)
    assert bytes_of(out) == whole
    mixed(sounds, out, *SMALL, "--seed", 9, code=2)
    assert "seed: 0 -> 9" in capsys.readouterr().err
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/mine.txt").write_text("mine")
    mixed(sounds, tmp_path / "taken", *SMALL, code=1)
    assert "holds something else" in capsys.readouterr().err
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed/.mixing.json.part").write_text("half")
    mixed(sounds, tmp_path / "killed", *SMALL)
    assert bytes_of(tmp_path / "killed") == whole


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "yes", "Y", "t", "1"])
def test_words_for_true(text: str) -> None:
    assert truth(text)
    assert not truth({"1": "0", "t": "F", "Y": "n", "yes": "NO"}.get(text, "fAlSe"))


def test_no_word_for_either() -> None:
    with pytest.raises(UsageError, match="--overlap maybe; wanted one of true, yes"):
        truth("maybe")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--overlap", "maybe"), "--overlap maybe"),
        (("--sampling-rate", 22050), "wanted one of 8000, 16000, 44100"),
        (("--length", 0), "--length 0"),
        (("--length", 0.01), "--length 0.01"),
        (("--length", "nan"), "--length nan"),
        (("--max-event", 0), "--max-event 0"),
        (("--white-noise-ratio", 1.5), "--white-noise-ratio 1.5"),
        (("--n-files", 0), "--n-files 0"),
        (("--training-share", 0.9, "--development-share", 0.3), "more than 1"),
        (("--overlaps", "true"), "No such option: --overlaps"),
    ],
)
def test_a_wrong_call(sounds: Path, tmp_path: Path, capsys: Capture, options: tuple[object, ...], said: str) -> None:
    mixed(sounds, tmp_path / "set", *options, code=2)
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "set").exists()


def _alone(root: Path) -> None:
    write_audio(root / "zebra01.wav", tone(300, 0.3, 44100)[None], sample_rate=44100)


def _silent(root: Path) -> None:
    write_audio(root / "knock02.wav", np.zeros((2, 9000), np.float32), sample_rate=44100)


def _long(root: Path) -> None:
    write_audio(root / "knock02.wav", noise(2.5, 44100, seed=1)[None], sample_rate=44100)


def _numbers(root: Path) -> None:
    (root / "knock02.wav").write_text("no sound")


def _nameless(root: Path) -> None:
    shutil.copy(root / "knock02.wav", root / "knock.wav")


def _background(root: Path) -> None:
    for take in (1, 2, 3):
        shutil.copy(root / "knock02.wav", root / f"scene{take:02d}.wav")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_alone, "the class zebra has 1 file, wanted 3"),
        (_silent, "knock02.wav is silent: all its samples are zero"),
        (_long, "knock02.wav has 2.500 s, a mixture 2 s: give a larger --length, or --crop"),
        (_numbers, "knock02.wav"),
        (_nameless, "knock.wav has no class before a number"),
        (_background, "a class is called 'scene'"),
    ],
)
def test_bad_sounds(sounds: Path, tmp_path: Path, capsys: Capture, spoil: object, said: str) -> None:
    own = shutil.copytree(sounds, tmp_path / "own")
    spoil(own)
    mixed(own, tmp_path / "set", *SMALL, code=1)
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("overlap", ["no", "yes"])
def test_long_events_are_cut_where_that_is_wanted(sounds: Path, tmp_path: Path, overlap: str) -> None:
    own = shutil.copytree(sounds, tmp_path / "own")
    for take in (1, 2, 3, 4):
        write_audio(own / f"knock{take:02d}.wav", noise(2.5, 44100, seed=take)[None], sample_rate=44100)
    out = mixed(
        own, tmp_path / "set", *SMALL, "--crop", "--max-event", 1, "--overlap", overlap, "--n-files", 200, "--no-audio"
    )
    knocks = [row for row in read_manifest(out / "manifest.jsonl").rows if row.labels == ("knock",)]
    assert knocks
    assert all(events_of(row) == [(0.0, 2.0)] for row in knocks)


def test_nothing_is_written_into_the_sounds(sounds: Path, tmp_path: Path, capsys: Capture) -> None:
    mixed(sounds, sounds / "mixed", *SMALL, code=1)
    assert "nothing is written into a set" in capsys.readouterr().err


def test_a_folder_a_class_and_a_csv_serve_too(sounds: Path, tmp_path: Path) -> None:
    lines = ["file,label"]
    for path in sorted(sounds.glob("k*.wav")):
        folder = tmp_path / "folders" / path.stem[:-2]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
        lines.append(f"{path.name},{path.stem[:-2]}")
    shutil.copytree(sounds, tmp_path / "listed")
    (tmp_path / "listed/some.csv").write_text("\n".join(lines) + "\n")
    labels = []
    for source in (tmp_path / "folders", tmp_path / "listed/some.csv"):
        out = mixed(source, tmp_path / f"of-{source.name}", *SMALL, "--no-audio")
        labels.append([row.labels for row in read_manifest(out / "manifest.jsonl").rows])
    assert labels[0] == labels[1]
    assert {label for each in labels[0] for label in each} == {"keyboard", "keys", "knock"}
