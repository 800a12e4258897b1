"""The commands of the tutorials, run as they stand."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from followed import PROJECT, Copy, Page

from soli.data.manifest import read_manifest
from soli.evaluation.events_scores import KINDS
from soli.separation import zoo
from soli.train.sweep import check, plan
from trees import bach10, dcase2013, dcase2018, voice_noise


@pytest.mark.skipif("voice" not in zoo.names(), reason="the model voice is not in this checkout")
def test_first_steps(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "examples", tmp_path / "examples")
    (tmp_path / "src").symlink_to(PROJECT / "src")
    copy, page = Copy(tmp_path), Page.read("tutorials/first-steps.md")
    for language, text in page.blocks:
        if language == "yaml":
            copy.follow_files(Page([(language, text)]))
            continue
        for command in text.splitlines():
            done = copy.run(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    for folder in ("separated/noisy_call", "separated/speech_by_the_sea", "separated-by-mine/noisy_call"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == {"voice.wav", "noise.wav"}


def test_voice_and_noise(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(PROJECT / "src")
    root, untouched = voice_noise(tmp_path / "voice-noise"), voice_noise(tmp_path / "untouched")
    copy = Copy(tmp_path)
    for command in Page.read("tutorials/voice-noise.md").commands:
        done = copy.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert {path.name for path in (tmp_path / "separated/mix_snr_-2").iterdir()} == {"voice.wav", "noise.wav"}
    assert (tmp_path / "compared/index.html").is_file()
    assert names_in(root) == names_in(untouched), "something was written into the set"


@pytest.mark.skipif("chamber" not in zoo.names(), reason="the model chamber is not in this checkout")
def test_bach10(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(PROJECT / "src")
    root = bach10(tmp_path, pieces=4, duration_s=0.6)
    before = names_in(root)
    copy = Copy(tmp_path)
    for command in Page.read("tutorials/bach10.md").commands:
        done = copy.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    stems = tmp_path / "separated/03-ChristederdubistTagundLicht"
    assert {path.name for path in stems.iterdir()} == {"violin.wav", "rest.wav"}
    quartet = tmp_path / "quartet/03-ChristederdubistTagundLicht"
    assert {path.name for path in quartet.iterdir()} == {"violin.wav", "clarinet.wav", "saxophone.wav", "bassoon.wav"}
    for name in ("index.html", "SepModel_model-e_FULL_EVAL_RESULTS.csv", "violin_ALL_MODELS.csv", "scores.csv"):
        assert (tmp_path / "report" / name).is_file(), name
    assert names_in(root) == before, "something was written into the set"


def test_rendered_chorales_take_the_place_of_bach10(tmp_path: Path) -> None:
    """What the page says to do without Bach10 leads to songs that a sweep can leave out; the whole set does not."""
    (tmp_path / "src").symlink_to(PROJECT / "src")
    rendered(bach10(tmp_path, pieces=3, duration_s=0.6), tmp_path / "chorales" / "test")
    shown = [text for language, text in Page.read("tutorials/bach10.md").blocks if language == "text"]
    reading = next(line for line in "".join(shown).splitlines() if line.startswith("soli data bach10 chorales"))
    done = Copy(tmp_path).run(reading)
    assert done.returncode == 0, f"{reading}\n{done.stdout}\n{done.stderr}"
    brief = ["data.duration_s=0.4", "network.hidden=4", "optim.batch=1"]
    cells = plan(["bach10/model-a"], tmp_path / "bach10.jsonl", tmp_path / "sweep", targets=["violin"], overrides=brief)
    assert [cell.song for cell in cells] == [1, 2, 3]
    check(cells)


def test_weak_labels(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(PROJECT / "src")
    sets = [dcase2013(tmp_path), *dcase2018(tmp_path)]
    before = [names_in(root) for root in sets]
    copy = Copy(tmp_path)
    for command in Page.read("tutorials/weak-labels.md").commands:
        done = copy.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    splits = {name: Counter(row.split for row in read_manifest(tmp_path / name).rows) for name in WEAK}
    assert splits == WEAK
    for name in ("00000", "cough01"):
        made = {path.name for path in (tmp_path / "detected" / name).iterdir()}
        assert made >= {"events.csv", "tags.csv", "picture.png", "labels.txt", "rest.wav"}
    for name in (*(f"{kind}.csv" for kind in KINDS), "report.txt", "summary.json", "pictures/by-class.png"):
        assert (tmp_path / "scores/mixed" / name).is_file(), name
    assert (tmp_path / "page/index.html").is_file()
    assert [names_in(root) for root in sets] == before, "something was written into a set"


# Splits of the manifests that the page makes: 4 sounds of 16 classes; 40 mixes; 1 mixture in each of 4 folds.
WEAK = {
    "clips.jsonl": {"train": 32, "valid": 16, "test": 16},
    "weak.jsonl": {"train": 32, "valid": 4, "test": 4},
    "mixed/manifest.jsonl": {"train": 32, "valid": 4, "test": 4},
    "kong/fold-1.jsonl": {"train": 3, "test": 1},
}


def rendered(top: Path, out: Path) -> None:
    """The pieces of a Bach10 under the names that a build of chorales gives its own."""
    out.mkdir(parents=True)
    for number, folder in enumerate(sorted(top.glob("[0-9]*")), start=1):
        name = f"{number:04d}-bwv{254 + number}"
        for file in folder.iterdir():
            (out / name).mkdir(exist_ok=True)
            file.rename(out / name / file.name.replace(folder.name, name))


def names_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))
