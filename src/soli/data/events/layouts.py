"""The layouts that the two reference mixers leave on disk, written from rows of a plan.

DCASE 2013:  FOLDER/weak_labels.csv, FOLDER/NNNNN.wav, FOLDER/NNNNN/<class>.wav, FOLDER one of training, development,
             validation; a class that is not in a mixture is a silent file
DCASE 2018:  mixed_audios/scene_type=TYPE,snr=SNR/NNNNN.wav, two channels: the events, and the scene
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from soli.atomic import cannot_write, folder_atomically, write_atomically
from soli.data.events.classes import SCENE
from soli.data.manifest import Row
from soli.data.readers.weak_labels import WEAK_NAME
from soli.data.render import Rendered, render
from soli.media.audio import write_audio
from soli.types import Array


class Layout(Protocol):
    """Where the files of a row go below a folder, and how they are written; cheap to send to another process."""

    def whole(self, row: Row, out: Path) -> bool:
        """Whether all the row's files are there."""
        ...

    def size(self, row: Row) -> int:
        """How many bytes the row's files take, about."""
        ...

    def write(self, row: Row, root: Path, out: Path) -> None:
        """Renders the row and writes its files, whole or not at all. Raises OutputError, InputError."""
        ...


_BYTES = {"pcm16": 2, "pcm24": 3, "float32": 4}


@dataclass(frozen=True)
class Dcase2013Layout:
    classes: tuple[str, ...]
    subtype: str = "pcm16"

    def _files(self, row: Row, out: Path) -> tuple[Path, Path]:
        mixture = out / str(row.meta["folder"]) / str(row.meta["name"])
        return mixture, mixture.with_suffix("")

    def whole(self, row: Row, out: Path) -> bool:
        mixture, folder = self._files(row, out)
        return mixture.is_file() and folder.is_dir()

    def size(self, row: Row) -> int:
        return (1 + len(self.classes)) * row.frames * _BYTES[self.subtype]

    def write(self, row: Row, root: Path, out: Path) -> None:
        """The folder first: where there is the mixture, all else is there."""
        rendered = render(row, root)
        mixture, folder = self._files(row, out)
        silence = np.zeros_like(rendered.mixture)
        with folder_atomically(folder) as part:
            for label in self.classes:
                stem = rendered.stems.get(label, silence)
                write_audio(part / f"{label}.wav", stem, sample_rate=row.sample_rate, subtype=self.subtype)
        write_audio(mixture, rendered.mixture, sample_rate=row.sample_rate, subtype=self.subtype)

    def tables(self, rows: Sequence[Row], out: Path) -> None:
        """Writes `weak_labels.csv` of each folder that has mixtures."""
        for folder in dict.fromkeys(str(row.meta["folder"]) for row in rows):
            text = io.StringIO()
            table = csv.writer(text, lineterminator="\n")
            table.writerow(["filename", *self.classes])
            for row in rows:
                if row.meta["folder"] == folder:
                    table.writerow([row.meta["name"], *(int(label in row.labels) for label in self.classes)])
            write_atomically(out / folder / WEAK_NAME, text.getvalue())


@dataclass(frozen=True)
class Dcase2018Layout:
    folder: str
    subtype: str = "pcm16"

    @classmethod
    def of(cls, scene_type: str, snr: float, subtype: str) -> "Dcase2018Layout":
        return cls(f"mixed_audios/scene_type={scene_type},snr={snr:g}", subtype)

    def _file(self, row: Row, out: Path) -> Path:
        return out / self.folder / str(row.meta["name"])

    def whole(self, row: Row, out: Path) -> bool:
        return self._file(row, out).is_file()

    def size(self, row: Row) -> int:
        return 2 * row.frames * _BYTES[self.subtype]

    def write(self, row: Row, root: Path, out: Path) -> None:
        file = self._file(row, out)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(file, error) from error
        write_audio(file, two_channels(render(row, root)), sample_rate=row.sample_rate, subtype=self.subtype)


def two_channels(rendered: Rendered) -> Array:
    """The truth (2, T), events and scene, of which a rendered mixture is the mean."""
    scene = rendered.stems[SCENE][0]
    events = np.zeros_like(scene)
    for name, stem in rendered.stems.items():
        if name != SCENE:
            events += stem[0]
    return np.stack([2 * events, 2 * scene])
