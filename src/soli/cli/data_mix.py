"""`soli data mix`: mixtures of songs as a manifest, drawn as training draws them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.common import JsonFlag, print_json, say
from soli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from soli.data.song_mixing import SongMixing


def mix(
    songs: Annotated[Path, typer.Argument(help="The manifest of whole songs.")],
    split: Annotated[str, typer.Option(help="Which of its splits to mix.")],
    count: Annotated[int, typer.Option(min=1, help="How many mixtures.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl).")],
    length: Annotated[float, typer.Option(min=0.1, help="Length of a mixture in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same mixtures.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help='As in a recipe\'s data.mixing: "present=[0, 1]" for duos.')
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Draw mixtures of the songs of a split: one song or several pieces, two instruments or all, at any level.

    Without --set as the songs were played: whole quartets at their own pitch, tempo and levels, from anywhere in them.
    """
    from soli.data.manifest import read_manifest, relocated, write_manifest
    from soli.data.song_mixing import SongMixer

    manifest = read_manifest(songs)
    if out.exists() and out.samefile(songs):
        raise OutputError(f"{out} is the manifest of the songs itself", wanted="another --out")
    rows = manifest.split(split)
    if not rows:
        there = ", ".join(sorted({row.split for row in manifest.rows}))
        raise UsageError(f"{songs} has no split {split}", wanted=f"one of {there}")
    mixer = SongMixer(rows, _mixing(set_ or []), split=split, duration_s=length, seed=seed)
    mixed = [mixer.row(index) for index in range(count)]
    sha256 = write_manifest(out, relocated(mixed, manifest.root, out.parent))
    if json:
        print_json({"manifest": str(out), "rows": count, "sources": list(mixer.sources), "sha256": sha256})
    else:
        told = f"{count} mixtures of {', '.join(mixer.sources)} from {len(rows)} songs, {count * length / 60:.1f} min"
        say(f"{told}, in {out}")


_AS_PLAYED = {"start_s": None, "pitch_semitones": (0, 0), "stretch": (1, 1), "gain_db": (0, 0)}


def _mixing(overrides: list[str]) -> "SongMixing":
    """The settings that the overrides make of songs as they were played. Raises UsageError naming the setting."""
    from soli.data.song_mixing import SongMixing
    from soli.train.overrides import checked, keys_of, set_value

    values: dict[str, Any] = dict(_AS_PLAYED)
    for override in overrides:
        set_value(values, override)
    return checked(SongMixing, values, where="--set", told=keys_of(overrides))
