"""`soli data bach10`: read Bach10, or chorales laid out like it."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.common import JsonFlag, print_json, print_note, print_warning, say
from soli.cli.problems import tell_problems
from soli.cli.progress import counting
from soli.errors import DataError, OutputError, UsageError, near

if TYPE_CHECKING:
    from soli.data.manifest import Row
    from soli.data.readers.bach10 import Bach10

_MAX_IGNORED = 5


def bach10(
    root: Annotated[Path, typer.Argument(help="The folder of 01-Title, 02-Title ...; only read, never written.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl), outside the set.")],
    leave_out: Annotated[
        int | None,
        typer.Option(help="Make a fold: this song is tested on, the next one validated on, the others trained on."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option("--split", help="Take only train, valid or test; may come again.")
    ] = None,
    match_level: Annotated[
        bool, typer.Option("--match-level", help="Take stems at the level at which they sum to the mix.")
    ] = False,
    limit_db: Annotated[
        float | None,
        typer.Option(
            help="What a mix minus the sum of its stems may have, in dB of the mix; if left, more than rounding to"
            " 16 bits ever leaves."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check Bach10, or rendered chorales laid out like it, and make a manifest of whole songs.

    The set is ROOT/NN-Title/NN-Title.wav and, beside it, NN-Title-{violin,clarinet,saxphone,bassoon}.wav, perhaps in
    folders train, valid and test. All that is wrong with it is named, and then nothing is written.
    """
    from soli.data.folds import leave_one_out
    from soli.data.manifest import relocated, write_manifest
    from soli.data.mixtures import LIMIT_DB
    from soli.data.readers.bach10 import Reading, read_bach10
    from soli.data.readers.problems import BadSetError

    if root.resolve() in out.resolve().parents:
        raise OutputError(f"{out} lies in the data set", wanted="a manifest outside it: nothing is written into a set")
    try:
        with counting("songs read", quiet=json) as bar:
            found = read_bach10(root, Reading(LIMIT_DB if limit_db is None else limit_db, match_level, bar.watch))
            rows = found.rows()
    except BadSetError as error:
        tell_problems(root, error.problems, json=json)
        raise typer.Exit(DataError.exit_code) from error
    if leave_out is not None:
        rows = leave_one_out(rows, leave_out)
    rows = _of_splits(rows, split)
    sha256 = write_manifest(out, relocated(rows, root, out.parent))
    facts = _facts(found, rows)
    if json:
        print_json({"manifest": str(out), "sha256": sha256, **facts, "problems": []})
    else:
        _tell(facts, out)


def _of_splits(rows: list["Row"], splits: list[str] | None) -> list["Row"]:
    """The rows of the splits that are asked for. Raises UsageError where the set has none of them."""
    there = sorted({row.split for row in rows})
    for name in splits or []:
        if name not in there:
            raise UsageError(f"--split {name}: the set has none", do=near(name, there))
    return [row for row in rows if splits is None or row.split in splits]


def _facts(found: "Bach10", rows: list["Row"]) -> dict[str, Any]:
    """What the rows are, and how many songs were read to make them."""
    songs = {song.id: song for song in found.songs}
    taken = [songs[row.id] for row in rows]
    worst = max(taken, key=lambda song: song.sum_db)
    return {
        "rows": len(rows),
        "read": len(found.songs),
        "splits": dict(Counter(row.split for row in rows)),
        "test": [row.id for row in rows if row.split == "test"],
        "sources": list(rows[0].stems),
        "sample_rates": sorted({song.sample_rate for song in taken}),
        "minutes": round(sum(song.duration_s for song in taken) / 60, 2),
        "worst_sum_db": worst.sum_db,
        "worst_sum": worst.id,
        "levels_db": sorted({song.level_db for song in taken}),
        "ignored": found.ignored,
    }


def _tell(facts: dict[str, Any], out: Path) -> None:
    splits = ", ".join(f"{split} {count}" for split, count in facts["splits"].items())
    rates = " and ".join(f"{rate} Hz" for rate in facts["sample_rates"])
    told = f"{_songs(facts['rows'])} ({splits}) of {', '.join(facts['sources'])} in {out}"
    say(f"{told}: {facts['minutes']:g} min, {rates}")
    if facts["read"] != facts["rows"]:
        say(f"read and in order: {_songs(facts['read'])}")
    if facts["test"] and len(facts["test"]) <= _MAX_IGNORED:
        say(f"tested on: {', '.join(facts['test'])}")
    say(f"mixes minus their stems: {facts['worst_sum_db']:g} dB at most ({facts['worst_sum']})")
    if facts["levels_db"] != [0.0]:
        say(f"stems are taken at {' and '.join(f'{level:+.1f} dB' for level in facts['levels_db'])}, as in the mixes")
    folders = [name for name in facts["ignored"] if name.endswith("/")]
    sounds = [name for name in facts["ignored"] if not name.endswith("/")]
    if folders:
        print_note(f"folders without a number are no songs: {_few(folders)}")
    if sounds:
        print_warning(f"ignored, being neither a mix nor one of its stems: {_few(sounds)}")


def _songs(count: int) -> str:
    return "1 song" if count == 1 else f"{count} songs"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_IGNORED} more" if len(names) > _MAX_IGNORED else ""
    return ", ".join(names[:_MAX_IGNORED]) + more
