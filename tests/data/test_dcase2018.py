"""The mixer of Kong et al. through the command line: folds, levels by the stated definition, plans read and written."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from made_sounds import noise, tone
from soli.cli.main import main
from soli.data.events.dcase2018 import folds_of
from soli.data.manifest import Row, read_manifest
from soli.data.render import render
from soli.media.audio import read_audio, write_audio
from trees import dcase2018

Capture = pytest.CaptureFixture[str]
FILES = "mixed_audios/scene_type={},snr={}"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Scenes and events; read-only by agreement."""
    return dcase2018(tmp_path_factory.mktemp("dcase2018"))


def mixed(sets: tuple[Path, Path], out: Path, *options: object, code: int = 0) -> Path:
    folders = ("--dcase2018-task1-dataset-dir", sets[0], "--dcase2018-task2-dataset-dir", sets[1], "--workspace", out)
    words = ("data", "dcase2018", *folders, "--workers", 1, *options)
    assert main([str(word) for word in words]) == code
    return out


def bytes_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def rows_of(out: Path) -> tuple[Row, ...]:
    return read_manifest(out / "manifest.jsonl").rows


def test_folds_are_places_in_a_shuffled_order_modulo_four() -> None:
    folds = folds_of(9473, 1234)
    assert [folds.count(fold) for fold in (1, 2, 3, 4)] == [2369, 2368, 2368, 2368]
    # numpy's legacy generator shuffles in place with the same numbers as the published program.
    order = np.arange(9473)
    np.random.RandomState(1234).shuffle(order)
    assert [folds[i] for i in order[:6]] == [1, 2, 3, 4, 1, 2]
    assert folds_of(9473, 1) != folds


@pytest.mark.parametrize("snr", [20, 0])
@pytest.mark.parametrize("scene_type", ["dcase2018_task1", "white_noise"])
def test_levels_are_those_of_the_definition(sets: tuple[Path, Path], tmp_path: Path, snr: int, scene_type: str) -> None:
    options = ("--per-fold", 1, "--snr", snr, "--scene-type", scene_type, "--subtype", "float32")
    out = mixed(sets, tmp_path / "set", *options)
    for row in rows_of(out):
        truth = read_audio(out / FILES.format(scene_type, snr) / f"{row.id}.wav")
        assert (truth.sample_rate, truth.samples.shape) == (32000, (2, 320000))
        events, scene = truth.samples.astype(float)
        assert np.max(np.abs(truth.samples)) == pytest.approx(1.0, abs=1e-6)
        scene_rms = np.sqrt(np.mean(scene**2))
        laid = [part for part in row.parts if part.source != "scene"]
        assert [part.onset_s for part in laid] == [0.5, 3.0, 5.5]
        for part in laid:
            whole = read_audio(out / part.path, mono=True, sample_rate=32000).samples[0].astype(float)
            assert part.duration_s == pytest.approx(min(2.0, len(whole) / 32000), abs=1e-4)
            begin, frames = round(part.onset_s * 32000), round(part.duration_s * 32000) - 1
            gain = np.dot(events[begin : begin + frames], whole[:frames]) / np.sum(whole[:frames] ** 2)
            event_rms = gain * np.sqrt(np.mean(whole**2))
            assert 20 * np.log10(event_rms / scene_rms) == pytest.approx(snr, abs=0.02)
        silent = np.ones(320000, bool)
        for part in laid:
            silent[round(part.onset_s * 32000) : round((part.onset_s + part.duration_s) * 32000) + 1] = False
        assert not np.any(events[silent])


def test_a_rendered_row_is_the_mean_of_the_two_channels(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = mixed(sets, tmp_path / "set", "--per-fold", 1, "--subtype", "float32")
    for row in rows_of(out):
        rendered = render(row, out)
        truth = read_audio(out / FILES.format("dcase2018_task1", 0) / f"{row.id}.wav").samples
        np.testing.assert_allclose(rendered.mixture[0], truth.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(rendered.stems["scene"][0], truth[1] / 2, atol=1e-6)


def test_white_noise_has_no_offset(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = mixed(sets, tmp_path / "set", "--per-fold", 2, "--scene-type", "white_noise", "--subtype", "float32")
    scenes = [read_audio(path).samples[1] for path in sorted((out / FILES.format("white_noise", 0)).iterdir())]
    assert len(scenes) == 8
    for scene in scenes:
        assert abs(np.mean(scene)) < 5 * np.std(scene) / np.sqrt(len(scene))
    assert abs(np.corrcoef(scenes[0], scenes[1])[0, 1]) < 0.01


def test_the_plan_keeps_folds_apart_and_uses_a_scene_once(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = mixed(sets, tmp_path / "set", "--per-fold", 1, "--no-audio")
    plan = yaml.safe_load((out / "mixture.yaml").read_text())
    assert len({mixture["scene_audio_name"] for mixture in plan}) == len(plan) == 4
    many = mixed(sets, tmp_path / "many", "--per-fold", 20, "--scene-type", "white_noise", "--no-audio")
    rows = rows_of(many)
    files = {
        fold: {p.path for row in rows if row.meta["fold"] == fold for p in row.parts} - {""} for fold in range(1, 5)
    }
    assert all(not files[a] & files[b] for a in files for b in files if a < b)
    # A fold's list is used up before any of it comes again.
    for fold, own in files.items():
        drawn = [p.path for row in rows if row.meta["fold"] == fold for p in row.parts if p.path]
        assert set(drawn[: len(own)]) == own
    # Nobody has listened to the first take of each label.
    assert not any("0000.wav" in path for own in files.values() for path in own)
    held = {row.split: set() for row in read_manifest(many / "fold-2.jsonl").rows}
    for row in read_manifest(many / "fold-2.jsonl").rows:
        held[row.split].add(row.meta["fold"])
    assert held == {"test": {2}, "train": {1, 3, 4}}
    assert main(["data", "check", str(many / "fold-2.jsonl")]) == 0


def test_a_fold_is_kept_for_validation_where_wanted(sets: tuple[Path, Path], tmp_path: Path) -> None:
    options = ("--per-fold", 1, "--scene-type", "white_noise", "--no-audio", "--validate")
    rows = read_manifest(mixed(sets, tmp_path / "set", *options) / "fold-4.jsonl").rows
    assert [row.split for row in rows] == ["valid", "train", "train", "test"]


def test_the_same_seed_gives_the_same_bytes(sets: tuple[Path, Path], tmp_path: Path) -> None:
    one = mixed(sets, tmp_path / "one", "--per-fold", 1)
    two = mixed(sets, tmp_path / "two", "--per-fold", 1)
    assert bytes_of(one) == bytes_of(two)
    other = mixed(sets, tmp_path / "other", "--per-fold", 1, "--seed", 7)
    assert bytes_of(other)["mixture.yaml"] != bytes_of(one)["mixture.yaml"]


def test_a_plan_that_was_written_is_read_again(sets: tuple[Path, Path], tmp_path: Path) -> None:
    one = mixed(sets, tmp_path / "one", "--per-fold", 1)
    again = mixed(sets, tmp_path / "again", "--mixture-yaml", one / "mixture.yaml")
    assert (again / "mixture.yaml").read_bytes() == (one / "mixture.yaml").read_bytes()
    name = FILES.format("dcase2018_task1", 0)
    assert bytes_of(again / name) == bytes_of(one / name)


def test_it_goes_on_and_refuses_another(sets: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    out = mixed(sets, tmp_path / "set", "--per-fold", 1)
    whole = bytes_of(out)
    (out / FILES.format("dcase2018_task1", 0) / "00002.wav").unlink()
    capsys.readouterr()
    mixed(sets, out, "--per-fold", 1, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], told["kept"], bytes_of(out) == whole) == (1, 3, True)
    (out / "manifest.jsonl").unlink()
    mixed(sets, out, "--per-fold", 1)
    assert bytes_of(out) == whole
    mixed(sets, out, "--per-fold", 1, "--snr", 10, code=2)
    assert "snr: 0.0 -> 10.0" in capsys.readouterr().err


def _spoilt(plan: list[dict[str, object]], how: str) -> object:
    first = plan[0]
    match how:
        case "event":
            first["events"][1]["event_audio_name"] = "gone.wav"
        case "label":
            first["events"][1]["event_label"] = "Zebra"
        case "scene":
            first["scene_audio_name"] = "gone.wav"
        case "order":
            first["events"][0]["offset"] = 0.1
        case "long":
            first["events"][0]["offset"] = 9.9
        case "fold":
            first["fold"] = 7
        case "field":
            del first["mixture_name"]
        case "twice":
            plan[1]["mixture_name"] = "00000.wav"
        case "path":
            first["mixture_name"] = "../00000.wav"
        case "dict":
            return {"a": 1}
    return plan


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("event", "00000.wav names gone.wav, which is not there"),
        ("scene", "00000.wav names gone.wav, which is not there"),
        ("label", " Zebra, the set of events "),
        ("order", "0.events.0: the offset 0.1 is not behind the onset 0.5"),
        ("long", "00000.wav has 9.400 s of"),
        ("fold", "0.fold:"),
        ("field", "0.mixture_name: Field required"),
        ("twice", "00000.wav comes twice"),
        ("path", "0.mixture_name:"),
        ("dict", "wanted a list of mixtures"),
    ],
)
def test_bad_plans(sets: tuple[Path, Path], tmp_path: Path, capsys: Capture, how: str, said: str) -> None:
    one = mixed(sets, tmp_path / "one", "--per-fold", 1, "--no-audio")
    plan = _spoilt(yaml.safe_load((one / "mixture.yaml").read_text()), how)
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(plan))
    capsys.readouterr()
    mixed(sets, tmp_path / "set", "--mixture-yaml", tmp_path / "bad.yaml", code=1)
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_a_plan_that_is_not_there_and_a_place_inside_a_set(
    sets: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    mixed(sets, tmp_path / "set", "--mixture-yaml", tmp_path / "gone.yaml", code=1)
    assert "cannot read" in capsys.readouterr().err
    for source in sets:
        mixed(sets, source / "mixed", "--per-fold", 1, code=1)
        assert "nothing is written into a set" in capsys.readouterr().err


def _silent_scene(scenes: Path, events: Path) -> None:
    path = next(scenes.glob("audio/*.wav"))
    write_audio(path, np.zeros((2, 80000), np.float32), sample_rate=8000)


def _short_scene(scenes: Path, events: Path) -> None:
    write_audio(next(scenes.glob("audio/*.wav")), noise(9.0, 8000, seed=1)[None], sample_rate=8000)


def _missing_scene(scenes: Path, events: Path) -> None:
    next(scenes.glob("audio/*.wav")).unlink()


def _silent_event(scenes: Path, events: Path) -> None:
    write_audio(events / "audio_train/00010001.wav", np.zeros((1, 9000), np.float32), sample_rate=44100)


def _no_number(scenes: Path, events: Path) -> None:
    samples = tone(300, 0.5, 44100)[None].copy()
    samples[0, 5] = np.nan
    import soundfile

    soundfile.write(events / "audio_train/00010001.wav", samples.T, 44100, subtype="FLOAT")


def _missing_event(scenes: Path, events: Path) -> None:
    (events / "audio_train/00010001.wav").unlink()


def _unlisted_event(scenes: Path, events: Path) -> None:
    write_audio(events / "audio_train/more.wav", tone(300, 0.5, 44100)[None], sample_rate=44100)


def _one_of_a_class(scenes: Path, events: Path) -> None:
    write_audio(events / "audio_train/more.wav", tone(300, 0.5, 44100)[None], sample_rate=44100)
    with (events / "train.csv").open("a") as file:
        file.write("more.wav,Zebra,1\n")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_silent_scene, "is silent: all its samples are zero"),
        (_short_scene, "has 9.000 s, wanted 10 s or more"),
        (_missing_scene, "which is not there"),
        (_silent_event, "00010001.wav is silent"),
        (_no_number, "00010001.wav"),
        (_missing_event, "names 00010001.wav, which is not in"),
        (_unlisted_event, "more.wav is not in it"),
        (_one_of_a_class, "the class Zebra has 1 verified file, wanted 2 or more"),
    ],
)
def test_bad_sounds(tmp_path: Path, capsys: Capture, spoil: Callable[[Path, Path], None], said: str) -> None:
    sets = dcase2018(tmp_path / "own")
    spoil(*sets)
    mixed(sets, tmp_path / "set", "--per-fold", 1, code=1)
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_too_few_scenes(sets: tuple[Path, Path], tmp_path: Path, capsys: Capture) -> None:
    mixed(sets, tmp_path / "set", code=1)
    assert "4 scenes for 8000 mixtures, and a scene serves once; give --per-fold 1" in capsys.readouterr().err
    mixed(sets, tmp_path / "set", "--scene-type", "park", code=2)
    assert "--scene-type park" in capsys.readouterr().err


def test_any_folder_of_scenes_and_of_numbered_events(sets: tuple[Path, Path], tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.mkdir()
    for label in ("dog", "cat"):
        for take in range(1, 7):
            write_audio(events / f"{label}{take:02d}.wav", tone(200 * take, 0.5, 16000)[None], sample_rate=16000)
    out = mixed((sets[0] / "audio", events), tmp_path / "set", "--per-fold", 1, "--no-audio")
    assert {label for row in rows_of(out) for label in row.labels} == {"cat", "dog"}
