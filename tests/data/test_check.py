"""A spoiled library or manifest is found out, and the offenders are named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from made_sounds import noise
from soli.data.check import Reading, check
from soli.data.library import LIBRARY_NAME, Library, Sound, read_library, write_library
from soli.data.manifest import Part, Row, read_manifest, relocated, write_manifest
from soli.data.plan import Planner
from soli.data.readers.stems import read_stems
from soli.data.spec import MixSpec
from soli.data.tracks import rows_of_tracks
from soli.errors import DataError
from soli.media.audio import write_audio
from soli.media.hashing import sha256_file


def respell(root: Path, **changes: dict[str, object]) -> None:
    """Rewrites the library with some sounds changed; the key is a sound's path."""
    sounds = [s.model_copy(update=changes.get(s.path, {})) for s in read_library(root).sounds]
    write_library(root / LIBRARY_NAME, sounds)


def problems(*paths: Path, root: Path | None = None, hashes: bool = True) -> list[str]:
    return check(paths, root=root, reading=Reading(hashes)).problems


def one(root: Path, kind: str, split: str) -> Sound:
    return read_library(root).of(kind, split)[0]


def test_a_whole_library_is_in_order(own_library: Path) -> None:
    report = check([own_library])
    assert report.problems == []
    assert report.files == report.items == 33
    assert report.splits == {"train": 21, "valid": 6, "test": 6}


def test_changed_and_missing_files_are_named(own_library: Path) -> None:
    changed, missing = one(own_library, "speech", "train"), one(own_library, "noise", "test")
    (own_library / changed.path).write_bytes((own_library / changed.path).read_bytes()[:-1])
    (own_library / missing.path).unlink()
    found = problems(own_library / LIBRARY_NAME)
    assert len(found) == 2
    assert any(p.startswith(f"{changed.path} has changed: its sha256 begins") for p in found)
    assert f"{missing.path} is missing in {own_library}" in found
    assert len(problems(own_library, hashes=False)) == 1


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("speech", {"speaker": "l0-one", "language": "l9"}, "the speaker made/l0-one is in test and train"),
        ("speech", {"language": "l0_XX"}, "the language l0 is in test and train"),
        ("noise", {"group": "train-rain"}, "the noise recording train-rain is in test and train"),
    ],
)
def test_what_two_splits_share_is_named(own_library: Path, kind: str, changes: dict[str, str], said: str) -> None:
    respell(own_library, **{one(own_library, kind, "test").path: changes})
    assert said in problems(own_library)


def test_the_same_content_under_two_names_is_found(own_library: Path) -> None:
    train, test = one(own_library, "noise", "train"), one(own_library, "noise", "test")
    (own_library / test.path).write_bytes((own_library / train.path).read_bytes())
    respell(own_library, **{test.path: {"sha256": train.sha256}})
    assert problems(own_library) == [f"the file with sha256 {train.sha256} is in test and train"]


def test_a_path_listed_twice_is_found(own_library: Path) -> None:
    sound = one(own_library, "noise", "train")
    write_library(own_library / LIBRARY_NAME, [*read_library(own_library).sounds, sound])
    assert problems(own_library) == [f"{sound.path} is listed 2 times"]


def test_a_manifest_of_two_splits_is_checked(own_library: Path) -> None:
    planner = Planner(MixSpec(name="tiny"), read_library(own_library))
    rows = [*planner.rows("train", 5), *planner.rows("test", 5)]
    path = own_library / "m.jsonl"
    write_manifest(path, rows)
    assert problems(path) == []
    leaked = rows[0].model_copy(update={"id": "leak", "split": "test"})
    write_manifest(path, [*rows, leaked])
    found = problems(path)
    assert f"the file {leaked.parts[0].path} is in test and train" in found
    assert f"the file with sha256 {leaked.parts[0].sha256} is in test and train" in found
    assert any(p.startswith("the speaker made/l") for p in found)


def test_a_part_of_a_foreign_source_is_named(own_library: Path) -> None:
    part = Part(source="organ", path=one(own_library, "noise", "train").path, duration_s=1.0)
    row = Row(id="a", split="x", sample_rate=8000, duration_s=1.0, sources=("voice",), parts=(part,), mixture="no.wav")
    write_manifest(own_library / "m.jsonl", [row])
    found = problems(own_library / "m.jsonl")
    assert found == [
        "row a has a part of organ, which is none of its sources",
        f"no.wav is missing in {own_library}",
    ]


def test_the_manifests_root_can_be_given(own_library: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.jsonl", Planner(MixSpec(name="t"), read_library(own_library)).rows("train", 2))
    assert problems(tmp_path / "m.jsonl") != []
    assert problems(tmp_path / "m.jsonl", root=own_library) == []
    assert read_manifest(tmp_path / "m.jsonl", root=own_library).root == own_library


@pytest.mark.parametrize(("text", "said"), [("", "holds no sounds"), ("{}\n", "line 1 is not a sound: kind: Field")])
def test_a_library_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / LIBRARY_NAME).write_text(text)
    with pytest.raises(DataError, match=said):
        check([tmp_path])


def test_a_folder_without_a_library_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no library at .*soli data build speech-noise"):
        check([tmp_path])


def test_manifests_are_held_against_one_another(own_library: Path, tmp_path: Path) -> None:
    """Each is in order alone; together they share a file, though they lie in different folders."""
    planner = Planner(MixSpec(name="tiny"), read_library(own_library))
    train, test = own_library / "train.jsonl", tmp_path / "elsewhere/test.jsonl"
    rows = list(planner.rows("train", 3))
    write_manifest(train, rows)
    write_manifest(test, relocated(planner.rows("test", 3), own_library, test.parent))
    whole = check([train, test])
    assert (whole.problems, whole.items, whole.splits) == ([], 6, {"train": 3, "test": 3})
    assert whole.path == f"{train}, {test}"
    leak = rows[0].model_copy(update={"split": "test", "meta": {}})
    write_manifest(test, relocated([leak], own_library, test.parent))
    assert problems(test) == []
    leaked = leak.parts[0]
    assert f"the file {own_library / leaked.path} is in test and train" in problems(train, test)
    assert f"the file with sha256 {leaked.sha256} is in test and train" in problems(train, test)


def apart(root: Path, folder: Path, split: str, **changes: object) -> Path:
    """A library of its own with the sounds of one split; the first of each kind changed."""
    shutil.copytree(root, folder)
    sounds = [sound for sound in read_library(root).sounds if sound.split == split]
    for kind in ("speech", "noise"):
        first = next(index for index, sound in enumerate(sounds) if sound.kind == kind)
        fitting = {key: value for key, value in changes.items() if (key == "group") == (kind == "noise")}
        sounds[first] = sounds[first].model_copy(update=fitting)
    write_library(folder / LIBRARY_NAME, sounds)
    return folder


def test_libraries_are_held_against_one_another(library: Library, tmp_path: Path) -> None:
    speech, noise_sound = library.of("speech", "train")[0], library.of("noise", "train")[0]
    train = apart(library.root, tmp_path / "train", "train")
    assert problems(train, apart(library.root, tmp_path / "test", "test")) == []
    base = (speech.language or "").partition("_")[0]
    for changes, said in (
        ({"speaker": speech.speaker}, f"the speaker made/{speech.speaker} is in test and train"),
        ({"language": f"{base}_ZZ"}, f"the language {base} is in test and train"),
        ({"group": noise_sound.group}, f"the noise recording {noise_sound.group} is in test and train"),
        ({"sha256": speech.sha256}, f"the file with sha256 {speech.sha256} is in test and train"),
    ):
        test = apart(library.root, tmp_path / f"test-{next(iter(changes))}", "test", **changes)
        assert problems(test, hashes=False) == []
        assert problems(train, test, hashes=False) == [said]


def test_a_library_is_held_against_manifests(own_library: Path) -> None:
    """Where a manifest tests on what the library trains on."""
    (row,) = Planner(MixSpec(name="tiny"), read_library(own_library)).rows("train", 1)
    write_manifest(own_library / "m.jsonl", [row])
    assert problems(own_library, own_library / "m.jsonl") == []
    assert check([own_library, own_library / "m.jsonl"]).files == 33
    write_manifest(own_library / "m.jsonl", [row.model_copy(update={"split": "test"})])
    found = problems(own_library, own_library / "m.jsonl")
    assert f"the file {row.parts[0].path} is in test and train" in found
    assert f"the speaker {row.meta['speaker']} is in test and train" in found


def test_manifests_may_share_ids_and_the_files_of_a_split(own_library: Path) -> None:
    rows = list(Planner(MixSpec(name="tiny"), read_library(own_library)).rows("train", 2))
    paths = [own_library / "a.jsonl", own_library / "b.jsonl"]
    for path in paths:
        write_manifest(path, rows)
    both = check(paths)
    assert both.problems == []
    assert both.files == check(paths[:1]).files


def test_a_file_that_two_manifests_know_by_two_hashes_is_named(own_library: Path) -> None:
    (row,) = Planner(MixSpec(name="tiny"), read_library(own_library)).rows("train", 1)
    part = row.parts[0]
    write_manifest(own_library / "a.jsonl", [row])
    write_manifest(
        own_library / "b.jsonl", [row.model_copy(update={"parts": (part.model_copy(update={"sha256": "0"}),)})]
    )
    (found,) = problems(own_library / "a.jsonl", own_library / "b.jsonl")
    assert found == f"{part.path} has changed: its sha256 begins {part.sha256[:12]}, not 0"


def track(root: Path, *, subtype: str = "float32", error_db: float | None = None) -> tuple[Path, dict[str, np.ndarray]]:
    """A manifest of one stereo track whose mixture is the sum of its stems, but for noise at `error_db`."""
    folder = root / "track"
    folder.mkdir()
    stems = {name: np.stack([noise(1.0, 8000, seed=s + c) for c in range(2)]) for s, name in ((1, "a"), (5, "b"))}
    mixture = stems["a"] + stems["b"]
    if error_db is not None:
        error = np.stack([noise(1.0, 8000, seed=s) for s in (8, 9)])
        mixture += error * np.float32(10 ** (error_db / 20) * np.sqrt(np.mean(mixture**2) / np.mean(error**2)))
    for name, samples in (stems | {"mixture": mixture}).items():
        write_audio(folder / f"{name}.wav", samples, sample_rate=8000, subtype=subtype)
    write_manifest(root / "m.jsonl", rows_of_tracks(read_stems(root), root))
    return root / "m.jsonl", stems | {"mixture": mixture}


@pytest.mark.parametrize(("error_db", "refused"), [(-60.0, False), (-45.0, False), (-35.0, True), (0.0, True)])
def test_a_mixture_is_the_sum_of_its_stems(tmp_path: Path, error_db: float, refused: bool) -> None:
    report = check([track(tmp_path, error_db=error_db)[0]])
    (mixture,) = report.mixtures
    wanted_db = error_db if error_db < -20 else error_db - 10 * np.log10(2)  # relative to the mixture, error and all
    assert (mixture.row, mixture.path) == ("track", "track/mixture.wav")
    assert mixture.residual_db == pytest.approx(wanted_db, abs=0.3)
    assert bool(report.problems) == refused
    if refused:
        assert f"minus the sum of the stems lies at {mixture.residual_db:g} dB" in report.problems[0]


def test_the_limit_of_the_residual_is_the_callers(tmp_path: Path) -> None:
    path, _ = track(tmp_path, error_db=-60)
    assert check([path], reading=Reading(limit_db=-70)).problems != []
    assert check([path], reading=Reading(hashes=False)).mixtures == []


def test_sixteen_bits_and_exact_sums_pass(tmp_path: Path) -> None:
    for subtype, least_db, most_db in (("float32", -300, -120), ("pcm16", -90, -60)):
        (tmp_path / subtype).mkdir()
        (mixture,) = check([track(tmp_path / subtype, subtype=subtype)[0]]).mixtures
        assert least_db <= mixture.residual_db <= most_db


def test_a_mixture_that_is_cut_or_at_another_level_is_refused(tmp_path: Path) -> None:
    path, sounds = track(tmp_path)
    row = read_manifest(path).rows[0].model_copy(update={"mixture_sha256": ""})
    write_manifest(path, [row])
    for changed, wanted_db in ((sounds["mixture"][:, :4000], 0.0), (0.5 * sounds["mixture"], 0.0)):
        write_audio(tmp_path / "track/mixture.wav", changed, sample_rate=8000)
        report = check([path])
        assert report.mixtures[0].residual_db == pytest.approx(wanted_db, abs=0.3)
        assert len(report.problems) == 1


def test_a_mixture_that_cannot_be_compared_is_named(tmp_path: Path) -> None:
    path, sounds = track(tmp_path)
    assert read_manifest(path).rows[0].mixture_sha256 == sha256_file(tmp_path / "track/mixture.wav")
    write_audio(tmp_path / "track/mixture.wav", sounds["mixture"], sample_rate=16000)
    (problem,) = problems(path)
    assert problem.startswith("track/mixture.wav has changed: its sha256 begins")
    write_manifest(path, [read_manifest(path).rows[0].model_copy(update={"mixture_sha256": ""})])
    assert problems(path) == ["row track: track/mixture.wav has 16000 Hz, its stems 8000 Hz"]
    write_audio(tmp_path / "track/mixture.wav", np.zeros((3, 8000), np.float32), sample_rate=8000)
    assert problems(path) == ["row track: track/mixture.wav has 3 channels, its stems 2"]
    write_audio(tmp_path / "track/mixture.wav", np.zeros((1, 8000), np.float32), sample_rate=8000)
    assert check([path]).mixtures[0].residual_db == 300.0


def longer(path: Path, **changes: object) -> list[str]:
    """The problems of the manifest of `track` once its row is changed."""
    (row,) = read_manifest(path).rows
    write_manifest(path, [row.model_copy(update=changes)])
    return problems(path)


@pytest.mark.parametrize("mixture", ["track/mixture.wav", None])
def test_a_row_that_is_longer_than_its_files_is_named(tmp_path: Path, mixture: str | None) -> None:
    path, _ = track(tmp_path)
    assert longer(path, duration_s=100.0, mixture=mixture) == ["row track: duration_s is 100, its files give 1 s"]
    assert longer(path, duration_s=1.009) == []
    assert longer(path, duration_s=0.5, mixture=None) == []
    assert longer(path, duration_s=100.0, spec="voice-test") == [], "planned mixtures may end in silence"


def test_a_part_that_is_longer_than_its_file_is_named(tmp_path: Path) -> None:
    path, _ = track(tmp_path)
    first, second = read_manifest(path).rows[0].parts
    late = second.model_copy(update={"start_s": 0.75, "duration_s": 0.5})
    fast = second.model_copy(update={"start_s": 0.5, "duration_s": 0.5, "speed": 2.0})
    said = "row track: its part of b reaches {} s into track/b.wav, which has 1.000 s"
    assert longer(path, parts=(first, late), mixture=None) == [said.format("1.250")]
    assert longer(path, parts=(first, fast)) == [said.format("1.500")]
    assert longer(path, parts=(first, fast.model_copy(update={"duration_s": 0.25}))) == []


def test_progress_counts_files_and_mixtures(tmp_path: Path) -> None:
    path, _ = track(tmp_path)
    for hashes, total in ((True, 4), (False, 3)):
        seen: list[tuple[int, int]] = []
        check([path], reading=Reading(hashes, watch=lambda done, of, seen=seen: seen.append((done, of))))
        assert seen == [(done, total) for done in range(1, total + 1)]


def numbered(name: str, split: str, **meta: object) -> Row:
    part = Part(source="a", path=f"{name}.wav", duration_s=1.0)
    return Row(id=name, split=split, sample_rate=8000, duration_s=1.0, parts=(part,), meta=meta)


def test_takes_of_one_name_are_no_song(tmp_path: Path) -> None:
    sound = noise(1.0, 8000, seed=1)[None]
    for number, name in enumerate(("001-take", "002-take", "003-mix"), start=1):
        write_audio(tmp_path / f"{name}.wav", sound / number, sample_rate=8000)
    path, takes = tmp_path / "m.jsonl", [numbered("001-take", "train"), numbered("002-take", "test")]
    write_manifest(path, takes)
    assert problems(path) == []
    played = numbered("002-take", "test", title="ode")
    for other in (numbered("001-take", "train", title="Ode"), numbered("003-mix", "train", titles=["elegy", "ode"])):
        write_manifest(path, [other, played])
        assert problems(path) == ["the song ode is in test and train"]
