"""`soli data build chorales`: render a set of chorales with sampled instruments."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soli.cli.common import JsonFlag, print_json, say
from soli.cli.progress import counting
from soli.errors import UsageError, near

if TYPE_CHECKING:
    from soli.data.library import Split


def build_chorales(
    out: Annotated[Path, typer.Argument(help="The folder to build the set in.")],
    train: Annotated[int, typer.Option(min=0, help="Performances to train on.")] = 150,
    valid: Annotated[int, typer.Option(min=0, help="Performances to validate on.")] = 12,
    test: Annotated[int, typer.Option(min=0, help="Performances to test on, Bach10's chorales first.")] = 20,
    font: Annotated[
        list[str] | None,
        typer.Option(
            "--font",
            help="SPLIT=FONT, may come again: a .sf2 file, a folder of .pat files, or one of the packages"
            " fluid-soundfont-gm, minuet-data, denemo-data (these train by default), timgm6mb-soundfont (validates)"
            " and freepats (tests). Several may train: each player's is drawn.",
        ),
    ] = None,
    packages_root: Annotated[
        Path | None,
        typer.Option(help="Look for unpacked packages in this folder instead of among the installed ones."),
    ] = None,
    download: Annotated[
        bool, typer.Option(help="Fetch the packages with apt-get download and unpack them in OUT/.packages.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core, 8 at most.")] = None,
    json: JsonFlag = False,
) -> None:
    """Render four-part chorales by Bach with sampled violin, clarinet, saxophone and bassoon, laid out as Bach10 is.

    They are played with phrasing, vibrato and all that players do. No chorale is in two splits; nor is a tune,
    told by a shared beginning or eleven moves in a row. Run it again after an interruption: it goes on.
    """
    from soli.data.corpora.chorales import Settings, build
    from soli.data.corpora.fonts import font_sources
    from soli.separation.runtime import available_threads

    settings = Settings(train=train, valid=valid, test=test, seed=seed)
    sources = font_sources(
        _given(font or []),
        list(settings.counts),
        packages_root=packages_root,
        download=out / ".packages" if download else None,
    )
    with counting("scores, then pieces", quiet=json) as bar:
        built = build(
            out,
            settings,
            sources,
            workers=workers or min(available_threads(), 8),
            watch=bar.watch,
            watch_scores=bar.watch,
        )
    if json:
        print_json(asdict(built))
        return
    pieces = ", ".join(f"{split} {count}" for split, count in built.pieces.items())
    text = f"{built.written} pieces written to {out}, {built.kept} were there before ({pieces}; {built.hours:.2f} h)"
    say(text)


def _given(options: list[str]) -> "dict[Split, list[str]]":
    """The fonts by split. Raises UsageError where an option is no SPLIT=FONT, or one is given too many."""
    from typing import get_args

    from soli.data.library import Split

    given: dict[Split, list[str]] = {}
    for option in options:
        name, _, font = option.partition("=")
        split = next((each for each in get_args(Split) if each == name), None)
        if split is None or not font:
            known = list(get_args(Split))
            raise UsageError(f"--font {option}", wanted="SPLIT=FONT", do="" if split else near(name, known))
        if split in given and split != "train":
            raise UsageError(f"--font {split} was given twice", wanted="one font to validate and one to test")
        if font in given.get(split, []):
            raise UsageError(f"--font {option} was given twice", wanted="every font once")
        given.setdefault(split, []).append(font)
    return given
