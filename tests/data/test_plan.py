"""Plans are made of numbers, depend on nothing but (seed, split, index), and keep to spec and split."""

import json
from pathlib import Path

import numpy as np
import pytest

from soli.data.levels import active_power
from soli.data.library import Library, Sound
from soli.data.manifest import read_manifest
from soli.data.plan import Planner, plan_manifest
from soli.data.pools import NoisePool, SpeechPool
from soli.data.render import render
from soli.data.spec import Condition, MixSpec, NoiseSpec, SpeechSpec, read_spec
from soli.errors import DataError, UsageError

SPEC = MixSpec(name="tiny")
ROWS = 80


@pytest.fixture(scope="module")
def planner(library: Library) -> Planner:
    return Planner(SPEC, library, seed=4)


def sounds_of(library: Library) -> dict[str, Sound]:
    return {sound.path: sound for sound in library.sounds}


def test_a_row_does_not_depend_on_the_rows_before_it(library: Library, planner: Planner) -> None:
    rows = list(planner.rows("train", 12))
    again = Planner(SPEC, library, seed=4)
    assert [again.row("train", index) for index in reversed(range(12))] == rows[::-1]
    assert again.row("valid", 0) != rows[0]
    assert Planner(SPEC, library, seed=5).row("train", 0) != rows[0]
    assert len({row.model_dump_json() for row in rows}) == 12


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_row_uses_its_split_alone(library: Library, planner: Planner, split: str) -> None:
    sounds = sounds_of(library)
    used = {part.path for row in planner.rows(split, ROWS) for part in row.parts if part.path}
    assert {sounds[path].split for path in used} == {split}
    assert {sounds[path].kind for path in used} == {"speech", "noise"}


def test_parts_lie_within_their_files_and_cover_the_item(library: Library, planner: Planner) -> None:
    sounds = sounds_of(library)
    for row in planner.rows("train", ROWS):
        for part in row.parts:
            if part.path:
                sound = sounds[part.path]
                assert part.sha256 == sound.sha256
                assert part.start_s + part.duration_s * part.speed <= sound.duration_s + 0.001
        speech = [part for part in row.parts if part.source == "voice"]
        if speech:
            ends = [part.onset_s + part.duration_s for part in speech]
            assert all(part.onset_s - end <= 0.601 for part, end in zip(speech[1:], ends, strict=False))
            assert ends[-1] >= row.duration_s - 0.65
            assert len({part.effects for part in speech}) == 1
            assert {sounds[part.path].speaker for part in speech} == {row.meta["speaker"].partition("/")[2]}


def test_speed_keeps_to_its_range_and_gives_round_rates(library: Library, planner: Planner) -> None:
    sounds = sounds_of(library)
    speeds = {"voice": [], "noise": []}
    for row in planner.rows("train", ROWS):
        for part in row.parts:
            if part.path and row.meta.get("noise") != "babble":
                speeds[part.source].append(part.speed)
                rate = sounds[part.path].sample_rate * part.speed
                assert part.speed == 1.0 or abs(rate / 100 - round(rate / 100)) < 1e-6
    # Rounding to 100 Hz moves a 16 kHz file's speed by at most 0.4 %.
    assert 0.845 <= min(speeds["voice"]) < 0.95 < 1.05 < max(speeds["voice"]) <= 1.155
    assert 0.695 <= min(speeds["noise"]) < 0.8 < 1.2 < max(speeds["noise"]) <= 1.405


def test_babble_is_other_speakers_and_never_the_one_to_keep(library: Library) -> None:
    spec = MixSpec(name="babble", noise=NoiseSpec(one=0, two=0, babble=1), clean=0, noise_only=0)
    sounds = sounds_of(library)
    for row in Planner(spec, library).rows("train", 20):
        talking = {sounds[part.path].speaker for part in row.parts if part.source == "noise" and part.path}
        assert 4 <= len(talking) <= 5
        assert row.meta["speaker"].partition("/")[2] not in talking


def test_shares_of_special_items_are_near_what_is_asked(library: Library) -> None:
    spec = MixSpec(name="special", clean=0.3, noise_only=0.3)
    labels = [row.labels for row in Planner(spec, library).rows("train", 300)]
    for wanted in (("voice",), ("noise",)):
        assert labels.count(wanted) / 300 == pytest.approx(0.3, abs=0.08)


def test_a_rendered_plan_has_the_snr_and_the_level_it_says(library: Library) -> None:
    spec = MixSpec(name="levels", level_dbfs=(-40, -20), clean=0, noise_only=0)
    for row in Planner(spec, library).rows("train", 12):
        rendered = render(row, library.root)
        power, _ = active_power(rendered.stems["voice"], sample_rate=row.sample_rate)
        noise_power = np.mean(np.square(rendered.stems["noise"], dtype=np.float64))
        assert 10 * np.log10(power / noise_power) == pytest.approx(row.meta["snr_db"], abs=0.02)
        level_db = 10 * np.log10(np.mean(np.square(rendered.mixture, dtype=np.float64)))
        peak = np.max(np.abs(rendered.mixture))
        assert level_db == pytest.approx(row.mix.level_dbfs, abs=0.02) or peak == pytest.approx(0.99, abs=1e-3)


def test_conditions_make_a_grid_in_order(library: Library) -> None:
    conditions = (
        Condition(name="low", count=3, snr_db=0.0),
        Condition(name="narrow", count=2, snr_db=15.0, low_hz=300, high_hz=3400, min_bandwidth_hz=9000),
    )
    spec = MixSpec(name="grid", duration_s=2.0, conditions=conditions)
    rows = list(Planner(spec, library).rows("test", 5))
    assert [row.meta["condition"] for row in rows] == ["low"] * 3 + ["narrow"] * 2
    assert [row.mix.snr_db for row in rows] == [0.0] * 3 + [15.0] * 2
    assert [bool(row.effects) for row in rows] == [False] * 3 + [True] * 2
    assert all(row.labels == ("noise", "voice") for row in rows)
    sounds = sounds_of(library)
    narrow = [sounds[part.path] for part in rows[3].parts if part.source == "voice"]
    assert all(sound.bandwidth_hz >= 9000 for sound in narrow)


def test_a_library_that_lacks_what_the_spec_asks_is_named(library: Library) -> None:
    with pytest.raises(DataError, match="no train speech of 30000 Hz bandwidth"):
        Planner(MixSpec(name="x", speech=SpeechSpec(min_bandwidth_hz=30000)), library).row("train", 0)
    speech_only = Library(tuple(s for s in library.sounds if s.kind == "speech"), library.root)
    with pytest.raises(DataError, match="no test noise"):
        Planner(SPEC, speech_only).row("test", 0)
    weights = NoiseSpec(weights={"rain": 0, "hiss": 0, "knock": 0})
    with pytest.raises(DataError, match="leave no class of noise"):
        Planner(MixSpec(name="x", noise=weights), library).row("train", 0)


def test_small_groups_are_heard_more_often_than_their_length_alone_would_say(library: Library) -> None:
    clips = library.of("speech", "train")
    long = [
        clip.model_copy(update={"frames": 100 * clip.frames}) if clip.speaker == "l0-one" else clip for clip in clips
    ]
    pool = SpeechPool(long)
    rng = np.random.default_rng(0)
    drawn = [pool.draw_speaker(rng) for _ in range(3000)]
    # 100 x as much speech, 10 x as often: 10 / (10 + 5) of the draws.
    assert drawn.count("made/l0-one") / 3000 == pytest.approx(10 / 15, abs=0.04)


def test_weights_of_noise_classes_multiply(library: Library) -> None:
    sounds = [s.model_copy(update={"frames": s.sample_rate}) for s in library.of("noise", "train")]
    rng = np.random.default_rng(0)
    pool = NoisePool(sounds, {"rain": 3.0, "knock": 0.0})
    drawn = [pool.draw(rng).class_ for _ in range(2000)]
    assert drawn.count("knock") == 0
    assert drawn.count("rain") / 2000 == pytest.approx(0.75, abs=0.04)


def test_plan_manifest_writes_paths_that_work_from_its_own_folder(library: Library, tmp_path: Path) -> None:
    spec = tmp_path / "two.yaml"
    spec.write_text("duration_s: 1.5\nspeech: {max_floor_db: -10}\n")
    planned = plan_manifest(library.root, spec=str(spec), split="valid", out=tmp_path / "plans/v.jsonl", count=3)
    manifest = read_manifest(planned.manifest)
    assert (planned.rows, planned.sha256, len(manifest.rows)) == (3, manifest.sha256, 3)
    assert {row.spec for row in manifest.rows} == {"two"}
    for row in manifest.rows:
        assert render(row, manifest.root).mixture.shape == (1, 72000)
    again = plan_manifest(library.root, spec=str(spec), split="valid", out=tmp_path / "plans/w.jsonl", count=3)
    assert again.sha256 == planned.sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("snr_db: 3", "snr_db"),
        ("speech: {pauses: [0, 1]}", "speech.pauses: Extra inputs are not permitted"),
        ("clean: 0.7\nnoise_only: 0.7", "clean and noise_only together pass 1"),
        ("a: [1", "is not YAML"),
        ("- 1", "is no mapping"),
    ],
)
def test_a_wrong_spec_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_spec(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_unknown_names_come_with_near_ones(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean voice-train"):
        read_spec("voice-trian")
    with pytest.raises(UsageError, match="no split is called training; did you mean train"):
        plan_manifest(library.root, spec="voice-train", split="training", out=tmp_path / "m.jsonl", count=1)
    with pytest.raises(UsageError, match="does not say how many rows; give --count"):
        plan_manifest(library.root, spec="voice-train", split="train", out=tmp_path / "m.jsonl")


def test_the_shipped_specs_are_whole() -> None:
    assert read_spec("voice-train").rows is None
    test = read_spec("voice-test")
    assert test.rows == sum(condition.count for condition in test.conditions) > 300
    full = {c.snr_db for c in test.conditions if c.high_hz is None}
    narrow = {c.snr_db for c in test.conditions if c.high_hz is not None}
    assert (full, narrow) == ({0, 5, 10, 15}, {15, 20})
    assert read_spec("voice-valid").duration_s == 6.0


def test_meta_is_plain_json(planner: Planner) -> None:
    for row in planner.rows("train", 10):
        assert json.loads(json.dumps(row.meta)) == row.meta
