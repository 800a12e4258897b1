"""`soli data voice-noise` and `soli data build voice-noise`: read such a set, and make one."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soli.cli.common import JsonFlag, print_json, print_warning, say
from soli.cli.problems import tell_problems
from soli.cli.progress import counting
from soli.errors import DataError, OutputError, UsageError

if TYPE_CHECKING:
    from soli.data.corpora.voice_noise_items import Settings
    from soli.data.readers.voice_noise import VoiceNoise


def voice_noise(
    root: Annotated[
        Path, typer.Argument(help="The set: a folder with train and test in it; only read, never written.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl), outside the set.")],
    valid: Annotated[
        int | None,
        typer.Option(min=0, help="Training folders to hold out for validation; by default a twentieth, 200 at most."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the folders that are held out.")] = 0,
    split: Annotated[
        list[str] | None, typer.Option("--split", help="Take only train, train_small, valid or test; may come again.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check a voice-and-noise set and make a manifest of it.

    The set is ROOT/{train,train_small,test}/NNNN/{mix_snr_XX,voice,noise}.wav. All that is wrong with it is named,
    and then nothing is written.
    """
    from soli.data.manifest import relocated, write_manifest
    from soli.data.readers.problems import BadSetError
    from soli.data.readers.voice_noise import read_voice_noise
    from soli.data.tracks import rows_of_tracks

    if root.resolve() in out.resolve().parents:
        raise OutputError(f"{out} lies in the data set", wanted="a manifest outside it: nothing is written into a set")
    try:
        with counting("folders read", quiet=json) as bar:
            found = read_voice_noise(root, valid=valid, seed=seed, splits=split, watch=bar.watch)
    except BadSetError as error:
        tell_problems(root, error.problems, json=json)
        raise typer.Exit(DataError.exit_code) from error
    sha256 = write_manifest(out, relocated(rows_of_tracks(found.tracks, root), root, out.parent))
    if json:
        print_json({"manifest": str(out), "sha256": sha256, **_facts(found), "problems": []})
    else:
        _tell(found, out)


def _facts(found: "VoiceNoise") -> dict[str, Any]:
    snrs = [item.snr_db for item in found.items]
    return {
        "rows": len(found.items),
        "splits": found.splits,
        "sample_rates": sorted({item.sample_rate for item in found.items}),
        "minutes": round(sum(item.duration_s for item in found.items) / 60, 2),
        "snr_db": [min(snrs), max(snrs)],
        "worst_sum_db": found.worst.sum_db,
        "worst_sum": found.worst.id,
        "held_out": found.held_out,
        "held_out_apart": found.apart,
        "copies_left_out": found.copies,
        "test_noises_elsewhere": found.heard,
        "ignored": found.ignored,
    }


def _tell(found: "VoiceNoise", out: Path) -> None:
    facts = _facts(found)
    splits = ", ".join(f"{split} {count}" for split, count in found.splits.items())
    rates = " and ".join(f"{rate} Hz" for rate in facts["sample_rates"])
    low, high = facts["snr_db"]
    say(f"{facts['rows']} items ({splits}) in {out}: {facts['minutes']:g} min, {rates}, SNR {low:g} to {high:g} dB")
    say(f"mixtures minus voice and noise: {facts['worst_sum_db']:g} dB at most ({facts['worst_sum']})")
    say("training and scores take voice plus noise for the mixture")
    if found.held_out:
        say("valid was held out of the training folders, since the set has no such split")
    if not found.apart:
        print_warning(
            "items of valid share voice or noise files with train, since nearly all do: their scores will look better"
            " than they are"
        )
    if found.heard:
        print_warning(
            f"the noise of these items of test is in another split too: {_few(found.heard)}; their scores will look"
            " better than they are"
        )
    if found.copies:
        say(f"left out of train_small, being in valid: {_few(found.copies)}")
    if found.ignored:
        print_warning(f"ignored, being no part of the layout: {_few(found.ignored)}")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def build_voice_noise(
    out: Annotated[Path, typer.Argument(help="The folder to build the set in.")],
    train: Annotated[int, typer.Option(min=1, help="Items to train on.")],
    test: Annotated[int, typer.Option(min=1, help="Items to test on.")],
    valid: Annotated[int, typer.Option(min=0, help="Items to validate on, of speakers of their own.")] = 0,
    snr: Annotated[str, typer.Option(help="The SNRs in dB, whole numbers: LOWEST..HIGHEST.")] = "-4..4",
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 8000,
    length: Annotated[float, typer.Option(help="Length of an item in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
    from_: Annotated[
        Path | None, typer.Option("--from", help="The speech-noise library; by default speech-noise beside OUT.")
    ] = None,
    packages_root: Annotated[
        Path | None, typer.Option(help="Where there is no library yet: build it from the unpacked packages in here.")
    ] = None,
    download: Annotated[bool, typer.Option(help="Where there is no library yet: fetch the packages for it.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core, 8 at most.")] = None,
    json: JsonFlag = False,
) -> None:
    """Make a voice-and-noise set of a speech-noise library: mixtures at whole dB, disjoint splits, any rate and length.

    Run it again after an interruption: it goes on.
    """
    from soli.data.corpora.voice_noise import build
    from soli.separation.runtime import available_threads

    settings = _settings(
        train=train, test=test, valid=valid, snr_db=_range(snr), sample_rate=rate, length_s=length, seed=seed
    )
    library = _library(out, from_, packages_root, download, quiet=json)
    with counting("items", quiet=json) as bar:
        built = build(
            out,
            library,
            settings,
            workers=workers or min(available_threads(), 8),
            watch=bar.watch,
            warn=print_warning,
        )
    if json:
        print_json(asdict(built))
        return
    items = ", ".join(f"{split} {count}" for split, count in built.items.items())
    say(f"{built.written} items written to {out}, {built.kept} were there before ({items}; {built.hours:.2f} h)")


def _library(out: Path, given: Path | None, packages_root: Path | None, download: bool, *, quiet: bool) -> Path:
    from soli.data.corpora.voice_noise import library_beside

    if given is not None:
        if packages_root is not None or download:
            raise UsageError("--from with --packages-root or --download", wanted="a library, or how to build one")
        return given
    with counting("files read for the library", quiet=quiet) as bar:
        return library_beside(out, packages_root=packages_root, download=download, watch=bar.watch)


def _range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?\d+)(?:\.\.([+-]?\d+))?", text.strip())
    if match is None:
        raise UsageError(f"--snr {text}", wanted="whole numbers of dB such as -4..4, or one")
    return int(match[1]), int(match[2] or match[1])


def _settings(**values: Any) -> "Settings":
    from pydantic import ValidationError

    from soli.data.corpora.voice_noise_items import Settings

    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = {"snr_db": "snr", "sample_rate": "rate", "length_s": "length"}
        name = str(first["loc"][0]) if first["loc"] else "snr"
        raise UsageError(f"--{option.get(name, name)}: {first['msg'].removeprefix('Value error, ')}") from error
