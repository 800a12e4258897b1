"""`soli data build scenes`: ESC-10's folds over ambience, from a made ESC-10 and made packages."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from debian import COPYRIGHT, put

from made_sounds import noise, tone
from soli.cli.main import main
from soli.data.events.ambience import Ambience, by_fold
from soli.data.events.scenes import trimmed
from soli.data.manifest import read_manifest
from soli.data.origins import origins
from soli.data.render import render
from soli.errors import DataError
from soli.media.audio import read_audio

Capture = pytest.CaptureFixture[str]
LABELS = ("Dog bark", "Rain")


@pytest.fixture(scope="module")
def esc10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes in five folds of two clips: a sound, then the padding of zeros."""
    root = tmp_path_factory.mktemp("esc10")
    for number, label in enumerate(LABELS, start=1):
        for fold in range(1, 6):
            for take, length_s in (("A", 0.5), ("B", 3.0)):
                sound = tone(250.0 * number + 40 * fold, length_s, 22050, amplitude=0.1 * fold)
                padded = np.concatenate([sound, np.zeros(round((5 - length_s) * 22050), np.float32)])
                path = root / f"{number:03d} - {label}" / f"{fold}-{100 * fold}-{take}.ogg"
                path.parent.mkdir(exist_ok=True)
                soundfile.write(path, padded, 22050)
    return root


@pytest.fixture(scope="module")
def ambience(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two packages with six recordings to take, and three to leave: rain, a copy, and a farm."""
    root = tmp_path_factory.mktemp("unpacked")
    for name in ("0ad-data", "megaglest-data"):
        doc = root / name / "usr/share/doc" / name
        doc.mkdir(parents=True)
        (doc / "copyright").write_text(COPYRIGHT.format(name=name), encoding="utf-8")
    archive = root / "0ad-data/usr/share/games/0ad/mods/public/public.zip"
    archive.parent.mkdir(parents=True)
    names = ("weather/windstorm_11", "weather/snowstorm_11", "dayscape/day_one_11", "dayscape/day_one_12",
             "weather/rain_11", "building/amb_farm_10")  # fmt: skip
    with zipfile.ZipFile(archive, "w") as zipped:
        for number, name in enumerate(names):
            buffer = io.BytesIO()
            soundfile.write(buffer, noise(11.0 + number, 22050, seed=number), 22050, format="OGG")
            zipped.writestr(f"audio/ambient/{name}.ogg", buffer.getvalue())
    tiles = "usr/share/games/megaglest/tilesets"
    water = root / "megaglest-data/usr/share/games/megaglest/data/core/water_sounds"
    water.mkdir(parents=True)
    for number, name in enumerate(("spring/sounds/day", "winter/sounds/wind", "desert2/sounds/night")):
        put(root, "megaglest-data", f"{tiles}/{name}.ogg", noise(12.0, 22050, seed=40 + number), 22050)
    copied = (root / "megaglest-data" / tiles / "spring/sounds/day.ogg").read_bytes()
    copy = root / "megaglest-data" / tiles / "meadow/sounds/day.ogg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(copied)
    return root


@pytest.fixture(scope="module")
def built(esc10: Path, ambience: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built") / "scenes", esc10, ambience)


def build(out: Path, esc10: Path, ambience: Path, *options: object, code: int = 0) -> Path:
    words = ("data", "build", "scenes", out, "--esc10", esc10, "--packages-root", ambience, "--per-fold", 4, *options)
    assert main([str(word) for word in words]) == code
    return out


def test_the_folds_are_those_of_esc10(built: Path) -> None:
    rows = read_manifest(built / "snr-0-fold-2.jsonl").rows
    assert len(rows) == 20
    for row in rows:
        fold = row.meta["fold"]
        assert row.split == {2: "test", 3: "valid"}.get(fold, "train")
        events = [part for part in row.parts if part.source != "scene"]
        assert {Path(part.path).name.partition("-")[0] for part in events} == {str(fold)}
        assert row.labels == tuple(sorted({part.source for part in events}))
        assert set(row.labels) <= {"dog_bark", "rain"}
    assert main(["data", "check", str(built / "snr-0-fold-2.jsonl")]) == 0


def test_ambience_is_disjoint_and_holds_no_event(built: Path) -> None:
    rows = read_manifest(built / "snr-0.jsonl").rows
    by = {fold: {row.parts[-1].path for row in rows if row.meta["fold"] == fold} for fold in range(1, 6)}
    assert all(not by[a] & by[b] for a in by for b in by if a < b)
    files = sorted(path.stem for path in (built / "ambience").rglob("*.wav"))
    assert len(files) == 7
    assert not any("rain" in name or "farm" in name for name in files)
    # Takes of one recording are in one fold.
    assert sum(any("day_one" in path for path in own) for own in by.values()) == 1


def test_events_lose_their_padding_and_keep_their_truth(built: Path) -> None:
    for row in read_manifest(built / "snr-10.jsonl").rows[:6]:
        stems = render(row, built).stems
        for part in row.parts[:-1]:
            take = Path(part.path).stem[-1]
            assert part.duration_s == pytest.approx(0.5 if take == "A" else 2.0, abs=0.03)
        active = np.flatnonzero(sum(np.abs(stems[label][0]) for label in row.labels) > 1e-4)
        spans = [(part.onset_s, part.onset_s + part.duration_s) for part in row.parts[:-1]]
        assert all(any(on - 0.01 <= i / 32000 <= off + 0.01 for on, off in spans) for i in active[::97])


@pytest.mark.parametrize("snr", [20, 10, 0])
def test_levels_are_those_of_the_definition(built: Path, snr: int) -> None:
    for row in read_manifest(built / f"snr-{snr}.jsonl").rows[:5]:
        rendered = render(row, built)
        scene = rendered.stems["scene"][0].astype(float)
        for part in row.parts[:-1]:
            whole = read_audio(built / part.path).samples[0].astype(float)
            begin, frames = round(part.onset_s * 32000), round(part.duration_s * 32000)
            laid = rendered.stems[part.source][0][begin : begin + frames].astype(float)
            gain = np.dot(laid, whole[:frames]) / np.sum(whole[:frames] ** 2)
            level_db = 10 * np.log10(gain**2 * np.mean(whole**2) / np.mean(scene**2))
            assert level_db == pytest.approx(snr, abs=0.02)
        events = sum(stem[0] for name, stem in rendered.stems.items() if name != "scene")
        assert max(np.max(np.abs(events)), np.max(np.abs(scene))) == pytest.approx(0.5, abs=1e-5)


def test_the_draws_are_the_same_at_each_snr(built: Path) -> None:
    def placed(snr: int) -> list[list[tuple[str, float]]]:
        rows = read_manifest(built / f"snr-{snr}.jsonl").rows
        return [[(part.path, part.start_s) for part in row.parts] for row in rows]

    assert placed(20) == placed(10) == placed(0)


def test_the_same_sounds_give_the_same_bytes(built: Path, esc10: Path, ambience: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "scenes", esc10, ambience)
    for path in sorted(built.rglob("*.*")):
        assert (again / path.relative_to(built)).read_bytes() == path.read_bytes(), path.name
    licences = json.loads((built / "licences.json").read_text())
    assert set(licences) == {"0ad-data", "megaglest-data", "ESC-10"}
    files = [part.path for row in read_manifest(built / "snr-0.jsonl").rows for part in row.parts]
    assert {each["name"]: each["role"] for each in origins(files, built)} == {
        "0ad-data": "ambience",
        "ESC-10": "events",
        "megaglest-data": "ambience",
    }


def test_what_it_refuses(built: Path, esc10: Path, ambience: Path, tmp_path: Path, capsys: Capture) -> None:
    build(built, esc10, ambience, "--seed", 3, code=2)
    assert "seed: 1234 -> 3" in capsys.readouterr().err
    build(tmp_path / "a", tmp_path / "none", ambience, code=1)
    assert "no ESC-10 at" in capsys.readouterr().err
    build(tmp_path / "a", esc10, tmp_path, code=1)
    assert "apt-get install" in capsys.readouterr().err
    build(tmp_path / "a", esc10, ambience, "--snr", "loud", code=2)
    assert "--snr" in capsys.readouterr().err
    lacking = tmp_path / "lacking/001 - Dog bark"
    lacking.mkdir(parents=True)
    (lacking / "1-1-A.ogg").write_bytes((esc10 / "001 - Dog bark/1-100-A.ogg").read_bytes())
    build(tmp_path / "a", tmp_path / "lacking", ambience, code=1)
    assert "the class dog_bark has no clip of fold 2" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_silence_is_trimmed_to_nothing_and_sounds_to_themselves() -> None:
    assert trimmed(np.zeros((1, 32000), np.float32)).shape == (1, 0)
    sound = np.zeros((1, 64000), np.float32)
    sound[0, 16000:32000] = tone(400, 0.5, 32000)
    np.testing.assert_array_equal(trimmed(sound), sound[:, 16000:32000])


def test_excerpts_and_shares_of_ambience() -> None:
    def recording(name: str, blocks: int, silent: int = 0) -> Ambience:
        return Ambience(name, "", name, (0.0,) * silent + (3200.0,) * (blocks - silent))

    starts = recording("a", 103, silent=0).excerpts(10.0)
    assert [round(start, 1) for start, _ in starts] == [0.0, 0.1, 0.2, 0.3]
    assert [power for _, power in starts] == pytest.approx([1.0] * 4)
    assert recording("short", 99).excerpts(10.0) == []
    assert len(recording("pause", 210, silent=105).excerpts(10.0)) == 105
    shares = by_fold(
        [recording(name, blocks) for name, blocks in zip("abcd", (400, 300, 200, 150), strict=True)], 2, 10
    )
    assert [[each.path for each in shares[fold]] for fold in (1, 2)] == [["a", "d"], ["b", "c"]]
    with pytest.raises(DataError, match="1 recordings of ambience for 2 folds"):
        by_fold([recording("a", 400)], 2, 10)
