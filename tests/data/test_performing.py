"""A performance is drawn by its seed alone, stays within its instruments, and sounds as it says."""

from itertools import pairwise

import numpy as np
import pytest
from made_chorales import score
from made_fonts import quartet_sf2

from soli.data.corpora.chorale_scores import Score
from soli.data.corpora.fonts import samplers
from soli.data.corpora.performance import Performance, PlayedNote, Player, Vibrato
from soli.data.corpora.performing import perform
from soli.data.corpora.phrasing import draw_tempo, phrases
from soli.data.corpora.players import CHAIRS, SOPRANO_SAXOPHONE, TENOR_SAXOPHONE
from soli.data.corpora.playing import play_note, render
from soli.data.corpora.room import draw_room, draw_seats, responses
from soli.data.corpora.sampler import RATE, Sampler
from soli.types import Array

ALL = {voice.program: voice for chair in CHAIRS for voice in chair.voices}


def drawn(number: int = 1, *, split: str = "train", of: Score | None = None, seed: int = 0) -> Performance:
    return perform(of or score("1"), split=split, number=number, seed=seed, fonts=[ALL])


@pytest.fixture(scope="module")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Sampler]:
    """All programs, each with the sound of one."""
    found = samplers(quartet_sf2(tmp_path_factory.mktemp("fonts") / "font.sf2"))
    return {program: found.get(program, found[65]) for program in ALL}


def test_the_seed_the_split_and_the_number_decide() -> None:
    assert drawn() == drawn()
    different = [drawn(), drawn(2), drawn(split="test"), drawn(seed=1)]
    assert len({each.model_dump_json() for each in different}) == 4


def test_what_is_kept_is_what_was_drawn() -> None:
    assert Performance.model_validate_json(drawn().model_dump_json()) == drawn()


def test_every_note_is_within_its_instrument() -> None:
    """Also where a part as it is written leaves it: here by more than two octaves."""
    for number in range(1, 30):
        for player in drawn(number, of=score("1", transposed=-9 if number % 2 else 20)).players:
            low, high = ALL[player.program].keys
            assert all(low <= note.pitch <= high for note in player.notes)


def test_intervals_are_kept_where_the_range_allows() -> None:
    performance = drawn()
    for player, pitches in zip(
        performance.players, zip(*((67, 62, 59, 43), (69, 64, 60, 48)), strict=True), strict=True
    ):
        assert player.notes[0].pitch - performance.transposed == pitches[0]
        assert player.notes[1].pitch - performance.transposed == pitches[1]


def test_families_play_in_training_alone() -> None:
    trained = [drawn(number).players[2].program for number in range(1, 60)]
    assert set(trained) >= {65, TENOR_SAXOPHONE.program}
    assert set(trained) <= {65, TENOR_SAXOPHONE.program, SOPRANO_SAXOPHONE.program}
    assert {drawn(number, split="test").players[2].program for number in range(1, 30)} == {65}


def test_a_players_font_is_drawn_alone_of_those_that_have_the_instrument() -> None:
    """And whatever fonts there are, all else is played the same."""
    without_bassoon = {program: voice for program, voice in ALL.items() if program != 70}
    casts: set[tuple[int, ...]] = set()
    for number in range(1, 61):
        among = perform(score("1"), split="train", number=number, seed=0, fonts=[ALL, without_bassoon, {65: ALL[65]}])
        fonts = tuple(player.font for player in among.players)
        casts.add(fonts)
        plain = tuple(player.model_copy(update={"font": 0}) for player in among.players)
        assert among.model_copy(update={"players": plain}) == drawn(number)
        assert fonts[2] < 2 or among.players[2].program == 65
    violin, clarinet, saxophone, bassoon = (set(each) for each in zip(*casts, strict=True))
    assert (violin, clarinet, saxophone, bassoon) == ({0, 1}, {0, 1}, {0, 1, 2}, {0})
    assert len(casts) == 2 * 2 * 3


def test_each_player_plays_the_font_that_was_drawn(instruments: dict[int, Sampler], sine: Sampler) -> None:
    performance = drawn()
    violin, *others = performance.players
    moved = performance.model_copy(update={"players": (violin.model_copy(update={"font": 1}), *others)})
    before, after = (render(each, [instruments, {40: sine}]).stems for each in (performance, moved))
    # What changes one player changes the level of the mix, so the others are the same but for one factor, and rounding.
    alike = {name: float(np.corrcoef(before[name], after[name])[0, 1]) for name in before}
    assert {name for name, value in alike.items() if value > 0.9999} == {"clarinet", "saxophone", "bassoon"}


def test_players_are_nearly_together_and_never_quite() -> None:
    onsets = np.array(
        [[note.onset_s for note in player.notes] for number in range(1, 40) for player in drawn(number).players]
    ).reshape(-1, 4, 4)
    apart = onsets - onsets.mean(axis=1, keepdims=True)
    assert 0.005 < apart.std() < 0.03
    assert np.abs(apart).max() < 0.1
    assert (np.diff(onsets, axis=2) > 0).all()


def test_a_fermata_is_held_and_the_end_is_slower() -> None:
    chorale = score("1")
    for seed in range(20):
        bpm, tempo = draw_tempo(chorale, np.random.default_rng(seed))
        beat = 60 / bpm
        assert tempo.at(5) - tempo.at(3) > 2 * 1.2 * beat
        assert 0.8 * beat < tempo.at(1) - tempo.at(0) < 1.4 * beat
    assert [(phrase.last, phrase.end, phrase.held) for phrase in phrases(chorale)] == [(3, 5, True)]


def test_notes_that_are_bound_overlap_and_others_do_not() -> None:
    bound = parted = 0
    for number in range(1, 30):
        for player in drawn(number).players:
            for before, after in pairwise(player.notes):
                if after.skip_s:
                    assert before.offset_s == pytest.approx(after.onset_s, abs=2e-4)
                    assert after.attack_s == before.release_s
                    bound += 1
                else:
                    assert before.offset_s < after.onset_s
                    parted += 1
    assert min(bound, parted) > 100


def quiet_player(**more: object) -> Player:
    """A player who does nothing by himself."""
    plain = drawn().players[0]
    still = {"unsteady_cents": 0.0, "unsteady_db": 0.0, "bright": 0.0, "shift": 0.0, "body": (), **more}
    return plain.model_copy(update=still)


def note(**more: object) -> PlayedNote:
    plain = PlayedNote(
        pitch=69,
        cents=0,
        onset_s=0,
        duration_s=3,
        attack_s=0.02,
        release_s=0.05,
        velocity=90,
        level_db=0,
        swell_db=(0, 0),
        seed=1,
    )
    return plain.model_copy(update=more)


def course(sound: Array) -> np.ndarray:
    """Cents above 440 Hz in time, from zero crossings of a sine."""
    negative = sound < 0
    at = np.flatnonzero(negative[:-1] & ~negative[1:])
    exact = at - sound[at] / (sound[at + 1] - sound[at])
    return np.stack([exact[1:] / RATE, 1200 * np.log2(RATE / np.diff(exact) / 440)])


@pytest.fixture(scope="module")
def sine(tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    return samplers(quartet_sf2(tmp_path_factory.mktemp("fonts") / "sine.sf2", partials=(1.0,)))[40]


def test_vibrato_has_the_rate_and_depth_that_were_drawn(sine: Sampler) -> None:
    vibrato = Vibrato(hz=5.5, cents=25, delay_s=0.3, phase=0)
    sound, _ = play_note(note(vibrato=vibrato, cents=7), quiet_player(), sine)
    times_s, cents = course(sound)
    before = cents[(times_s > 0.05) & (times_s < 0.28)]
    assert np.abs(before - 7).max() < 2
    swinging = (times_s > 1) & (times_s < 2.9)
    even = np.arange(1.0, 2.9, 0.01)
    levels = np.abs(np.fft.rfft((np.interp(even, times_s, cents) - 7) * np.hanning(len(even)), 4096))
    assert np.fft.rfftfreq(4096, 0.01)[levels.argmax()] == pytest.approx(5.5, abs=0.3)
    assert np.std(cents[swinging]) * np.sqrt(2) == pytest.approx(25, rel=0.25)


def test_a_bound_note_glides_to_its_pitch(sine: Sampler) -> None:
    sound, _ = play_note(note(glide_cents=-80, glide_s=0.06), quiet_player(), sine)
    times_s, cents = course(sound)
    assert cents[0] < -50
    assert np.abs(cents[(times_s > 0.2) & (times_s < 2.9)]).max() < 2


def test_level_follows_what_was_drawn(sine: Sampler) -> None:
    sound, level = play_note(note(level_db=-6, swell_db=(-3, -12)), quiet_player(), sine)

    def rms_db(at_s: float) -> float:
        part = sound[round(at_s * RATE) : round((at_s + 0.05) * RATE)]
        return 20 * float(np.log10(np.sqrt(np.mean(part**2))))

    assert [rms_db(at_s) for at_s in (0.05, 1.2, 2.9)] == pytest.approx([-8.9, -6, -17.5], abs=0.6)
    assert level[0] == 0
    assert abs(level[-1]) < 1e-3


def test_louder_notes_are_brighter(instruments: dict[int, Sampler]) -> None:
    def share(level_db: float) -> float:
        sound, _ = play_note(note(level_db=level_db), quiet_player(bright=0.8, bright_hz=1000.0), instruments[40])
        power = np.abs(np.fft.rfft(sound[RATE : 2 * RATE])) ** 2
        return float(power[1000:].sum() / power.sum())

    assert share(6) > 1.5 * share(-6)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_the_mix_is_the_sum_of_the_stems_and_nothing_clips(instruments: dict[int, Sampler], number: int) -> None:
    quartet = render(drawn(number), [instruments])
    assert set(quartet.stems) == {"violin", "clarinet", "saxophone", "bassoon"}
    total = sum(stem.astype(np.int64) for stem in quartet.stems.values())
    np.testing.assert_array_equal(total, quartet.mixture)
    assert max(np.abs(stem.astype(int)).max() for stem in (quartet.mixture, *quartet.stems.values())) < 0.96 * 32768
    assert all(np.abs(stem).max() > 300 for stem in quartet.stems.values())


def test_a_players_gain_changes_nothing_but_the_level(instruments: dict[int, Sampler]) -> None:
    """All is linear: with one player louder, each stem is the same but for one factor, and rounding."""
    whole = next(each for each in map(drawn, range(1, 20)) if each.room is not None)
    violin, *others = whole.players
    louder = violin.model_copy(update={"gain_db": violin.gain_db + 3})
    before = render(whole, [instruments]).stems
    after = render(whole.model_copy(update={"players": (louder, *others)}), [instruments]).stems
    factors = {}
    for name, stem in before.items():
        factors[name] = float(
            np.vdot(stem.astype(float), after[name]) / np.vdot(stem.astype(float), stem.astype(float))
        )
        assert np.abs(after[name] - factors[name] * stem).max() < 2
    assert 20 * np.log10(factors["violin"] / factors["bassoon"]) == pytest.approx(3, abs=0.01)
    assert factors["clarinet"] == pytest.approx(factors["bassoon"], rel=1e-3)


def test_a_room_rings_as_long_as_it_says_and_seats_differ() -> None:
    rng = np.random.default_rng(3)
    for _ in range(3):
        room = draw_room(rng).model_copy(update={"direct_db": 0.0})
        seats = draw_seats(room, 4, rng)
        found = responses(room, seats, sample_rate=RATE)
        firsts = [int(np.flatnonzero(np.abs(each) > 0.05)[0]) for each in found]
        assert min(firsts) == 0
        assert max(firsts) < 0.012 * RATE
        left_db = 10 * np.log10(np.cumsum(found[0][::-1].astype(float) ** 2)[::-1])
        left_db -= left_db[0]
        fifth, twentyfifth = (int(np.argmax(left_db < level)) for level in (-5, -25))
        ring_s = (twentyfifth - fifth) / RATE * 3
        assert 0.7 * min(room.ring_s) < ring_s < 1.3 * max(room.ring_s)
