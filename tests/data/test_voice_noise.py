"""Voice-and-noise sets of any rate, length and SNR are read, and everything that is wrong with one is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from soli.cli.main import main
from soli.data.manifest import read_manifest, relocated, write_manifest
from soli.data.readers.voice_noise import BadSetError, VoiceNoise, read_voice_noise
from soli.data.render import render
from soli.data.tracks import rows_of_tracks
from soli.errors import DataError, UsageError
from soli.media.audio import read_audio, write_audio
from trees import voice_noise


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return voice_noise(tmp_path / "set")


def by_split(found: VoiceNoise) -> dict[str, list[str]]:
    return {split: [item.id for item in found.items if item.split == split] for split in found.splits}


def rescale(path: Path, factor: float) -> None:
    audio = read_audio(path)
    write_audio(path, np.float32(factor) * audio.samples, sample_rate=audio.sample_rate)


def problems(root: Path) -> list[str]:
    with pytest.raises(BadSetError) as caught:
        read_voice_noise(root)
    return caught.value.problems


def test_every_folder_becomes_an_item_of_its_split(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    found = read_voice_noise(root, valid=0)
    assert by_split(found) == {
        "train": ["train/0001", "train/0002", "train/0003"],
        "train_small": ["train_small/0902"],
        "test": ["test/1250", "test/1251"],
    }
    assert [item.snr_db for item in found.items] == [-4, 0, 3, 2, -2, 4]
    assert found.worst.sum_db < -140
    assert found.ignored == []
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_manifest_renders_to_the_files_and_is_in_order(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "manifests" / "vn.jsonl"
    write_manifest(out, relocated(rows_of_tracks(read_voice_noise(root).tracks, root), root, out.parent))
    manifest = read_manifest(out)
    for row in manifest.rows:
        rendered = render(row, manifest.root)
        assert row.stems == ("voice", "noise")
        np.testing.assert_array_equal(rendered.mixture, read_audio(manifest.root / str(row.mixture)).samples)
        snr_db = 10 * np.log10(np.mean(rendered.stems["voice"] ** 2) / np.mean(rendered.stems["noise"] ** 2))
        assert snr_db == pytest.approx(row.meta["snr_db"], abs=0.01)


def test_validation_is_held_out_of_train_and_never_of_test(root: Path) -> None:
    drawn = set()
    for seed in range(8):
        splits = by_split(read_voice_noise(root, seed=seed))
        assert len(splits["valid"]) == 1
        assert sorted(splits["valid"] + splits["train"]) == ["train/0001", "train/0002", "train/0003"]
        assert splits["test"] == ["test/1250", "test/1251"]
        drawn.update(splits["valid"])
    assert len(drawn) > 1
    assert len(by_split(read_voice_noise(root, valid=2))["valid"]) == 2
    with pytest.raises(UsageError, match="3 of 3 training items cannot be held out; wanted fewer than 3"):
        read_voice_noise(root, valid=3)


def test_a_small_set_that_is_part_of_train_shares_nothing_with_validation(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "train_small")
    shutil.copytree(root / "train", root / "train_small")
    found = read_voice_noise(root, valid=1)
    (held,) = by_split(found)["valid"]
    assert found.copies == [f"train_small/{held[-4:]}"]
    assert len(by_split(found)["train_small"]) == 2
    write_manifest(tmp_path / "m.jsonl", relocated(rows_of_tracks(found.tracks, root), root, tmp_path))
    assert main(["data", "check", str(tmp_path / "m.jsonl")]) == 0
    shutil.rmtree(root / "train_small/0002")
    assert by_split(read_voice_noise(root, valid=1))["valid"] == ["train/0002"]


def test_noise_that_is_in_every_folder_is_told_of(root: Path) -> None:
    """Voices are scaled to the SNR, the noise is the same throughout: a validation of other noise cannot be had."""
    noise = read_audio(root / "train/0001/noise.wav").samples
    for mix in root.glob("train/*/mix_snr_*.wav"):
        voice = read_audio(mix.with_name("voice.wav")).samples
        snr_db = int(mix.stem.removeprefix("mix_snr_"))
        voice = voice * np.float32(np.sqrt(np.mean(noise**2) / np.mean(voice**2)) * 10 ** (snr_db / 20))
        for name, samples in (("voice.wav", voice), ("noise.wav", noise), (mix.name, voice + noise)):
            write_audio(mix.with_name(name), samples, sample_rate=8000)
    found = read_voice_noise(root)
    assert (found.splits["valid"], found.apart) == (1, False)


@pytest.mark.parametrize("split", ["train", "train_small", "valid"])
def test_a_folder_of_another_split_copied_into_test_is_named(root: Path, split: str) -> None:
    if split == "valid":
        shutil.move(root / "train_small", root / "valid")
    number = "0002" if split == "train" else "0902"
    shutil.copytree(root / split / number, root / "test/1252")
    said = f"test/1252: its voice is that of {split}/{number}, and test must have voices of its own"
    assert problems(root) == [said]
    assert by_split(read_voice_noise(root, splits=["test"]))["test"] == ["test/1250", "test/1251", "test/1252"]


def test_a_noise_of_test_that_is_in_training_too_is_told_of(root: Path, tmp_path: Path) -> None:
    folder, noise = root / "test/1250", read_audio(root / "train/0001/noise.wav").samples
    voice = read_audio(folder / "voice.wav").samples
    voice = voice * np.float32(np.sqrt(np.mean(noise**2) / np.mean(voice**2)) * 10 ** (-2 / 20))
    for name, samples in (("voice.wav", voice), ("noise.wav", noise), ("mix_snr_-2.wav", voice + noise)):
        write_audio(folder / name, samples, sample_rate=8000)
    assert read_voice_noise(root).heard == ["test/1250"]
    assert read_voice_noise(root, splits=["test"]).heard == []


def test_a_set_may_bring_its_own_validation(root: Path) -> None:
    shutil.move(root / "train_small", root / "valid")
    found = read_voice_noise(root)
    assert (by_split(found)["valid"], found.held_out) == (["valid/0902"], False)
    assert found.splits == {"train": 3, "valid": 1, "test": 2}
    with pytest.raises(UsageError, match="has a folder valid of its own"):
        read_voice_noise(root, valid=1)


def test_some_of_the_splits(root: Path) -> None:
    assert by_split(read_voice_noise(root, splits=["test"])) == {"test": ["test/1250", "test/1251"]}
    whole = by_split(read_voice_noise(root, seed=5))
    assert by_split(read_voice_noise(root, seed=5, splits=["valid"])) == {"valid": whole["valid"]}
    assert by_split(read_voice_noise(root, seed=5, splits=["train"])) == {"train": whole["train"]}
    with pytest.raises(UsageError, match="no split is called tets; did you mean test"):
        read_voice_noise(root, splits=["tets"])
    shutil.rmtree(root / "test")
    with pytest.raises(DataError, match="has no test; wanted train and test; to use train, train_small alone, name"):
        read_voice_noise(root)
    assert read_voice_noise(root, splits=["train"]).splits == {"train": 2}
    with pytest.raises(UsageError, match="1 folders cannot be held out of the split test"):
        read_voice_noise(voice_noise(root.parent / "again"), splits=["test"], valid=1)
    with pytest.raises(UsageError, match="gives no items of split test"):
        read_voice_noise(root, splits=["test"])


@pytest.mark.parametrize(("rate", "length_s"), [(44100, 0.3), (16000, 2.5)])
def test_any_rate_and_length(tmp_path: Path, rate: int, length_s: float) -> None:
    found = read_voice_noise(voice_noise(tmp_path, duration_s=length_s, sample_rate=rate))
    assert {(item.sample_rate, item.duration_s) for item in found.items} == {(rate, length_s)}


@pytest.mark.parametrize(("name", "snr_db"), [("-30", -30), ("+12", 12), ("00", 0), ("-4.5", -4.5)])
def test_any_snr(root: Path, name: str, snr_db: float) -> None:
    folder = root / "test/1250"
    voice, noise = (read_audio(folder / f"{each}.wav").samples for each in ("voice", "noise"))
    voice = voice * np.float32(np.sqrt(np.mean(noise**2) / np.mean(voice**2)) * 10 ** (snr_db / 20))
    (folder / "mix_snr_-2.wav").unlink()
    write_audio(folder / "voice.wav", voice, sample_rate=8000)
    write_audio(folder / f"mix_snr_{name}.wav", voice + noise, sample_rate=8000)
    assert read_voice_noise(root).items[-2].snr_db == snr_db


def test_sixteen_bits_are_enough(root: Path) -> None:
    for path in root.rglob("*.wav"):
        audio = read_audio(path)
        write_audio(path, audio.samples * np.float32(0.3), sample_rate=8000, subtype="pcm16")
    assert -100 < read_voice_noise(root).worst.sum_db < -50


def test_all_that_is_wrong_is_named_at_once(root: Path) -> None:
    (root / "train/0001/noise.wav").unlink()
    (root / "train/0002/mix_snr_0.wav").rename(root / "train/0002/mix_snr_loud.wav")
    (root / "train/0003/voice.wav").write_text("no sound")
    shutil.copy(root / "test/1250/mix_snr_-2.wav", root / "test/1250/mix_snr_-1.wav")
    (root / "test/1251/mix_snr_4.wav").unlink()
    shutil.rmtree(root / "train_small/0902")
    found = problems(root)
    assert [each.partition(":")[0] for each in found] == [
        "train_small is empty",
        "train/0001",
        "train/0002",
        "train/0003",
        "test/1250",
        "test/1251",
    ]
    assert found[1] == "train/0001: noise.wav is missing"
    assert "mix_snr_loud.wav names no SNR" in found[2]
    assert "train/0003/voice.wav" in found[3]
    assert found[4] == "test/1250: it has mix_snr_-1.wav and mix_snr_-2.wav, wanted one"
    assert found[5] == "test/1251: mix_snr_XX.wav is missing"


def test_an_empty_split_is_named(root: Path) -> None:
    for folder in (root / "test").iterdir():
        shutil.rmtree(folder)
    assert problems(root) == ["test is empty: it holds no numbered folders"]


def test_a_mixture_of_other_levels_is_off_by_so_many_db(root: Path) -> None:
    rescale(root / "train/0001/mix_snr_-4.wav", 0.9)
    (found,) = problems(root)
    # What is left is a ninth of the mixture.
    assert "train/0001: mix_snr_-4.wav is not voice + noise: what they leave of it lies at -19.1 dB" in found


def test_an_snr_that_the_files_contradict_is_named(root: Path) -> None:
    (root / "train/0002/mix_snr_0.wav").rename(root / "train/0002/mix_snr_2.wav")
    assert problems(root) == ["train/0002: mix_snr_2.wav says 2 dB, the files have 0.0 dB"]
    (root / "train/0002/mix_snr_2.wav").rename(root / "train/0002/mix_snr_1.wav")
    assert read_voice_noise(root, valid=0).items[1].snr_db == 1


@pytest.mark.parametrize(
    ("rate", "channels", "frames", "said"),
    [
        (8001, 1, 8000, "its files differ in Hz: mix_snr_3 8000, voice 8000, noise 8001"),
        (8000, 2, 8000, "its files differ in channels: mix_snr_3 1, voice 1, noise 2"),
        (8000, 1, 7999, "its files differ in samples: mix_snr_3 8000, voice 8000, noise 7999"),
    ],
)
def test_files_that_do_not_fit_together_are_named(root: Path, rate: int, channels: int, frames: int, said: str) -> None:
    path = root / "train/0003/noise.wav"
    samples = np.repeat(read_audio(path).samples[:, :frames], channels, axis=0)
    write_audio(path, samples, sample_rate=rate)
    assert problems(root) == [f"train/0003: {said}"]


def test_a_silent_stem_is_named(root: Path) -> None:
    rescale(root / "train/0001/voice.wav", 0.0)
    found = problems(root)
    assert found[0] == "train/0001: voice.wav is silent"
    assert "is not voice + noise" in found[1]


def test_the_message_has_the_first_and_the_count(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"set/train/{number:04d}").mkdir(parents=True)
    voice_noise(tmp_path / "whole")
    shutil.move(tmp_path / "whole/test", tmp_path / "set/test")
    with pytest.raises(BadSetError) as caught:
        read_voice_noise(tmp_path / "set")
    assert len(caught.value.problems) == 90
    assert "90 problems in" in str(caught.value)
    assert str(caught.value).endswith("; and 70 more")


def test_what_belongs_to_no_item_is_ignored_and_told(root: Path) -> None:
    (root / "train/notes.txt").write_text("mine")
    (root / "test/1250/estimate.wav").write_bytes(b"")
    (root / "test/1250/.DS_Store").write_bytes(b"")
    assert read_voice_noise(root).ignored == ["train/notes.txt", "test/1250/estimate.wav"]


def test_another_folder_is_no_such_set(root: Path) -> None:
    with pytest.raises(DataError, match=f"give the folder above: {root}$"):
        read_voice_noise(root / "train")
    with pytest.raises(DataError, match="is no voice-and-noise set; wanted a folder with train and test"):
        read_voice_noise(root / "nothing")
