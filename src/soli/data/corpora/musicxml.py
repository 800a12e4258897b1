"""Reading a score of MusicXML (partwise, plain or compressed): of each part the notes of its first voice.

music21 reads far more, and takes a hundred times as long for a corpus.
"""

import zipfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from soli.errors import DataError

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Note(NamedTuple):
    """A note of a score: MIDI pitch, onset and duration in quarters, and whether it is held (fermata)."""

    pitch: int
    onset: float
    duration: float
    fermata: bool


@dataclass
class Part:
    """A part by the name that the score gives it, and the quarters a minute that it proposes, if it does."""

    name: str
    notes: list[Note] = field(default_factory=list)
    bpm: float | None = None


def read_musicxml(path: Path) -> list[Part]:
    """The parts in the score's order; tied notes are one, ornaments and all notes of a chord but the top are left out.

    Raises DataError where the file is no such score.
    """
    try:
        root = ElementTree.fromstring(_text(path))
        names = {each.get("id"): each.findtext("part-name", "") for each in root.iter("score-part")}
        parts = [_part(each, names.get(each.get("id"), "")) for each in root.findall("part")]
    except (OSError, ElementTree.ParseError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", wanted="a partwise score of MusicXML") from error
    if not parts:
        raise DataError(f"{path} has no parts", wanted="a partwise score of MusicXML")
    return parts


def _text(path: Path) -> bytes:
    if path.suffix != ".mxl":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        return archive.read(next(each.get("full-path", "") for each in container.iter() if each.get("full-path")))


def _part(element: ElementTree.Element, name: str) -> Part:
    part = _Reading(Part(name.strip()))
    for measure in element.iter("measure"):
        for each in measure:
            part.take(each)
    return part.part


class _Reading:
    """A part while it is read: where in it we are, in quarters, and which tie is open."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._now = Fraction(0)
        self._divisions = 1
        self._voice: str | None = None
        self._tied = False

    def take(self, element: ElementTree.Element) -> None:
        if element.tag == "attributes":
            self._divisions = int(element.findtext("divisions", str(self._divisions)))
        elif element.tag == "backup":
            self._now -= self._length(element)
        elif element.tag == "forward":
            self._now += self._length(element)
        elif element.tag == "note" and element.find("grace") is None:
            self._note(element)
        if self.part.bpm is None:
            sound = element if element.tag == "sound" else element.find("sound")
            self.part.bpm = float(sound.get("tempo") or 0) or None if sound is not None else None

    def _length(self, element: ElementTree.Element) -> Fraction:
        return Fraction(element.findtext("duration", "0")) / self._divisions

    def _note(self, element: ElementTree.Element) -> None:
        in_chord = element.find("chord") is not None
        length = self._length(element)
        onset = self._now - length if in_chord else self._now
        if not in_chord:
            self._now += length
        pitch = element.find("pitch")
        voice = element.findtext("voice", "1")
        if pitch is None or voice != (self._voice or voice):
            return
        self._voice = voice
        key = 12 * (int(pitch.findtext("octave", "4")) + 1) + _STEPS[pitch.findtext("step", "")]
        self._add(element, key + round(float(pitch.findtext("alter", "0"))), onset, length, in_chord)

    def _add(self, element: ElementTree.Element, pitch: int, onset: Fraction, length: Fraction, in_chord: bool) -> None:
        ties = {each.get("type") for each in element.findall("tie")}
        fermata = element.find("notations/fermata") is not None
        notes = self.part.notes
        if in_chord and notes:
            notes[-1] = notes[-1]._replace(pitch=max(pitch, notes[-1].pitch))
        elif "stop" in ties and self._tied and notes and notes[-1].pitch == pitch:
            before = notes[-1]
            held = round(float(onset + length) - before.onset, 5)
            notes[-1] = before._replace(duration=held, fermata=fermata or before.fermata)
        else:
            notes.append(Note(pitch, round(float(onset), 5), round(float(length), 5), fermata))
        self._tied = "start" in ties
