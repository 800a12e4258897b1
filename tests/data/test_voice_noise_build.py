"""A built set is what it says: sums, SNRs, levels, disjoint splits, the same bytes again, also after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soli.data.corpora import voice_noise
from soli.data.corpora.terms import LICENSES_NAME, README_NAME, licenses_text
from soli.data.corpora.voice_noise import Built, build, library_beside
from soli.data.corpora.voice_noise_items import Line, Maker, Place, Settings
from soli.data.library import Library, read_library, write_library
from soli.data.readers.voice_noise import read_voice_noise
from soli.errors import DataError, OutputError, UsageError
from soli.media.audio import probe, read_audio, write_audio

SMALL = Settings(train=6, test=3, valid=2, length_s=1.5, seed=4)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def lines(out: Path) -> list[Line]:
    return [Line.model_validate_json(text) for text in (out / "items.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def built(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    assert build(out, library.root, SMALL) == Built(
        str(out), str(library.root), {"train": 6, "valid": 2, "test": 3}, 11, 0, round(11 * 1.5 / 3600, 3)
    )
    return out


def test_the_reader_finds_it_in_order(built: Path) -> None:
    found = read_voice_noise(built)
    assert found.splits == {"train": 6, "valid": 2, "test": 3}
    assert found.worst.sum_db == -300.0
    assert {(item.sample_rate, item.duration_s) for item in found.items} == {(8000, 1.5)}
    assert found.ignored == []


def test_rows_name_their_speaker_as_group_where_soli_built_the_set(built: Path, tmp_path: Path) -> None:
    speakers = {line.path: line.speaker for line in lines(built)}
    tracks = read_voice_noise(built).tracks
    assert {track.id: track.meta["group"] for track in tracks} == speakers
    copied = tmp_path / "set"
    shutil.copytree(built, copied)
    (copied / "items.jsonl").write_text('{"path": "train/0001"}\n')
    with pytest.raises(DataError, match=r"items\.jsonl line 1 is damaged"):
        read_voice_noise(copied)
    (copied / "voice-noise.json").unlink()  # now a set of somebody else's, with a file of that name
    assert all(list(track.meta) == ["snr_db"] for track in read_voice_noise(copied).tracks)


def test_levels_snrs_and_sums_are_as_the_readme_says(built: Path) -> None:
    for line in lines(built):
        folder = built / line.path
        assert {path.name for path in folder.iterdir()} == {f"mix_snr_{line.snr_db}.wav", "voice.wav", "noise.wav"}
        assert probe(folder / "voice.wav").subtype == "float32"
        mix, voice, noise = (
            read_audio(folder / name).samples for name in (f"mix_snr_{line.snr_db}.wav", "voice.wav", "noise.wav")
        )
        np.testing.assert_array_equal(mix, voice + noise)
        power = [float(np.mean(each.astype(np.float64) ** 2)) for each in (mix, voice, noise)]
        assert 10 * np.log10(power[1] / power[2]) == pytest.approx(line.snr_db, abs=1e-3)
        assert 10 * np.log10(power[0]) == pytest.approx(line.level_dbfs, abs=0.01)
        assert line.level_dbfs < -19.99
        assert max(np.max(np.abs(each)) for each in (mix, voice, noise)) < 0.99


def test_a_loud_peak_lowers_the_level_and_nothing_is_clipped(tmp_path: Path, library: Library) -> None:
    """Knocks alone: their crest is far above what -20 dBFS leaves room for."""
    knocks = [sound for sound in library.sounds if sound.kind == "speech" or sound.class_ == "knock"]
    maker = Maker.of(Settings(train=20, test=1, snr_db=(-30, -30), length_s=4), Library(tuple(knocks), library.root))
    made = [maker.make(Place("train", number)) for number in range(1, 21)]
    peaks = [float(np.max(np.abs(noise))) for _, _, noise in made]
    assert max(peaks) <= 0.99
    lowered = [line.level_dbfs for (line, _, _), peak in zip(made, peaks, strict=True) if peak > 0.985]
    assert lowered


def test_snrs_are_uniform_over_the_range_with_both_ends(library: Library) -> None:
    maker = Maker.of(Settings(train=900, test=1), library)
    drawn = [maker.snr_db(Place("train", number)) for number in range(1, 901)]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    # 100 each, deviation 9.4
    assert counts.min() > 60
    assert counts.max() < 140


def test_splits_share_no_speaker_and_no_noise(built: Path) -> None:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in lines(built):
        split = line.path.partition("/")[0]
        found["speaker"][split].add(line.speaker)
        found["files"][split].update(line.voice, line.noise)
    for splits in found.values():
        assert set(splits) == {"train", "valid", "test"}
        assert sum(map(len, splits.values())) == len(set().union(*splits.values()))


def test_the_same_bytes_again_with_any_number_of_processes(built: Path, library: Library, tmp_path: Path) -> None:
    again = tmp_path / "set"
    build(again, library.root, SMALL, workers=2)
    assert contents(again) == contents(built)
    other = tmp_path / "other"
    build(other, library.root, SMALL.model_copy(update={"seed": 5}))
    assert not set(contents(other).values()) & {data for path, data in contents(built).items() if path.endswith(".wav")}


def test_more_items_are_added_to_the_same(built: Path, library: Library, tmp_path: Path) -> None:
    grown = shutil.copytree(built, tmp_path / "set")
    more = SMALL.model_copy(update={"train": 8})
    result = build(grown, library.root, more)
    assert (result.written, result.kept) == (2, 11)
    fresh = tmp_path / "fresh"
    build(fresh, library.root, more)
    assert contents(grown) == contents(fresh)
    with pytest.raises(UsageError, match=r"was built with other settings \(train: 8 -> 6\)"):
        build(grown, library.root, SMALL)


def test_a_damaged_item_is_made_again_and_a_foreign_file_is_not_removed(
    built: Path, library: Library, tmp_path: Path
) -> None:
    spoiled = shutil.copytree(built, tmp_path / "set")
    (spoiled / "train/0002/voice.wav").unlink()
    assert build(spoiled, library.root, SMALL).written == 1
    assert contents(spoiled) == contents(built)
    (spoiled / "train/0002/voice.wav").rename(spoiled / "train/0002/mine.wav")
    with pytest.raises(OutputError, match=r"holds mine\.wav, which is not ours"):
        build(spoiled, library.root, SMALL)
    assert (spoiled / "train/0002/mine.wav").is_file()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_build_goes_on_to_the_same_bytes(built: Path, library: Library, tmp_path: Path, workers: int) -> None:
    """Killed as soon as it has written something down; its workers follow, and what is left behind is cleared away."""
    out = tmp_path / "set"
    call = (
        f"build(Path({str(out)!r}), Path({str(library.root)!r}), Settings(**{SMALL.model_dump()!r}), workers={workers})"
    )
    script = f"from pathlib import Path; from soli.data.corpora.voice_noise import build, Settings; {call}"
    process = subprocess.Popen([sys.executable, "-c", script])
    wait_for(lambda: (out / "items.jsonl").is_file())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert bool(children) == (workers > 1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    with (out / "items.jsonl").open("a") as file:
        file.write('{"path": "train/00')
    (out / "train/.0006.part").mkdir(exist_ok=True)
    result = build(out, library.root, SMALL)
    assert result.written + result.kept == 11
    assert contents(out) == contents(built)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.005)


def test_it_says_what_it_is_made_of(built: Path, library: Library, tmp_path: Path) -> None:
    readme = (built / README_NAME).read_text()
    assert "a whole number drawn uniformly from -4 to 4" in readme
    assert "| made | CC0-1.0 |" in readme
    assert (built / LICENSES_NAME).read_text() == "made: CC0-1.0\n"
    (tmp_path / "licences.json").write_text(json.dumps({"made": {"text": "Do what you like.\n"}}))
    assert "Do what you like." in licenses_text(Library(library.sounds, tmp_path))
    (tmp_path / "licences.json").write_text(json.dumps({}))
    with pytest.raises(DataError, match=r"licences\.json is damaged"):
        licenses_text(Library(library.sounds, tmp_path))


def test_too_little_room_stops_it_before_anything_is_written(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = SMALL.model_copy(update={"train": 9_000, "length_s": 3600.0, "sample_rate": 192_000})
    with pytest.raises(OutputError, match=r"9005 items take .* GB, and .* GB of room; ask for fewer or shorter"):
        build(tmp_path / "set", library.root, huge)
    assert not (tmp_path / "set").exists()
    monkeypatch.setattr(voice_noise, "LITTLE_ROOM", 1 << 60)
    told: list[str] = []
    build(tmp_path / "set", library.root, SMALL, warn=told.append)
    assert len(told) == 1
    assert "11 items take 1.8 MB; only" in told[0]


def test_a_folder_that_holds_something_else_is_left_alone(library: Library, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else; wanted a new or empty folder"):
        build(tmp_path, library.root, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_library_without_a_split_is_refused_first(own_library: Path, tmp_path: Path) -> None:
    sounds = [sound for sound in read_library(own_library).sounds if sound.split != "test" or sound.kind == "speech"]
    write_library(own_library / "library.jsonl", sounds)
    with pytest.raises(DataError, match="the library has no test noise"):
        build(tmp_path / "set", own_library, SMALL)
    assert not (tmp_path / "set").exists()


def test_silent_noise_is_drawn_anew_and_given_up_at_last(own_library: Path) -> None:
    for path in (own_library / "noise/train").iterdir():
        if path.name != "hiss.wav":
            audio = read_audio(path)
            write_audio(path, 0 * audio.samples, sample_rate=audio.sample_rate, subtype="pcm16")
    maker = Maker.of(Settings(train=12, test=1, length_s=1.0), read_library(own_library))
    for number in range(1, 13):
        line, _, _ = maker.make(Place("train", number))
        assert "noise/train/hiss.wav" in line.noise
    audio = read_audio(own_library / "noise/train/hiss.wav")
    write_audio(own_library / "noise/train/hiss.wav", 0 * audio.samples, sample_rate=44100, subtype="pcm16")
    with pytest.raises(DataError, match="20 draws for train/0001 were all silent at 8000 Hz"):
        maker.make(Place("train", 1))


def test_the_library_is_looked_for_beside_it_and_built_if_need_be(packages: Path, tmp_path: Path) -> None:
    folder = library_beside(tmp_path / "set", packages_root=packages)
    assert folder == tmp_path / "speech-noise"
    before = contents(folder)
    assert library_beside(tmp_path / "set") == folder
    assert contents(folder) == before
