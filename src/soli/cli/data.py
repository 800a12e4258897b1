"""`soli data`: build, plan, check and render data sets."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from soli.cli.common import JsonFlag, comma_list, print_error, print_json, print_warning, say
from soli.cli.data_bach10 import bach10
from soli.cli.data_chorales import build_chorales
from soli.cli.data_events import build_scenes, dcase2013, dcase2018, tagged
from soli.cli.data_mix import mix
from soli.cli.data_voice_noise import build_voice_noise, voice_noise
from soli.cli.progress import counting
from soli.errors import DataError, UsageError, near


class Commands(TyperGroup):
    """A group of commands that says which there are where another one is asked for."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names. Raises UsageError where none is called so."""
        names = self.list_commands(ctx)
        if args[0] not in names:
            raise UsageError(f"there is no command {args[0]!r} of {ctx.command_path}", do=near(args[0], names))
        return super().resolve_command(ctx, args)


def _help_alone(ctx: typer.Context) -> None:
    """A group called without a command shows its help, as `soli` does."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _group(summary: str) -> typer.Typer:
    group = typer.Typer()
    group.callback(cls=Commands, help=summary, invoke_without_command=True)(_help_alone)
    return group


app = _group("Build, plan, check and render data sets.")
build_app = _group("Make a library of sounds out of what Debian packages hold.")
app.add_typer(build_app, name="build")

RootOption = Annotated[
    Path | None, typer.Option("--root", help="Where the manifest's paths start, if not in its own folder.")
]
OutManifest = Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl).")]
MAX_LINES = 20


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
    packages: Annotated[
        str | None, typer.Option(help="Only these packages of the set, names with commas between: a smaller library.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Build a library of speech in many languages and of noise, from Debian packages of games and telephony."""
    from soli.data.corpora.speech_noise import build

    with counting("files read", quiet=json) as bar:
        names = comma_list(packages, "--packages")
        summary = build(out, names=names, packages_root=packages_root, download=download, watch=bar.watch)
    if json:
        print_json(summary.as_json())
        return
    for kind, splits in sorted(summary.minutes.items()):
        for split, row in sorted(splits.items()):
            say(f"{kind:7} {split:6} {sum(row.values()):7.1f} min in {len(row)} groups: {', '.join(row)}")
    for reason, count in summary.left_out.most_common():
        say(f"left out: {count} {reason}")
    say(f"{summary.sounds} sounds in {out}")


app.command("bach10", epilog="Example: soli data bach10 Bach10 --out bach10.jsonl")(bach10)
app.command(
    epilog='Example: soli data mix chorales.jsonl --split test --count 60 --set "present=[0, 1]" --out duos.jsonl'
)(mix)
app.command(
    "dcase2013",
    epilog="Example: soli data dcase2013 --dcase-2013-stereo-data-folder singlesounds_stereo --output-folder mixed",
)(dcase2013)
app.command(
    "dcase2018",
    epilog="Example: soli data dcase2018 --dcase2018-task1-dataset-dir scenes --dcase2018-task2-dataset-dir events"
    " --workspace mixed",
)(dcase2018)
app.command("tagged", epilog="Example: soli data tagged clips --out clips.jsonl")(tagged)
app.command("voice-noise", epilog="Example: soli data voice-noise voice-noise --out voice-noise.jsonl")(voice_noise)
build_app.command(
    "voice-noise", epilog="Example: soli data build voice-noise data/voice-noise --train 1000 --valid 50 --test 200"
)(build_voice_noise)
build_app.command("scenes", epilog="Example: soli data build scenes scenes --esc10 esc10 --packages-root unpacked")(
    build_scenes
)
build_app.command("chorales", epilog="Example: soli data build chorales chorales --train 150 --valid 12 --test 20")(
    build_chorales
)


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
        say(f"{len(rows)} tracks of {', '.join(sources)} in {out}")


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
        say(f"{planned.rows} rows, {planned.minutes:.1f} min, in {out}")


@app.command(epilog="Example: soli data check data/train.jsonl data/test.jsonl")
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Manifests, and folders of libraries.")],
    root: RootOption = None,
    hashes: Annotated[
        bool, typer.Option(help="Read every file: compare its sha256, and mixtures with the sum of their stems.")
    ] = True,
    limit_db: Annotated[
        float | None,
        typer.Option(
            help="What a mixture minus the sum of its stems may have, in dB of the mixture; if left, more than"
            " rounding to 16 bits ever leaves."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check that files are unchanged, splits share no speaker or recording, and mixtures are the sum of their stems.

    Splits must share no file, content, song, speaker or language, within each and among all that are given, and
    libraries no recording of noise; Bach10's own chorales are for testing only. No row may be longer than its files
    give. The mixture that a row names is compared with the sum of the stems; --json has the figure of each.
    """
    from soli.data.check import Reading
    from soli.data.check import check as check_data

    with counting("files checked", quiet=json) as bar:
        report = check_data(paths, root=root, reading=Reading(hashes, limit_db, bar.watch))
    if json:
        print_json(asdict(report))
    else:
        for problem in report.problems[:MAX_LINES]:
            print_error(problem)
        for warning in report.warnings[:MAX_LINES]:
            print_warning(warning)
        if report.mixtures:
            worst = max(report.mixtures, key=lambda each: each.residual_db)
            say(f"mixtures minus the sum of their stems: {worst.residual_db:g} dB at most ({worst.row})")
        splits = ", ".join(f"{split} {count}" for split, count in sorted(report.splits.items()))
        state = f"problems: {len(report.problems)}" if report.problems else "in order"
        say(f"{report.path}: {report.items} items ({splits}), {report.files} files, {state}")
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
    """Write every row as a folder with its mixture and one file a stem, and row.json, which says what it is made of.

    A row that fails is named and the others are done; the same command again does what is left, and what has changed.
    """
    from soli.data.disk import render_manifest
    from soli.data.manifest import read_manifest

    with counting("rows rendered", quiet=json) as bar:
        written = render_manifest(read_manifest(manifest, root=root), out, subtype=subtype, watch=bar.watch)
    if json:
        print_json({"out": str(out), **asdict(written)})
    else:
        if written.failed:
            from soli.cli.tables import print_table

            print_table(("row", "failed"), [(failed.id, failed.error) for failed in written.failed])
        failures = f", {len(written.failed)} failed" if written.failed else ""
        say(f"{written.rows} rows written to {out}, {written.kept} were there before{failures}")
    if written.failed:
        raise typer.Exit(DataError.exit_code)
