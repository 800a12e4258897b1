"""Scores: what MusicXML says, and which split a chorale is for."""

import importlib.util
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_chorales import keep_scores, score, scores

from soli.data.corpora.bach10_songs import is_held_out
from soli.data.corpora.chorale_scores import SCORES_NAME, Score, read_scores, splits_of
from soli.data.corpora.musicxml import Note, read_musicxml
from soli.data.corpora.tunes import by_tune
from soli.errors import DataError, MissingExtraError

HEAD = '<score-partwise><part-list><score-part id="P1"><part-name>Soprano </part-name></score-part></part-list>'
BODY = """<part id="P1"><measure><attributes><divisions>2</divisions></attributes><sound tempo="72"/>
<note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>3</duration></note>
<note><grace/><pitch><step>C</step><octave>4</octave></pitch></note>
<note><rest/><duration>1</duration></note>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><tie type="start"/></note>
</measure><measure>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration><tie type="stop"/>
<notations><fermata/></notations></note>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration></note>
<note><chord/><pitch><step>E</step><octave>4</octave></pitch><duration>2</duration></note>
<backup><duration>2</duration></backup>
<note><pitch><step>A</step><octave>3</octave></pitch><duration>2</duration><voice>2</voice></note>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration></note>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration></note>
</measure></part></score-partwise>"""
NOTES = [
    Note(66, 0.0, 1.5, False),
    Note(67, 2.0, 3.0, True),
    Note(64, 5.0, 1.0, False),
    Note(67, 6.0, 0.5, False),
    Note(67, 6.5, 0.5, False),
]


# One tune each, though some have other beginnings, upbeats or passing notes.
KIN = [
    ("385", "169.7", "197.5"),
    ("283", "245.15", "245.37"),
    ("365", "145-a"),
    ("94.8", "398", "128.5"),
    ("45.7", "197.7-a"),
    ("185.6", "177.5"),
    ("119.9", "120.6"),
]


def sung(bwv: str, notes: list[int], *, between: int = 0) -> Score:
    """A score of this melody, a note a beat; with `between`, each note is halved and left by step."""
    beats = enumerate(notes)
    if between:
        soprano = tuple(
            Note(each, at + half / 2, 0.5, False) for at, note in beats for half, each in enumerate((note, note + 1))
        )
    else:
        soprano = tuple(Note(note, float(at), 1.0, False) for at, note in beats)
    return Score(bwv=bwv, bpm=None, parts={**score("1").parts, "soprano": soprano})


@pytest.mark.parametrize("compressed", [False, True])
def test_musicxml_gives_the_notes(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / ("a.mxl" if compressed else "a.xml")
    if compressed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/container.xml", '<c><rootfiles><rootfile full-path="x.xml"/></rootfiles></c>')
            archive.writestr("x.xml", HEAD + BODY)
    else:
        path.write_text(HEAD + BODY)
    (part,) = read_musicxml(path)
    assert (part.name, part.bpm) == ("Soprano", 72)
    assert part.notes == NOTES


@pytest.mark.parametrize("text", ["", "<score-partwise>", "<score-partwise/>"])
def test_what_is_no_score_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match="a partwise score of MusicXML"):
        read_musicxml(tmp_path / "a.xml")


def test_chorales_of_bach10_and_their_tunes_are_only_tested() -> None:
    found = splits_of(scores())
    assert [each.bwv for each in found["test"][:2]] == ["255", "274"]
    assert "48.3" in [each.bwv for each in found["test"]]
    kept = [each for split in ("train", "valid") for each in found[split]]
    assert not any(is_held_out(each.name) for each in kept)
    assert len(kept) + len(found["test"]) == len(scores())


def test_one_tune_is_in_one_split_whatever_stands_before_it_or_between() -> None:
    """The same fourteen notes after an upbeat, with passing notes off the beats, and in another key."""
    tune = [67, 69, 71, 67, 72, 71, 69, 74, 72, 67, 66, 64, 69, 67]
    plain = sung("9.1", tune)
    others = [
        sung("9.2", [62, 64, *tune]),
        sung("9.3", [note - 5 for note in tune], between=1),
        sung("9.4", [60, 59, 62, *tune[:12], 60]),
    ]
    assert by_tune([each.melody() for each in (plain, *others)]) == [[0, 1, 2, 3]]
    assert by_tune([plain.melody(), sung("9.6", [60, *tune[4:], 60, 64]).melody()]) == [[0], [1]]
    assert by_tune([plain.melody(), sung("9.7", [60, *tune[:11]]).melody()]) == [[0], [1]]
    held = sung("255", tune)
    for each in others:
        assert splits_of([each, held])["test"] == [held, each]


def test_a_tune_that_was_set_often_trains() -> None:
    tunes = ([60, 60 + first, 60 + second, 71, 60] for first in range(1, 10) for second in range(11, 20))
    judged = next(tune for tune in tunes if splits_of([sung("9.1", tune)])["valid"])
    found = splits_of([sung(f"9.{n}", judged) for n in range(5)])
    assert {split: len(some) for split, some in found.items()} == {"train": 0, "valid": 5, "test": 0}
    found = splits_of([sung(f"9.{n}", judged) for n in range(6)])
    assert {split: len(some) for split, some in found.items()} == {"train": 6, "valid": 0, "test": 0}


def test_kin_of_kin_are_of_one_tune() -> None:
    """The first and the last share nothing but the second."""
    one, two = tuple(range(1, 13)), tuple(range(21, 33))
    assert by_tune([one, (7, 7), (*two, 99), (98, *one, *two)]) == [[0, 2, 3], [1]]
    assert by_tune([two, one, (0, *two)]) == [[0, 2], [1]]


def test_a_melody_is_the_same_in_every_key() -> None:
    assert score("1", transposed=4).melody() == score("2").melody() == (2, 2, -4)
    assert score("1", moves=(0, 1, 0, 0)).melody() != score("2").melody()


def test_scores_are_kept_and_damage_is_told(tmp_path: Path) -> None:
    keep_scores(tmp_path)
    assert read_scores(tmp_path / SCORES_NAME) == scores()
    (tmp_path / SCORES_NAME).write_text("[{}]")
    with pytest.raises(DataError, match=r"scores\.json is damaged; remove it"):
        read_scores(tmp_path / SCORES_NAME)


def test_without_music21_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'music21 is not installed; wanted the "corpora" part of soli'):
        read_scores(tmp_path / SCORES_NAME)


@pytest.mark.skipif(importlib.util.find_spec("music21") is None, reason="the corpus is music21's")
def test_the_corpus_has_hundreds_of_chorales(tmp_path: Path) -> None:
    found = read_scores(tmp_path / SCORES_NAME)
    assert len(found) > 300
    assert len({each.number for each in found}) == len(found)
    by_number = {each.bwv: each for each in found}
    first = by_number["66.6"].parts["soprano"]
    assert [(note.pitch, note.onset, note.fermata) for note in first[:5]] == [
        (73, 0.0, False),
        (71, 0.5, False),
        (69, 1.0, False),
        (71, 2.0, False),
        (73, 3.0, True),
    ]
    splits = splits_of(found)
    assert sum(is_held_out(each.name) for each in splits["test"]) == 13
    assert min(len(splits["valid"]), len(splits["test"])) > 12
    split_of = {each.bwv: split for split, some in splits.items() for each in some}
    for kin in KIN:
        assert len({split_of[each] for each in kin}) == 1, kin
    assert {split_of[each] for each in ("385", "169.7", "197.5", "283", "245.15", "245.37", "365", "145-a")} == {"test"}
    assert read_scores(tmp_path / SCORES_NAME) == found


def chorale_xml(names: tuple[str, ...], *, rests: int = 1, notes: int = 20) -> str:
    """A score in which each part has some quarters of rest and then notes of one pitch, an octave lower each."""
    heads = "".join(f'<score-part id="P{n}"><part-name>{name}</part-name></score-part>' for n, name in enumerate(names))
    quarter = "<duration>1</duration></note>"
    parts = "".join(
        f'<part id="P{n}"><measure><attributes><divisions>1</divisions></attributes>'
        + f"<note><rest/>{quarter}" * rests
        + f"<note><pitch><step>C</step><octave>{5 - n % 4}</octave></pitch>{quarter}" * notes
        + "</measure></part>"
        for n in range(len(names))
    )
    return f"<score-partwise><part-list>{heads}</part-list>{parts}</score-partwise>"


def test_scores_without_four_voices_and_variants_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "music21/corpus/bach"
    folder.mkdir(parents=True)
    voices = ("Soprano", "Alto", "Tenor", "Bass")
    files = {
        "bwv10.7.xml": chorale_xml(("Horn", *voices)),
        "bwv2.6.xml": chorale_xml(("I", "II", "III", "IV"), rests=0),
        "bwv2.6-w.xml": chorale_xml(voices),
        "bwv3.6.xml": chorale_xml(("I", "II", "III", "IV", "V")),
        "bwv4.8.xml": chorale_xml(voices, notes=3),
        "bwv5.7.xml": chorale_xml(voices, notes=300),
        "other.xml": chorale_xml(voices),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "music21")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    seen: list[tuple[int, int | None]] = []
    found = read_scores(tmp_path / SCORES_NAME, watch=lambda done, total: seen.append((done, total)))
    assert [each.bwv for each in found] == ["2.6", "10.7"]
    assert seen[-1] == (6, 6)
    pitches = {"2.6": [72, 60, 48, 36], "10.7": [60, 48, 36, 72]}
    for each in found:
        assert [notes[0].pitch for notes in each.parts.values()] == pitches[each.bwv]
        assert {notes[0].onset for notes in each.parts.values()} == {0.0}
        assert each.quarters == 20
