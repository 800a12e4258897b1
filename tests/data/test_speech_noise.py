"""The corpus build: what is found, what is left out and why, the same again, and a clear word where packages lack."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from soli.data.check import check
from soli.data.corpora.packages import Package, download_packages, find_packages, read_licence
from soli.data.corpora.sounds import package_names
from soli.data.corpora.speech_noise import build
from soli.data.library import read_library
from soli.data.origins import LICENCES_NAME
from soli.errors import DataError, OutputError, UsageError
from soli.media.audio import probe, read_audio


@pytest.fixture(scope="module")
def built(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built")
    build(out, packages_root=packages)
    return out


def test_speech_and_noise_are_found_and_sorted(built: Path) -> None:
    sounds = {sound.path: sound for sound in read_library(built).sounds}
    assert sorted(sounds) == [
        "noise/0ad-data/ambience/ambient_weather_rain_11.wav",
        "noise/0ad-data/ambience/ambient_weather_windstorm_11.wav",
        "noise/torcs-data/engine/sound_skid.wav",
        "noise/widelands-data/music/music_intro.wav",
        "noise/widelands-data/work/sound_mill_mill.wav",
        "speech/asterisk-core-sounds-en-g722/en-allison/hello.wav",
        "speech/hedgewars-data/en-pirate/Pirate_Laugh.wav",
        *(
            f"speech/tuxpaint-stamps-default/{language}-tuxpaint/{take}_desc_{language}.wav"
            for language in ("da", "el", "fr", "ro")
            for take in range(2)
        ),
    ]
    assert sounds["noise/torcs-data/engine/sound_skid.wav"].split == "test"
    assert sounds["noise/0ad-data/ambience/ambient_weather_windstorm_11.wav"].split == "test"
    splits = {sound.language: sound.split for sound in sounds.values() if sound.kind == "speech"}
    assert splits == {"da": "valid", "el": "test", "fr": "train", "ro": "train", "en": "train"}
    assert {sound.licence for sound in sounds.values()} == {"CC-BY-SA-3.0"}


def test_files_keep_their_rate_lose_their_silence_and_are_mono_16_bit(built: Path) -> None:
    for sound in read_library(built).sounds:
        info = probe(built / sound.path)
        assert (info.channels, info.subtype, info.frames) == (1, "pcm16", sound.frames)
        assert info.sample_rate == sound.sample_rate
        if sound.kind == "speech":
            assert 0.8 < sound.duration_s < 1.15
            assert sound.active < 0.9
    rates = {sound.package: sound.sample_rate for sound in read_library(built).sounds}
    assert rates["asterisk-core-sounds-en-g722"] == 16000
    assert rates["torcs-data"] == 22050
    (music,) = [sound for sound in read_library(built).sounds if sound.class_ == "music"]
    assert music.duration_s == pytest.approx(45.0, abs=0.01)
    # Its channels differ, so the first one was taken: a tone, where the second is noise.
    spectrum = np.abs(np.fft.rfft(read_audio(built / music.path).samples[0]))
    assert np.argmax(spectrum) / 45 == pytest.approx(440, abs=1)
    assert np.sum(np.sort(spectrum**2)[:-100]) < 0.05 * np.sum(spectrum**2)


def test_it_is_in_order_and_the_same_again(built: Path, packages: Path, tmp_path: Path) -> None:
    assert check([built]).problems == []
    summary = build(tmp_path, packages_root=packages)
    for name in ("library.jsonl", LICENCES_NAME):
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes()
    assert summary.left_out == {"unreadable": 1, "silent": 1, "copy of another file": 1}
    assert summary.sounds == 15
    assert summary.minutes["speech"]["train"].keys() == {"en", "fr", "ro"}
    assert json.loads(json.dumps(summary.as_json()))["sounds"] == 15


def test_licences_are_recorded_with_their_texts(built: Path) -> None:
    licences = json.loads((built / LICENCES_NAME).read_text(encoding="utf-8"))
    assert licences.keys() == set(package_names())
    torcs = licences["torcs-data"]
    assert torcs["licences"] == ["CC-BY-SA-3.0", "MIT"]
    assert torcs["homepage"] == "https://example.org/torcs-data"
    assert "Somebody" in torcs["text"]


def test_an_old_copyright_file_points_to_itself(tmp_path: Path) -> None:
    package = Package("old", tmp_path)
    package.copyright_file().parent.mkdir(parents=True)
    package.copyright_file().write_text("It was downloaded from somewhere and may be shared.")
    assert read_licence(package).licences == ("see the file",)


def test_missing_packages_come_with_the_line_that_installs_them(packages: Path, tmp_path: Path) -> None:
    for name in package_names():
        if name not in ("klettres-data", "torcs-data"):
            (tmp_path / name).symlink_to(packages / name)
    with pytest.raises(DataError) as caught:
        build(tmp_path / "out", packages_root=tmp_path)
    assert f"2 packages with sounds are not in {tmp_path}" in str(caught.value)
    assert "run: apt-get install --no-install-recommends klettres-data torcs-data (or add --download" in str(
        caught.value
    )
    assert not (tmp_path / "out").exists()


def test_a_library_of_some_packages_needs_no_others(packages: Path, tmp_path: Path) -> None:
    for name in ("torcs-data", "tuxpaint-stamps-default"):
        (tmp_path / name).symlink_to(packages / name)
    names = ["tuxpaint-stamps-default", "torcs-data"]
    summary = build(tmp_path / "out", names=names, packages_root=tmp_path)
    assert {sound.package for sound in read_library(tmp_path / "out").sounds} == set(names)
    assert summary.sounds == 9
    assert json.loads((tmp_path / "out" / LICENCES_NAME).read_text(encoding="utf-8")).keys() == set(names)
    build(tmp_path / "turned", names=names[::-1], packages_root=tmp_path)
    assert (tmp_path / "turned/library.jsonl").read_bytes() == (tmp_path / "out/library.jsonl").read_bytes()
    with pytest.raises(UsageError, match="torc-data is no package of speech-noise; did you mean torcs-data"):
        build(tmp_path / "none", names=["torc-data"], packages_root=tmp_path)


def test_a_folder_that_holds_them_all_together_will_do(tmp_path: Path) -> None:
    doc = tmp_path / "usr/share/doc/klettres-data"
    doc.mkdir(parents=True)
    (doc / "copyright").touch()
    assert find_packages(["klettres-data"], packages_root=tmp_path) == [Package("klettres-data", tmp_path)]


def test_packages_that_are_not_whole_are_named(packages: Path, tmp_path: Path) -> None:
    root = shutil.copytree(packages, tmp_path / "packages")
    archive = root / "0ad-data/usr/share/games/0ad/mods/public/public.zip"
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"public\.zip is no whole archive"):
        build(tmp_path / "out", packages_root=root)
    archive.unlink()
    with pytest.raises(DataError, match=r"public\.zip is missing; wanted the package whole"):
        build(tmp_path / "out", packages_root=root)


def fake_apt(folder: Path, script: str) -> None:
    for name in ("apt-get", "dpkg-deb"):
        tool = folder / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)


def test_download_unpacks_each_package_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    fake_apt(
        tools,
        'echo "$(basename $0) $*" >> "$LOG"; case "$1" in download) touch "$2_1.0_all.deb";; '
        # As dpkg-deb does, the copyright file comes long before the last sound.
        '-x) name=${2%%_*}; mkdir -p "$3/usr/share/doc/$name"; touch "$3/usr/share/doc/$name/copyright"; $BREAK;; esac',
    )
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("BREAK", "exit 1")
    with pytest.raises(DataError, match=r"dpkg-deb -x a-data_1\.0_all\.deb"):
        download_packages(["a-data"], tmp_path / "packages")
    assert not (tmp_path / "packages/a-data").exists()
    monkeypatch.setenv("BREAK", "")
    (tmp_path / "log").unlink()
    for _ in range(2):
        download_packages(["a-data", "b-data"], tmp_path / "packages")
    assert [p.name for p in find_packages(["a-data", "b-data"], packages_root=tmp_path / "packages")] == [
        "a-data",
        "b-data",
    ]
    assert len((tmp_path / "log").read_text().splitlines()) == 4
    assert not list((tmp_path / "packages").glob("*.deb"))


UNPACKING = (
    'case "$1" in download) touch "$2_1.0_all.deb";; '
    '-x) name=${2%%_*}; mkdir -p "$3/usr/share/doc/$name"; touch "$3/usr/share/doc/$name/copyright";; esac'
)


@pytest.mark.parametrize("left", ["a-data/usr/half.ogg", "a-data", ".a-data.part/usr/half.ogg", ".a-data.part"])
def test_what_lies_in_the_way_of_a_download_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """An older version unpacked in place, so that half a package may lie there."""
    (tmp_path / "bin").mkdir()
    fake_apt(tmp_path / "bin", UNPACKING)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    packages = tmp_path / "packages"
    (packages / left).parent.mkdir(parents=True)
    (packages / left).touch()
    download_packages(["a-data"], packages)
    assert [path.name for path in packages.iterdir()] == ["a-data"]
    assert [path.name for path in (packages / "a-data/usr").iterdir()] == ["share"]


def test_a_folder_that_takes_no_packages_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*file/packages/a-data: Not a directory"):
        download_packages(["a-data"], tmp_path / "file/packages")


def test_what_apt_complains_of_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    fake_apt(tools, "echo 'E: Unable to locate package a-data' >&2; exit 100")
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    with pytest.raises(DataError, match="apt-get download a-data failed: E: Unable to locate package a-data"):
        download_packages(["a-data"], tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match="apt-get is not on this machine"):
        download_packages(["a-data"], tmp_path)
