"""`soli detect`: files and folders in; for each a folder with its sound events, tags, picture and stems."""

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.common import (
    DeviceOption,
    JsonFlag,
    ModelOption,
    OutFolder,
    ThreadsOption,
    print_json,
    print_note,
)
from soli.cli.stopping import Stopped, stoppable_between
from soli.cli.working import Inputs, Overwrite, Quiet, Recursive, planned, run
from soli.errors import OutputError, UsageError, install_line, near
from soli.separation.outfolder import writable
from soli.separation.plan import Failure
from soli.separation.record import Record

if TYPE_CHECKING:
    from soli.detection.detected import Detected
    from soli.detection.files import Draw
    from soli.detection.seen import Seen
    from soli.modelfile import DetectionInfo, ModelInfo

Stems = Annotated[bool, typer.Option("--stems", help="Also write a stem of each class that is there, and the rest.")]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="P|CLASS=P,...",
        help="How sure the model must be that a class is there, from 0 to 1: for all, or for some. By default as the"
        " model says.",
    ),
]
Audacity = Annotated[bool, typer.Option("--audacity", help="Also write labels.txt, a label track for Audacity.")]
Picture = Annotated[bool, typer.Option("--picture/--no-picture", help="Draw picture.png of what was found.")]


def detect(
    inputs: Inputs,
    model: ModelOption = "events",
    out: OutFolder = Path("detected"),
    stems: Stems = False,
    threshold: Threshold = None,
    audacity: Audacity = False,
    picture: Picture = True,
    recursive: Recursive = False,
    threads: ThreadsOption = None,
    device: DeviceOption = "auto",
    overwrite: Overwrite = False,
    json: JsonFlag = False,
    quiet: Quiet = False,
) -> None:
    """Find the sound events in recordings: OUT/<name of the input>/events.csv, tags.csv and picture.png.

    Recordings may have any length, rate and channels; `-` is standard input. With --stems there is <class>.wav for each
    class that is there, and rest.wav; together they are the recording. A file that fails is named and the others are
    done; the same command again does only what is left. Exit code 0: all done; 1: some files failed, or may not be
    overwritten; 2: the call was wrong. In the JSON, null_db is null without stems and for a silent input, and -300
    where the stems sum to the input exactly.
    """
    from soli.detection.files import Detecting, Wanted
    from soli.separation.batch import Batch
    from soli.separation.zoo import load

    results: list[Record | Failure] = []
    try:
        with stoppable_between("files") as check:
            loaded = load(model, threads=threads, device=device)
            wanted = Wanted(stems=stems, labels=audacity, draw=_drawing(picture))
            work = Detecting(loaded, wanted, thresholds=_thresholds(threshold, loaded.info))
            with writable(out):
                items = planned(inputs, recursive=recursive, command="detect")
                run(Batch(work, out, overwrite=overwrite), items, results, check, quiet=quiet)
    except Stopped:
        if json:
            _print_object(results, stopped=True)
        raise
    except OutputError as error:  # of the output folder itself, before any work
        if json:
            _print_object([Failure(given, str(error)) for given in inputs])
        raise
    _report(results, json=json, quiet=quiet)


def _thresholds(text: str | None, info: "ModelInfo") -> "DetectionInfo | None":
    """The model's thresholds, with those of `--threshold` in their place. Raises UsageError for what is none."""
    detection = info.detection
    if text is None or detection is None:  # that the model is of another kind is said elsewhere
        return None
    if "=" not in text:
        return detection.model_copy(update={"tag": (_probability(text),) * len(info.sources)})
    tags = dict(zip(info.sources, detection.tag, strict=True))
    for word in text.split(","):
        name, _, value = (part.strip() for part in word.partition("="))
        if name not in tags:
            raise UsageError(f"--threshold: the model has no class {name!r}", do=near(name, list(info.sources)))
        tags[name] = _probability(value)
    return detection.model_copy(update={"tag": tuple(tags.values())})


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"--threshold: {text.strip()!r}", wanted="a number from 0 to 1, or CLASS=NUMBER,...")
    return value


def _drawing(picture: bool) -> "Draw | None":
    """What draws the pictures, which is not imported before there is one; None where none is wanted, or can be."""
    if not picture:
        return None
    if find_spec("matplotlib") is None:
        print_note(f"no pictures, for matplotlib is not installed; {install_line('report')}")
        return None

    def draw(path: Path, seen: "Seen", found: "Detected") -> None:
        from soli.report.detection import write_picture

        write_picture(path, seen, found)

    return draw


def _print_object(results: list[Record | Failure], *, stopped: bool = False) -> None:
    done = [_described(result) for result in results if isinstance(result, Record)]
    failed = [asdict(result) for result in results if isinstance(result, Failure)]
    print_json({"files": done, "failed": failed, "stopped": stopped})


def _described(record: Record) -> dict[str, Any]:
    """A file's record, with the events and tags that its tables hold, be they of this run or of an earlier one."""
    from soli.detection.files import EVENTS, LABELS, PICTURE, TAGS
    from soli.detection.labels import read_events
    from soli.detection.tag_table import read_tags

    tags = read_tags(Path(record.outputs[TAGS]))
    fields = asdict(record)
    outputs = fields.pop("outputs")
    tables = {name: outputs.pop(name) for name in (EVENTS, TAGS, LABELS, PICTURE) if name in outputs}
    for name in ("absent", "video"):
        del fields[name]
    return {
        **fields,
        "outputs": tables,
        "stems": outputs,
        "tags": {label: confidence for label, (confidence, _) in tags.items()},
        "present": [label for label, (_, present) in tags.items() if present],
        "events": [asdict(event) for event in read_events(Path(record.outputs[EVENTS]))],
    }


def _report(results: list[Record | Failure], *, json: bool, quiet: bool) -> None:
    """Prints what was done, and ends the program with its exit code."""
    if json:
        _print_object(results)
    elif not quiet and any(isinstance(result, Record) for result in results):
        from soli.cli.tables import clock, print_table

        titles = ("file", "found", "events", "written to", "duration", "time", "real-time factor", "null test", "")
        rows = []
        for result in results:
            if isinstance(result, Failure):
                rows.append((result.input, *[""] * (len(titles) - 2), "failed"))
                continue
            said = _described(result)
            rows.append(
                (
                    result.input,
                    ", ".join(said["present"]) or "nothing",
                    str(len(said["events"])),
                    str(Path(next(iter(said["outputs"].values()))).parent),
                    clock(result.duration_s),
                    f"{result.time_s:.1f} s",
                    f"{result.rtf:.3f}",
                    "" if result.null_db is None else f"{result.null_db:.0f} dB",
                    "kept from an earlier run" if result.kept else "",
                )
            )
        print_table(titles, rows, right=("events", *titles[4:8]))
    raise typer.Exit(1 if any(isinstance(result, Failure) for result in results) else 0)
