"""Folds of songs, and the chorales that are for testing alone."""

import pytest

from soli.data.corpora.bach10_songs import HELD_OUT, SONGS, held_out_songs, is_held_out
from soli.data.folds import leaks, leave_one_out, song_names
from soli.data.manifest import Part, Row
from soli.data.song_mixing import SongMixer, SongMixing
from soli.errors import DataError, UsageError
from trees import BACH10_PIECES


def song(name: str, *, split: str = "all", sha256: str = "", **meta: object) -> Row:
    part = Part(source="violin", path=f"{name}.wav", sha256=sha256 or f"hash of {name}", duration_s=1.0)
    return Row(id=name, split=split, sample_rate=44100, duration_s=1.0, parts=(part,), meta=meta)


TEN = [song(name) for name in BACH10_PIECES]


def split_of(rows: list[Row]) -> dict[str, list[str]]:
    return {split: [row.id[:2] for row in rows if row.split == split] for split in ("train", "valid", "test")}


def test_each_song_is_left_out_in_turn() -> None:
    tested = set()
    for number in range(1, 11):
        fold = split_of(leave_one_out(TEN, number))
        assert fold["test"] == [f"{number:02d}"]
        assert fold["valid"] == [f"{number % 10 + 1:02d}"]
        assert len(fold["train"]) == 8
        tested |= set(fold["test"])
        assert leaks(leave_one_out(TEN, number)) == []
    assert len(tested) == 10


def test_all_rows_of_a_song_go_together() -> None:
    rows = [song(f"{font}/{name}", song=int(name[:2]), title=name[3:]) for font in "ab" for name in BACH10_PIECES]
    fold = leave_one_out(rows, 4)
    assert [row.id for row in fold if row.split == "test"] == ["a/04-ChristeDuBeistand", "b/04-ChristeDuBeistand"]
    assert sum(row.split == "train" for row in fold) == 16


def test_a_song_outside_the_set_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no song 11 to leave out; wanted one of 1, 2, 3, 4, 5"):
        leave_one_out(TEN, 11)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (TEN[:2], "2 songs cannot be divided"),
        ([*TEN, song("ode")], "row ode is of no numbered song"),
        ([song("01-a", split="test"), song("02-b", split="train")], "divided into test, train already"),
        ([*TEN, song("11-achgottundherr")], "train and 01-AchGottundHerr of test are both of the song achgottundherr"),
        ([*TEN, song("11-x", sha256="hash of 03-ChristederdubistTagundLicht")], "03-Christeder"),
    ],
)
def test_what_cannot_be_divided_is_said(rows: list[Row], said: str) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        leave_one_out(rows[::-1], 3 if "03-" in said else 1)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_leak_is_found_by_name_and_by_content() -> None:
    clean = [song(f"0{n}-{name}", split=name, title=name.upper()) for n, name in enumerate(("train", "valid", "test"))]
    assert leaks(clean) == []
    by_name = [*clean, song("x/04", split="train", title="Test")]
    assert leaks(by_name) == ["x/04 of train and 02-test of test are both of the song test"]
    by_content = [*clean, song("05-e", split="valid", sha256="hash of 02-test")]
    assert leaks(by_content) == ["05-e of valid has a file in common with 02-test of test"]
    assert leaks([*clean, song("00-train", split="train_small", title="Train")]) == []
    own = [*clean, song("06", split="extra", title="Test")]
    assert leaks(own) == ["02-test of test and 06 of extra are both of the song test"]


def test_numbered_names_are_no_songs_unless_one_is_left_out() -> None:
    takes = [song("001-take", split="train"), song("002-take", split="test"), song("003-take", split="valid")]
    assert leaks(takes) == []
    assert leaks(takes, by_id=True)[0] == "001-take of train and 003-take of valid are both of the song take"
    with pytest.raises(DataError, match="both of the song take"):
        leave_one_out([row.model_copy(update={"split": "all"}) for row in takes], 1)


@pytest.mark.parametrize("incoherent", [0, 1])
def test_a_mixture_is_of_the_songs_that_sound_in_it(incoherent: float) -> None:
    """Another performance of a song, under another name, is told in the mixture of it, and in a mixture of mixtures."""
    ode = song("a/0001", split="train", title="Ode")
    mixing = SongMixing(incoherent=incoherent)
    mixed = SongMixer([ode], mixing, split="train", duration_s=0.5, seed=0).row(0)
    again = SongMixer([mixed], mixing, split="train", duration_s=0.5, seed=0).row(0)
    other = song("b/0009", split="test", title="ode")
    for row in (mixed, again):
        assert song_names(row) == {"ode"}
        assert leaks([row, other]) == ["train-000000 of train and b/0009 of test are both of the song ode"]
        assert leaks([row, song("b/0010", split="test", title="Elegy")]) == []


def test_bach10s_songs_are_held_out_by_number_and_by_title() -> None:
    assert tuple(entry.folder for entry in SONGS) == BACH10_PIECES
    assert len(HELD_OUT) > len(SONGS)
    for name in ("bwv255", "0007-bwv326.2", "BWV 385", "bwv0283", *BACH10_PIECES):
        assert is_held_out(name), name
    for name in ("Für deinen Thron tret ich hiermit", "Die Sonn hat sich mit ihrem Glanz", "Nun bitten wir"):
        assert is_held_out(name), name
    for name in ("bwv2.6", "bwv25", "bwv2550", "Herr Gott, dich loben wir", "Jesu, meine Freude", "0255-bwv7.7"):
        assert not is_held_out(name), name
    assert not is_held_out("jesus-4"), "nothing but a name"


def test_a_chorale_of_bach10_may_only_be_tested_on() -> None:
    rows = [song("0001-bwv7.7", split="train"), song("0001-bwv255", split="test"), song("0002-bwv8.6", split="valid")]
    assert held_out_songs(rows) == []
    found = held_out_songs([*rows, song("0003-bwv296", split="valid")])
    assert found == ["row 0003-bwv296 of split valid is a chorale of Bach10, which is for testing only"]
    assert held_out_songs(leave_one_out(TEN, 1)) == []


def test_only_a_fold_of_bach10_may_use_its_chorales_and_only_to_train_and_validate() -> None:
    fold = leave_one_out(TEN, 1)
    assert held_out_songs(fold, used=[row for row in fold if row.split != "test"]) == []
    assert [line.split()[1] for line in held_out_songs(fold, used=fold)] == ["01-AchGottundHerr"]
    trained = [row.model_copy(update={"split": "train"}) for row in TEN]
    assert len(held_out_songs(trained)) == 10
    assert len(held_out_songs(TEN, used=TEN)) == 10
    assert len(held_out_songs([*fold, song("0001-bwv7.7", split="train")])) == 9


def test_a_mixture_of_held_out_chorales_is_held_out() -> None:
    for row in (song("0001-bwv255", split="train"), song("x", split="train", title="Nun bitten wir")):
        mixed = SongMixer([row], SongMixing(), split="train", duration_s=0.5, seed=0).row(0)
        assert len(held_out_songs([row, song("0002-bwv7.7", split="train")])) == 1
        assert len(held_out_songs([mixed, song("0002-bwv7.7", split="train")])) == 1
