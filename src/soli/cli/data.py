"""`soli data`: build, plan, check and render data sets."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from soli.cli.common import JsonFlag, print_error, print_json, printable
from soli.cli.data_voice_noise import build_voice_noise, voice_noise
from soli.errors import DataError

app = typer.Typer(help="Build, plan, check and render data sets.", no_args_is_help=True)
build_app = typer.Typer(help="Make a library of sounds out of what Debian packages hold.", no_args_is_help=True)
app.add_typer(build_app, name="build")

RootOption = Annotated[
    Path | None, typer.Option("--root", help="Where the manifest's paths start, if not in its own folder.")
]
OutManifest = Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl).")]
MAX_PROBLEMS = 20


@contextmanager
def _bar(label: str, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A count of what is done, on stderr, for people only; yields what advances it by one."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(label, total=None)
        yield lambda: bars.advance(task)


def _say(text: str) -> None:
    print(printable(text), flush=True)


@build_app.command(
    "speech-noise", epilog="Example: soli data build speech-noise data/speech-noise --packages-root unpacked"
)
def build_speech_noise(
    out: Annotated[Path, typer.Argument(help="The folder to build the library in.")],
    packages_root: Annotated[
        Path | None,
        typer.Option(help="Look for unpacked packages in this folder instead of among the installed ones."),
    ] = None,
    download: Annotated[
        bool, typer.Option(help="Fetch the packages with apt-get download and unpack them in OUT/.packages.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Build a library of speech in many languages and of noise, from Debian packages of games and telephony."""
    from soli.data.corpora.speech_noise import build

    with _bar("files read", quiet=json) as advance:
        summary = build(out, packages_root=packages_root, download=download, progress=advance)
    if json:
        print_json(summary.as_json())
        return
    for kind, splits in sorted(summary.minutes.items()):
        for split, row in sorted(splits.items()):
            _say(f"{kind:7} {split:6} {sum(row.values()):7.1f} min in {len(row)} groups: {', '.join(row)}")
    for reason, count in summary.left_out.most_common():
        _say(f"left out: {count} {reason}")
    _say(f"{summary.sounds} sounds in {out}")


app.command("voice-noise", epilog="Example: soli data voice-noise voice-noise --out voice-noise.jsonl")(voice_noise)
build_app.command(
    "voice-noise", epilog="Example: soli data build voice-noise data/voice-noise --train 1000 --valid 50 --test 200"
)(build_voice_noise)


@app.command(epilog="Example: soli data stems musdb18hq --out musdb.jsonl")
def stems(
    root: Annotated[Path, typer.Argument(help="The folder of tracks, or of mix_clean, s1, s2 ...")],
    out: OutManifest,
    mixture: Annotated[str | None, typer.Option(help="Which mixture folder to take, where there are several.")] = None,
    split: Annotated[str | None, typer.Option(help="Call the split of every track this.")] = None,
    json: JsonFlag = False,
) -> None:
    """Make a manifest of isolated stems: a folder a track, or a folder a source."""
    from soli.data.manifest import relocated, write_manifest
    from soli.data.readers.stems import read_stems
    from soli.data.tracks import rows_of_tracks

    rows = list(relocated(rows_of_tracks(read_stems(root, mixture=mixture), root), root, out.parent))
    if split is not None:
        rows = [row.model_copy(update={"split": split}) for row in rows]
    sha256 = write_manifest(out, rows)
    sources = list(rows[0].stems)
    if json:
        print_json({"manifest": str(out), "rows": len(rows), "sources": sources, "sha256": sha256})
    else:
        _say(f"{len(rows)} tracks of {', '.join(sources)} in {out}")


@app.command(
    epilog="Example: soli data plan data/speech-noise --spec voice-test --split test --out data/speech-noise/test.jsonl"
)
def plan(
    library: Annotated[Path, typer.Argument(help="The folder of a library, or its library.jsonl.")],
    spec: Annotated[str, typer.Option(help="A spec file, or a shipped one: voice-train, voice-valid, voice-test.")],
    split: Annotated[str, typer.Option(help="train, valid or test.")],
    out: OutManifest,
    count: Annotated[int | None, typer.Option(min=1, help="Rows; a grid of conditions has its own number.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Plan mixtures: every random choice becomes a number in a manifest."""
    from soli.data.plan import plan_manifest

    planned = plan_manifest(library, spec=spec, split=split, out=out, count=count, seed=seed)
    if json:
        print_json(asdict(planned))
    else:
        _say(f"{planned.rows} rows, {planned.minutes:.1f} min, in {out}")


@app.command(epilog="Example: soli data check data/speech-noise")
def check(
    path: Annotated[Path, typer.Argument(help="A manifest, or a library's folder.")],
    root: RootOption = None,
    hashes: Annotated[bool, typer.Option(help="Read every file and compare its sha256.")] = True,
    json: JsonFlag = False,
) -> None:
    """Check that files are there and unchanged, and that splits share no speaker, language, recording or content."""
    from soli.data.check import check as check_data

    with _bar("files checked", quiet=json) as advance:
        report = check_data(path, root=root, hashes=hashes, progress=advance)
    if json:
        print_json(asdict(report))
    else:
        for problem in report.problems[:MAX_PROBLEMS]:
            print_error(problem)
        splits = ", ".join(f"{split} {count}" for split, count in sorted(report.splits.items()))
        state = f"problems: {len(report.problems)}" if report.problems else "in order"
        _say(f"{path}: {report.items} items ({splits}), {report.files} files, {state}")
    if report.problems:
        raise typer.Exit(DataError.exit_code)


@app.command(epilog="Example: soli data render data/speech-noise/test.jsonl --out data/rendered")
def render(
    manifest: Annotated[Path, typer.Argument(help="The manifest to render.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")],
    root: RootOption = None,
    subtype: Annotated[str, typer.Option(help="float32, pcm24 or pcm16.")] = "float32",
    json: JsonFlag = False,
) -> None:
    """Write every row as a folder with its mixture and one file a stem. Run it again after an interruption."""
    from soli.data.disk import render_manifest
    from soli.data.manifest import read_manifest

    with _bar("rows rendered", quiet=json) as advance:
        written = render_manifest(read_manifest(manifest, root=root), out, subtype=subtype, progress=advance)
    if json:
        print_json({"out": str(out), **asdict(written)})
    else:
        _say(f"{written.rows} rows written to {out}, {written.kept} were there before")
