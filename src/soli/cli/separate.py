"""`soli separate`: files and folders in, a folder of stems for each out."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from soli.cli.common import (
    DeviceOption,
    JsonFlag,
    ModelOption,
    OutFolder,
    ThreadsOption,
    comma_list,
    print_json,
)
from soli.cli.stopping import Stopped, stoppable_between
from soli.cli.working import Inputs, Overwrite, Quiet, Recursive, planned, run
from soli.errors import OutputError
from soli.separation.batch import Batch
from soli.separation.files import Settings
from soli.separation.outfolder import writable
from soli.separation.plan import Failure
from soli.separation.record import Record
from soli.separation.work import Separation
from soli.separation.zoo import load

Stems = Annotated[str | None, typer.Option(help="Write only these stems: names with commas between.")]
Format = Annotated[str, typer.Option(help="wav, flac, ogg, opus, mp3 or m4a.")]
Subtype = Annotated[
    str | None, typer.Option(help="wav: float32 (default), pcm24, pcm16; flac: pcm24 (default), pcm16.")
]
ChunkS = Annotated[float | None, typer.Option(help="Seconds that the network sees at once: less, less memory.")]
ChunkBatch = Annotated[int, typer.Option(min=1, help="Chunks that go through the network together.")]
Remux = Annotated[bool, typer.Option("--remux", help="Also write a video with one sound track a stem.")]


def separate(
    inputs: Inputs,
    model: ModelOption = "voice",
    stems: Stems = None,
    out: OutFolder = Path("separated"),
    recursive: Recursive = False,
    format: Format = "wav",
    subtype: Subtype = None,
    chunk_s: ChunkS = None,
    batch: ChunkBatch = 1,
    threads: ThreadsOption = None,
    device: DeviceOption = "auto",
    overwrite: Overwrite = False,
    remux: Remux = False,
    json: JsonFlag = False,
    quiet: Quiet = False,
) -> None:
    """Take recordings apart into their sources: OUT/<name of the input>/<source>.wav. `-` is standard input.

    The stems have the rate, the channels and the length of the input, and sum to it. A file that fails is named and the
    others are done; the same command again does only what is left, and one for more stems makes only those. Exit code
    0: all done; 1: some files failed, or may not be overwritten; 2: the call was wrong. In the JSON, null_db is null
    for a silent input, and -300 where the stems sum to the input exactly.
    """
    format = format.lower().removeprefix(".")  # as people write names of formats: WAV, .wav
    subtype = None if subtype is None else subtype.lower()
    settings = Settings(comma_list(stems, "--stems"), format, subtype, chunk_s=chunk_s, batch=batch, remux=remux)
    results: list[Record | Failure] = []
    try:
        with stoppable_between("files") as check:
            loaded = load(model, threads=threads, device=device)
            settings.check(loaded.sources)
            with writable(out):
                items = planned(inputs, recursive=recursive, command="separate")
                run(Batch(Separation(loaded, settings), out, overwrite=overwrite), items, results, check, quiet=quiet)
    except Stopped:
        if json:
            _print_object(results, stopped=True)
        raise
    except OutputError as error:  # of the output folder itself, before any work
        if json:
            _print_object([Failure(given, str(error)) for given in inputs])
        raise
    _report(results, json=json, quiet=quiet)


def _print_object(results: list[Record | Failure], *, stopped: bool = False) -> None:
    done = [asdict(result) for result in results if isinstance(result, Record)]
    failed = [asdict(result) for result in results if isinstance(result, Failure)]
    print_json({"files": done, "failed": failed, "stopped": stopped})


def _report(results: list[Record | Failure], *, json: bool, quiet: bool) -> None:
    """Prints what was done, and ends the program with its exit code."""
    if json:
        _print_object(results)
    elif not quiet and any(isinstance(result, Record) for result in results):
        from soli.cli.tables import print_results

        print_results(results)
    raise typer.Exit(1 if any(isinstance(result, Failure) for result in results) else 0)
