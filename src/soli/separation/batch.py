"""Many files, one after another: what is done is kept, what fails is named, and the others go on."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from soli.errors import InputError, OutputError, SoliError
from soli.media.audio import probe
from soli.media.hashing import sha256_file, sha256_of
from soli.media.source import is_pipe, rereadable
from soli.separation.files import VIDEO, Made, temporary_paths
from soli.separation.journal import NO_FILE, Entry, Journal, Output, file_key, key_of
from soli.separation.memory import peak_rss_mb
from soli.separation.outfolder import held, sweep_unfinished
from soli.separation.plan import Failure, Item
from soli.separation.record import Record
from soli.separation.work import Work
from soli.version import __version__

Watch = Callable[[Item, float, float | None], None]
FileId = tuple[int, int]  # device and inode


class Batch:
    """Does the work on each item of a plan, into folders below `out`, which is there and can be written to.

    Raises OutputError where the journal cannot be read.
    """

    def __init__(self, work: Work, out: Path, *, overwrite: bool = False) -> None:
        self.work, self.out, self.overwrite = work, out, overwrite
        self._model_sha256 = sha256_file(work.model.path)
        self._journal = Journal(out)
        self._claimed: dict[Path, Item] = {}
        self._inputs: set[FileId] = set()
        self._pipes: set[FileId] = set()
        sweep_unfinished(
            {
                # By name only: whatever the journal says, nothing outside the folder is touched.
                out / folder: [part for name, path in begun for part in temporary_paths(name, out / folder / path.name)]
                for folder, begun in self._journal.unfinished().items()
            }
        )

    def run(self, items: Iterable[Item | Failure], watch: Watch) -> Iterator[Record | Failure]:
        """Does one item after another, in order; `watch(item, done_s, total_s)` is called as each goes on."""
        items = list(items)
        self._inputs = {each for item in items if isinstance(item, Item) and (each := _id_of(item.path)) is not None}
        for item in items:
            if isinstance(item, Failure):
                yield item
                continue
            try:
                yield self._one(item, watch)
            except SoliError as error:
                yield Failure(item.given, _naming(item, str(error)))
            except OSError as error:
                # What the system refuses in passing (a folder that may not be listed, a file that just went away).
                yield Failure(item.given, f"{item.given}: {error.filename or self.out}: {error.strerror or error}")

    def _one(self, item: Item, watch: Watch) -> Record:
        self._refuse_empty_pipe(item)
        self._refuse_clash(item)
        with rereadable(item.path) as source:
            info = probe(source)
            outputs = self.work.outputs(info, self.out / item.folder)
            self._refuse_inputs(item, outputs)
            keys = self._keys(source, outputs)
            missing = self._missing(item, outputs, keys)
            if missing:
                made = self._make(source, missing, keys, item, watch)
                record = replace(made, **self._named(item, _there(outputs)))  # type: ignore[arg-type]
            else:
                record = self._kept(item, outputs)
        self._claimed.setdefault(item.folder, item)
        return record

    def _refuse_empty_pipe(self, item: Item) -> None:
        """A pipe gives what is in it once, by whatever name and whatever it was; waiting for more would be for ever."""
        pipe = _id_of(item.path) if is_pipe(item.path) else None
        if pipe in self._pipes:
            raise InputError(f"{item.given} is a pipe, and was read already", wanted="each pipe once")
        if pipe is not None:
            self._pipes.add(pipe)

    def _refuse_clash(self, item: Item) -> None:
        """One folder, one input. The same file named twice is no clash: it is done already."""
        first, found = self._claimed.get(item.folder), _id_of(item.path)
        if first is not None and found is not None and found != _id_of(first.path):
            raise OutputError(
                f"{item.given} and {first.given} would both be written to {self.out / item.folder}",
                do="give one of them another output folder (--out)",
            )

    def _refuse_inputs(self, item: Item, outputs: dict[str, Path]) -> None:
        """No stem may take the place of a recording that this call reads, whatever is to be overwritten."""
        for path in outputs.values():
            if _id_of(path) in self._inputs:
                raise OutputError(
                    f"the stem {path} of {item.given} would replace an input",
                    do="choose another output folder (--out)",
                )

    def _keys(self, source: Path | BinaryIO, outputs: dict[str, Path]) -> dict[str, str]:
        """What each output depends on. A stem does on no other stem, but the video on all that are its tracks.

        Other versions of soli and other devices compute other samples, and stems of different ones would not sum to the
        mixture.
        """
        origin = file_key(source) if isinstance(source, Path) else ("pipe", sha256_of(source))
        options = {**self.work.options(), "device": self.work.model.device, "soli": __version__}
        key = key_of(origin, model_sha256=self._model_sha256, options=options)
        tracks = ",".join(name for name in outputs if name != VIDEO)
        return {name: f"{key} {tracks}" if name == VIDEO else key for name in outputs}

    def _missing(self, item: Item, outputs: dict[str, Path], keys: dict[str, str]) -> dict[str, Path]:
        """The outputs that are to be made; the others are there from earlier runs.

        Raises OutputError where there are files that may not be replaced.
        """
        if self.overwrite and item.folder not in self._claimed:
            return outputs
        missing = {}
        for name, path in outputs.items():
            if not path.exists():
                if not self._has_no_file(path, keys[name]):
                    missing[name] = path
                continue
            found = self._key_of(path)
            if found is None or found.split()[:1] != keys[name].split()[:1]:
                raise OutputError(
                    f"output exists: {path} is not known to come from {item.given} with this model, these options, and"
                    f" this soli ({__version__} on {self.work.model.device})",
                    do="have it overwritten (--overwrite), or give another output folder (--out)",
                )
            if found != keys[name]:  # the video, with other tracks: it is made anew
                missing[name] = path
        return outputs if VIDEO in missing else missing  # its tracks are made of the stems, as these are written

    def _key_of(self, path: Path) -> str | None:
        """The key of a file that is the one that was written, None for any other.

        It is by its size, and until that is known to be done by its time too: a file that was to be replaced when a run
        was killed may well have the new one's size.
        """
        entry, stat = self._journal.finished(path.relative_to(self.out)), path.stat()
        if entry is None:
            return None
        was = entry.output(path.relative_to(self.out))
        same_time = was.mtime_ns == stat.st_mtime_ns
        return was.key if was.size == stat.st_size and (entry.state == "done" or same_time) else None

    def _has_no_file(self, path: Path, key: str) -> bool:
        """Whether a finished run found that there is nothing to put into this output."""
        relative = path.relative_to(self.out)
        entry = self._journal.finished(relative)
        return entry is not None and (entry.output(relative).size, entry.output(relative).key) == (NO_FILE, key)

    def _kept(self, item: Item, outputs: dict[str, Path]) -> Record:
        """The record of the earlier runs that made these outputs, which are all there: the newest of them speaks."""
        found = [self._journal.finished(path.relative_to(self.out)) for path in outputs.values()]
        entries = sorted((entry for entry in found if entry is not None), key=Entry.newest_ns)
        records = [entry.record for entry in entries if entry.record is not None]
        for entry in entries:
            checked = self._only(entry, outputs)
            if entry.state != "done" and checked:
                self._journal.append(replace(entry, state="done", outputs=checked))
        warnings = dict.fromkeys(each for record in records for each in record.warnings)
        named = self._named(item, _there(outputs))
        return replace(records[-1], **named, warnings=list(warnings), kept=True)  # type: ignore[arg-type]

    def _only(self, entry: Entry, outputs: dict[str, Path]) -> dict[str, Output]:
        """Those of an entry's outputs that are among `outputs` and not of a newer entry: these were looked at."""
        return {
            name: each
            for name, each in entry.outputs.items()
            if self.out / each.path in outputs.values() and self._journal.finished(Path(each.path)) is entry
        }

    def _named(self, item: Item, outputs: dict[str, Path]) -> dict[str, object]:
        """The fields of a record that name files."""
        video = outputs.get(VIDEO)
        return {
            "input": item.given,
            "outputs": {name: str(path) for name, path in outputs.items() if name != VIDEO},
            "video": None if video is None else str(video),
        }

    def _make(
        self, source: Path | BinaryIO, outputs: dict[str, Path], keys: dict[str, str], item: Item, watch: Watch
    ) -> Record:
        started = time.perf_counter()
        leftovers = [part for name, path in outputs.items() for part in temporary_paths(name, path)]
        with held(self.out / item.folder, leftovers):
            planned = {
                name: Output(path.relative_to(self.out).as_posix(), keys[name]) for name, path in outputs.items()
            }
            begun = Entry("begun", item.folder.as_posix(), planned)
            self._journal.append(begun)
            with self.work.made(source, outputs, lambda done_s, total_s: watch(item, done_s, total_s)) as result:
                record = self._record(item, result, time.perf_counter() - started)
                sizes = {name: _measured(each, result.parts.get(name)) for name, each in planned.items()}
                written = replace(begun, state="written", outputs=sizes, record=record)
                self._journal.append(written)
                result.commit()
        self._journal.append(replace(written, state="done"))
        return record

    def _record(self, item: Item, result: Made, time_s: float) -> Record:
        return Record(
            **self._named(item, {name: result.outputs[name] for name in result.parts}),  # type: ignore[arg-type]
            duration_s=result.duration_s,
            time_s=round(time_s, 3),
            rtf=round(time_s / result.duration_s, 5),
            peak_rss_mb=round(peak_rss_mb(), 1),
            null_db=None if result.null_db is None else round(result.null_db, 1),
            device=self.work.model.device,
            model=self.work.model.info.name,
            kept=False,
            absent=list(result.absent),
            warnings=list(result.warnings),
        )


def _naming(item: Item, error: str) -> str:
    """The error with the input's name before it, where what went wrong did not know the name."""
    is_named = item.path.name in error or f" {item.given} " in f" {error} "
    return error if is_named else f"{item.given}: {error}"


def _id_of(path: Path) -> FileId | None:
    """What a file is whatever it is called; None where that cannot be told, because it is not there or out of reach."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino)


def _there(outputs: dict[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in outputs.items() if path.exists()}


def _measured(output: Output, part: Path | None) -> Output:
    if part is None:
        return replace(output, size=NO_FILE)
    stat = part.stat()
    return replace(output, size=stat.st_size, mtime_ns=stat.st_mtime_ns)
