"""Songs mixed anew: what is shared by the stems, what is not, and that all of it is decided before rendering."""

import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from soli.data.augment import EqSpec, ReverbSpec
from soli.data.manifest import Part, Row, excerpt, played, stretched
from soli.data.render import render
from soli.data.song_mixing import SongMixer, SongMixing
from soli.errors import DataError
from soli.media.audio import write_audio
from soli.types import Array

RATE, SONGS, SECONDS = 8000, 5, 6.0
SOURCES = ("violin", "clarinet", "saxophone", "bassoon")
HZ = (880.0, 550.0, 330.0, 165.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone a source, steady and alike in all songs, at 0.1 full scale."""
    folder = tmp_path_factory.mktemp("songs")
    time_s = np.arange(round(RATE * SECONDS)) / RATE
    for source, hz in zip(SOURCES, HZ, strict=True):
        tone = (0.1 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)
        write_audio(folder / f"{source}.wav", tone[None], sample_rate=RATE)
    return folder


def songs(duration_s: float = SECONDS) -> list[Row]:
    parts = tuple(Part(source=source, path=f"{source}.wav", duration_s=duration_s) for source in SOURCES)
    return [
        Row(id=f"{n:02d}-song{n}", split="train", sample_rate=RATE, duration_s=duration_s, parts=parts)
        for n in range(1, SONGS + 1)
    ]


def mixer(duration_s: float = 2.0, *, seed: int = 3, **settings: object) -> SongMixer:
    return SongMixer(songs(), SongMixing.model_validate(settings), split="train", duration_s=duration_s, seed=seed)


def frequency(samples: Array) -> float:
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-9)
    peak = int(np.argmax(spectrum))
    below, at, above = spectrum[peak - 1 : peak + 2]
    return float((peak + 0.5 * (below - above) / (below - 2 * at + above)) * RATE / len(samples))


def test_a_row_depends_on_its_place_alone() -> None:
    there = [mixer().row(index) for index in range(6)]
    assert [mixer().row(index) for index in (4, 1)] == [there[4], there[1]]
    assert there[0] != there[1]
    assert mixer(seed=4).row(0) != there[0]
    other = SongMixer(songs(), SongMixing(), split="valid", duration_s=2.0, seed=3).row(0)
    assert (other.id, other.parts) != (there[0].id, there[0].parts)


def test_stems_sum_to_the_mixture_and_fill_it(root: Path) -> None:
    full = {"eq": EqSpec(), "room": ReverbSpec(probability=1), "microphone": EqSpec(), "incoherent": 0.5}
    for index in range(4):
        item = render(mixer(**full).row(index), root)
        assert tuple(item.stems) == SOURCES
        assert item.mixture.shape == (1, 2 * RATE)
        np.testing.assert_array_equal(item.mixture, sum(item.stems.values(), np.zeros_like(item.mixture)))
        again = render(mixer(**full).row(index), root)
        np.testing.assert_array_equal(item.mixture, again.mixture)


def test_coherent_stems_share_song_start_pitch_and_tempo(root: Path) -> None:
    for index in range(5):
        row = mixer().row(index)
        assert len(set(row.meta["songs"].values())) == 1
        assert len({(part.start_s, part.speed, part.duration_s) for part in row.parts}) == 1
        stems = render(row, root).stems
        found = [
            frequency(stems[source][0, RATE // 4 : -RATE // 4]) / hz for source, hz in zip(SOURCES, HZ, strict=True)
        ]
        semitones = row.meta["pitch_semitones"]["violin"]
        assert found == pytest.approx([2 ** (semitones / 12)] * 4, rel=1e-3)
        assert -2.05 <= semitones <= 2.05


def test_the_music_becomes_longer_by_what_was_drawn(tmp_path: Path) -> None:
    """Two clicks a second apart: whatever the pitch, the stretch alone says how far apart they are then."""
    clicks = np.zeros((1, 4 * RATE), np.float32)
    clicks[0, [RATE, 2 * RATE]] = 0.9
    write_audio(tmp_path / "violin.wav", clicks, sample_rate=RATE)
    row = Row(
        id="01-x",
        split="train",
        sample_rate=RATE,
        duration_s=4.0,
        parts=(Part(source="violin", path="violin.wav", duration_s=4.0),),
    )
    mixing = SongMixing(start_s=(0.0, 0.0), pitch_semitones=(-2, 2))
    for index in range(4):
        drawn = SongMixer([row], mixing, split="train", duration_s=3.0, seed=8).row(index)
        sound = np.abs(render(drawn, tmp_path).mixture[0])
        stretch = drawn.meta["stretch"]["violin"]
        assert 0.79 < stretch < 1.21
        first = int(np.argmax(sound[: round(1.5 * stretch * RATE)]))
        second = int(np.argmax(sound[round(1.5 * stretch * RATE) :])) + round(1.5 * stretch * RATE)
        assert first / RATE == pytest.approx(stretch, abs=0.03)
        assert (second - first) / RATE == pytest.approx(stretch, abs=0.03)


def test_without_stretching_the_tempo_follows_the_pitch() -> None:
    row = mixer(stretched=0).row(1)
    assert row.stretch == 1.0
    speed = row.parts[0].speed
    assert speed != 1.0
    assert row.meta["stretch"]["violin"] == pytest.approx(1 / speed, abs=1e-3)


def test_incoherent_stems_come_from_pieces_of_their_own() -> None:
    rows = [mixer(incoherent=1.0).row(index) for index in range(20)]
    for row in rows:
        assert row.meta["incoherent"]
        assert len(set(row.meta["songs"].values())) == 4
        assert len({part.start_s for part in row.parts}) > 1
        assert len({part.speed for part in row.parts}) > 1
        assert sum(part.duration_s for part in row.parts) == pytest.approx(4 * row.duration_s / row.stretch, rel=1e-3)
    titled = [row.model_copy(update={"meta": {"title": row.id[3:]}}) for row in songs()]
    twice = [row.model_copy(update={"id": f"1{row.id}"}) for row in titled]
    both = SongMixer([*titled, *twice], SongMixing(incoherent=1), split="train", duration_s=2.0, seed=3)
    for index in range(20):
        assert len({name.split("-")[1] for name in both.row(index).meta["songs"].values()}) == 4
    takes = [row.model_copy(update={"id": f"{n:02d}-take"}) for n, row in enumerate(songs())]
    apart = SongMixer(takes, SongMixing(incoherent=1), split="train", duration_s=2.0, seed=3)
    assert len(set(apart.row(0).meta["songs"].values())) == 4, "names of one pattern are not of one piece"
    share = np.mean([mixer(incoherent=0.3).row(index).meta["incoherent"] for index in range(400)])
    assert share == pytest.approx(0.3, abs=0.08)


def test_draws_fill_their_ranges() -> None:
    rows = [mixer(0.5).row(index) for index in range(300)]
    gains = [part.gain_db for row in rows for part in row.parts]
    assert min(gains) >= -5
    assert max(gains) <= 5
    assert np.std(gains) == pytest.approx(10 / np.sqrt(12), rel=0.05)
    assert len({row.parts[0].gain_db - row.parts[1].gain_db for row in rows}) > 290
    stretches = [row.meta["stretch"]["violin"] for row in rows]
    assert np.mean(stretches) == pytest.approx(1.0, abs=0.02)
    assert (min(stretches), max(stretches)) == pytest.approx((0.8, 1.2), abs=0.02)
    starts = [row.parts[0].start_s for row in rows]
    assert max(starts) <= SECONDS - 0.5 / 1.4
    assert min(starts) < 0.5
    assert {row.meta["songs"]["violin"] for row in rows} == {f"{n:02d}-song{n}" for n in range(1, SONGS + 1)}


def test_sources_that_do_not_sound_are_named_and_silent(root: Path) -> None:
    weights = (0.1, 0.2, 0.3, 0.4)
    rows = [mixer(present=weights).row(index) for index in range(500)]
    counts = np.bincount([len(row.labels) for row in rows], minlength=5)[1:] / len(rows)
    assert counts == pytest.approx(weights, abs=0.07)
    alone = next(row for row in rows if len(row.labels) == 1)
    assert alone.stems == SOURCES
    item = render(alone, root)
    silent = [source for source in SOURCES if source not in alone.labels]
    assert not any(item.stems[source].any() for source in silent)
    assert item.stems[alone.labels[0]].any()
    heard = np.mean([["violin" in row.labels, "bassoon" in row.labels] for row in rows], axis=0)
    assert heard == pytest.approx([0.75, 0.75], abs=0.08)


def test_a_song_shorter_than_the_item_ends_in_silence(root: Path) -> None:
    item = render(mixer(8.0, stretch=(1, 1), pitch_semitones=(0, 0)).row(0), root)
    sounding = np.abs(item.mixture[0]) > 1e-6
    assert sounding[: round(5.9 * RATE)].any()
    assert not sounding[round(6.1 * RATE) :].any()


def test_effects_are_drawn_a_stem_and_a_microphone_an_item() -> None:
    row = mixer(eq={"probability": 1}, room={"probability": 1}, microphone={"probability": 1}).row(0)
    assert [effect.kind for effect in row.parts[0].effects] == ["eq", "reverb"]
    assert row.parts[0].effects[0] != row.parts[1].effects[0]
    assert [effect.kind for effect in row.effects] == ["eq"]
    assert not any(part.effects for part in mixer().row(0).parts)


def test_seconds_of_a_stretched_row_are_those_that_one_hears(root: Path) -> None:
    row = stretched(played(songs()[0], 1.25), 9.6)
    assert row.stretch == pytest.approx(2.0)
    assert row.parts[0].speed == 1.25
    cut = excerpt(row, start_s=4.0, duration_s=3.0)
    assert (cut.parts[0].start_s, cut.parts[0].duration_s) == pytest.approx((2.5, 1.5))
    assert (cut.laid_frames, cut.frames) == (1.5 * RATE, 3 * RATE)
    sound = render(cut, root).stems["bassoon"][0]
    assert len(sound) == 3 * RATE
    assert frequency(sound[RATE:-RATE]) == pytest.approx(1.25 * 165.0, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stretch": (1.2, 0.8)}, "stretch falls from 1.2 to 0.8"),
        ({"stretch": (0.1, 1.0)}, "between 0.5 and 2"),
        ({"pitch_semitones": (-20, 2)}, "between -12 and 12"),
        ({"start_s": (-1, 2)}, "start_s .* between 0 and"),
        ({"gain_db": (0, math.inf)}, "gain_db .* between -120 and 120"),
        ({"gain_db": (math.nan, 0)}, "gain_db .* between -120 and 120"),
        ({"eq": {"gain_db": (3, -3)}}, r"eq\.gain_db falls from 3 to -3"),
        ({"eq": {"range_hz": (0, 900)}}, r"eq\.range_hz .* between 10 and"),
        ({"microphone": {"range_hz": (900, 900)}}, r"microphone\.range_hz .* an octave"),
        ({"room": {"rt60_s": (1, 9)}}, r"room\.rt60_s .* between 0\.001 and 5"),
        ({"band": {"orders": ()}}, r"band\.orders \[\] must"),
        ({"band": {"high_hz": (0,)}}, r"band\.high_hz"),
        ({"present": (0, 0)}, "weight 0"),
        ({"incoherent": 1.5}, "less than or equal to 1"),
        ({"tempo": 1}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SongMixing.model_validate(settings)


def test_the_ends_of_all_ranges_can_be_rendered(root: Path) -> None:
    ends = {
        "eq": {"probability": 1, "range_hz": (10, 20), "points": 32, "gain_db": (120, 120)},
        "room": {"probability": 1, "rt60_s": (5, 5), "delay_s": (0, 0), "direct_db": (-120, -120)},
        "microphone": {"probability": 1, "range_hz": (10, 400_000)},
        "band": {"probability": 1, "orders": (200,), "high_hz": (1e-3,)},
        "gain_db": (-120, -120),
    }
    assert np.isfinite(render(mixer(0.5, **ends).row(0), root).mixture).all()


def test_songs_that_cannot_be_mixed_are_refused() -> None:
    other = songs()[0].model_copy(update={"sample_rate": 16000})
    with pytest.raises(DataError, match=r"sample rates \[8000, 16000\]"):
        SongMixer([*songs(), other], SongMixing(), split="train", duration_s=1, seed=0)
    for end, total in ((0.5, "0.25"), (2.0, "4")):
        pitch = 12 if end > 1 else -12
        assert mixer(stretch=(end, end), pitch_semitones=(pitch, pitch)).row(0).stretch == float(total)
        twice = [row.model_copy(update={"stretch": end}) for row in songs()]
        mixing = SongMixing(stretch=(end, end), pitch_semitones=(pitch, pitch))
        with pytest.raises(DataError, match=rf"times; wanted (greater|less) than or equal to {total}"):
            SongMixer(twice, mixing, split="train", duration_s=1, seed=0)
        SongMixer(twice, mixing.model_copy(update={"stretched": 0.0}), split="train", duration_s=1, seed=0)
    with pytest.raises(DataError, match="up to 5 sources; the songs have violin"):
        mixer(present=(0, 0, 0, 0, 1))
