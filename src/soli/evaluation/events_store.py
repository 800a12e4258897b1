"""The folder of clips that were scored: a line a clip (`clips.jsonl`), and all cells of masks counted (`cells.npz`).

The cells of 2000 clips are half a thousand million: they are counted as they come, and the counts written down every
minute and at the end. A clip is done where both files have it, so that after a kill a minute's clips are done again.
"""

import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import ValidationError

from soli.atomic import cannot_write, write_atomically
from soli.errors import DataError
from soli.evaluation.events_item import Judged
from soli.evaluation.events_line import ClipLine
from soli.evaluation.identity import RUN, Identity
from soli.evaluation.results import check_identity
from soli.metrics.streaming import StreamingScores
from soli.separation.outfolder import held

CLIPS, CELLS = "clips.jsonl", "cells.npz"
_SAVE_EVERY_S = 60.0


class ClipStore:
    """What is there of the clips with these ids, and what is added; `thresholds` are those of cells, one a class.

    Where the folder has clips that are not wanted, or counts at other thresholds, all is done again.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        ids: Sequence[str],
        *,
        classes: Sequence[str],
        thresholds: Sequence[float],
    ) -> None:
        self.folder, self.identity, self.ids = folder, identity, list(ids)
        self.thresholds = np.array(thresholds, dtype=np.float64)
        self.cells = StreamingScores(classes, threshold=self.thresholds.tolist())
        self._lines: dict[str, ClipLine] = {}
        self._saved_at = time.monotonic()

    @property
    def lines(self) -> list[ClipLine]:
        """The clips that are done, in the order of the ids."""
        return [self._lines[each] for each in self.ids if each in self._lines]

    @property
    def done(self) -> set[str]:
        return set(self._lines)

    @contextmanager
    def opened(self) -> Iterator["ClipStore"]:
        """Holds the folder, checks whose it is, and takes what is whole; saves the counts at the end, whatever it is.

        Raises:
            UsageError: the folder holds results of another model, manifest or settings: it says which.
            OutputError: the folder cannot be written, another process writes to it, or it is not a run's.
            DataError: a line of it is none.
        """
        with held(self.folder):
            check_identity(self.folder, self.identity, lines=CLIPS)
            self._resume()
            write_atomically(self.folder / RUN, self.identity.model_dump_json(indent=2) + "\n")
            text = "".join(line.model_dump_json() + "\n" for line in self._lines.values())
            write_atomically(self.folder / CLIPS, text)
            try:
                yield self
            finally:
                self._save()

    def add(self, judged: Judged) -> None:
        """Adds one clip, its line on the disk when this returns. Raises OutputError where that fails."""
        line = judged.line
        if judged.ideal is not None:
            self.cells.add(judged.ideal, judged.masks)
        try:
            with (self.folder / CLIPS).open("a", encoding="utf-8") as file:
                file.write(line.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.folder / CLIPS, error, do="give another --out") from error
        self._lines[line.id] = line
        if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        content = io.BytesIO()
        state = self.cells.state()
        np.savez_compressed(
            content,
            ids=np.array(list(self._lines), dtype=np.str_),
            thresholds=self.thresholds,
            counts=state["counts"],
            histogram=state["histogram"],
        )
        write_atomically(self.folder / CELLS, content.getvalue())
        self._saved_at = time.monotonic()

    def _resume(self) -> None:
        """Takes the clips that both files have; none where these are not the ones that are wanted."""
        path = self.folder / CELLS
        if not path.is_file():
            return
        try:
            with np.load(path) as found:
                state = {name: found[name] for name in found.files}
        except (OSError, ValueError, BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}", do="remove the folder to start anew") from error
        ids = set(state["ids"].tolist())
        if not ids <= set(self.ids) or not np.array_equal(state["thresholds"], self.thresholds):
            return
        lines = {line.id: line for line in read_clips(self.folder / CLIPS)}
        if not ids <= set(lines):
            return
        self.cells.restore(state)
        self._lines = {name: line for name, line in lines.items() if name in ids}


def read_clips(path: Path) -> Iterator[ClipLine]:
    """The lines of a run; half a line at the end, which a kill may have left, is passed over. Raises DataError."""
    if not path.is_file():
        return
    complete, _, _torn = path.read_bytes().rpartition(b"\n")
    for number, text in enumerate(complete.splitlines(), start=1):
        try:
            yield ClipLine.model_validate_json(text)
        except ValidationError as error:
            raise DataError(
                f"{path} line {number} is not a result: {error.errors()[0]['msg']}",
                do="remove the folder to start anew",
            ) from error
