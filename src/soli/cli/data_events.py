"""`soli data dcase2013`, `dcase2018`, `tagged` and `build scenes`: sets of sound events, mixed or read."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from soli.cli.common import JsonFlag, comma_list, print_json, print_warning, say
from soli.cli.progress import counting
from soli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from soli.data.events.build import Built

    Settings = TypeVar("Settings", bound=BaseModel)

WorkersOption = Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core, 8 at most.")]
AudioOption = Annotated[
    bool, typer.Option(help="Write the mixtures; without, only the plan, which training and scores render as they go.")
]
SubtypeOption = Annotated[str, typer.Option(help="Of the files: pcm16, pcm24 or float32.")]
_TRUE, _FALSE = ("true", "yes", "t", "y", "1"), ("false", "no", "f", "n", "0")


def dcase2013(
    source: Annotated[
        Path,
        typer.Option(
            "--dcase-2013-stereo-data-folder",
            help="singlesounds_stereo, or any folder of <class><nn>.wav, a folder a class, or a csv of file and label.",
        ),
    ],
    out: Annotated[Path, typer.Option("--output-folder", "-o", help="The folder to make the set in.")],
    length: Annotated[float, typer.Option(help="Length of a mix in seconds.")] = 10.0,
    max_event: Annotated[int, typer.Option(help="Most events in a mix.")] = 4,
    overlap: Annotated[str, typer.Option(help="May events overlap: true or false, yes or no, 1 or 0.")] = "False",
    crop: Annotated[
        bool, typer.Option(help="Cut events that are longer than a mix, as the reference does, and do not refuse them.")
    ] = False,
    white_noise_ratio: Annotated[
        float, typer.Option(help="Energy of the white noise over that of the clean mix, 0 to 1.")
    ] = 0.05,
    sampling_rate: Annotated[int, typer.Option(help="8000, 16000 or 44100 Hz.")] = 16000,
    n_files: Annotated[int, typer.Option(help="How many mixes, in all three folders together.")] = 2000,
    training_share: Annotated[float, typer.Option(help="Of the source files of each class.")] = 0.8,
    development_share: Annotated[float, typer.Option(help="Likewise; the rest is for validation.")] = 0.1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    audio: AudioOption = True,
    subtype: SubtypeOption = "pcm16",
    workers: WorkersOption = None,
    json: JsonFlag = False,
) -> None:
    """Mix single sounds as the weak-label thesis does: training, development and validation, with weak_labels.csv.

    Everything is planned first, as OUTPUT_FOLDER/manifest.jsonl. Run it again after an interruption: it goes on.
    """
    from soli.data.events import dcase2013 as mixer
    from soli.data.events.mixers import build_dcase2013

    settings = _checked(
        mixer.Settings,
        {
            "length": length,
            "max_event": max_event,
            "overlap": truth(overlap),
            "crop": crop,
            "white_noise_ratio": white_noise_ratio,
            "sampling_rate": sampling_rate,
            "n_files": n_files,
            "training_share": training_share,
            "development_share": development_share,
            "seed": seed,
        },
    )
    with counting("files", quiet=json) as bar:
        built = build_dcase2013(source, out, settings, _work(audio, subtype, workers, bar.watch))
    _tell(built, audio=audio, json=json)


def dcase2018(
    events: Annotated[
        Path,
        typer.Option(
            "--dcase2018-task2-dataset-dir",
            help="Events: a folder with train.csv and audio_train, or any folder or csv of tagged sounds.",
        ),
    ],
    out: Annotated[Path, typer.Option("--workspace", "-o", help="The folder to make the set in.")],
    scenes: Annotated[
        Path | None,
        typer.Option("--dcase2018-task1-dataset-dir", help="Scenes: a folder with meta.csv, or any folder of sounds."),
    ] = None,
    scene_type: Annotated[str, typer.Option(help="dcase2018_task1 or white_noise.")] = "dcase2018_task1",
    snr: Annotated[
        float, typer.Option(help="Of every event, in dB: its RMS over its whole file, over the scene's.")
    ] = 0.0,
    per_fold: Annotated[int, typer.Option(help="Mixtures in each of the four folds.")] = 2000,
    sampling_rate: Annotated[int, typer.Option(help="In Hz.")] = 32000,
    mixture_yaml: Annotated[
        Path | None, typer.Option(help="Render this plan, as published, instead of drawing one.")
    ] = None,
    validate: Annotated[
        bool, typer.Option(help="In each fold-K.jsonl keep the fold after K for validation, and train on two.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws the folds and mixtures.")] = 1234,
    audio: AudioOption = True,
    subtype: SubtypeOption = "pcm16",
    workers: WorkersOption = None,
    json: JsonFlag = False,
) -> None:
    """Mix three events a scene in four folds, as Kong et al. do: mixture.yaml, two-channel truth, a manifest a fold.

    Everything is planned first, as WORKSPACE/manifest.jsonl. Run it again after an interruption: it goes on.
    """
    from soli.data.events import dcase2018 as mixer
    from soli.data.events.mixers import build_dcase2018

    settings = _checked(
        mixer.Settings,
        {
            "scene_type": scene_type,
            "snr": snr,
            "sampling_rate": sampling_rate,
            "per_fold": per_fold,
            "seed": seed,
        },
    )
    with counting("files", quiet=json) as bar:
        work = _work(audio, subtype, workers, bar.watch)
        built = build_dcase2018(events, scenes, out, settings, work, plan_file=mixture_yaml, validate=validate)
    _tell(built, audio=audio, json=json)


def tagged(
    place: Annotated[
        Path,
        typer.Argument(
            help="A folder of <class><nn>.wav, a folder a class, a csv of file and label, or one with weak_labels.csv."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write (.jsonl), outside the set.")],
    valid: Annotated[float, typer.Option(help="Share of each class's clips to validate on.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of each class's clips to test on.")] = 0.1,
    rate: Annotated[
        int | None, typer.Option(min=1000, max=768_000, help="Sample rate in Hz; that of the clips.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws which clips validate and test.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Make a manifest of clips that are tagged with what they hold, every class in train, valid and test.

    A set that is divided into training, development and validation stays so: they become train, valid and test.
    """
    from soli.data.events.clips import Division, read_clips
    from soli.data.folds import SPLITS
    from soli.data.manifest import relocated, write_manifest

    if place.resolve() in out.resolve().parents:
        raise OutputError(f"{out} lies in the set", wanted="a manifest outside it: nothing is written into a set")
    with counting("clips read", quiet=json) as bar:
        found = read_clips(place, division=Division(valid, test, seed), sample_rate=rate, watch=bar.watch)
    sha256 = write_manifest(out, relocated(found.rows, found.root, out.parent))
    splits = {split: sum(row.split == split for row in found.rows) for split in SPLITS}
    if json:
        told = {"rows": len(found.rows), "splits": splits, "classes": list(found.classes)}
        print_json({"manifest": str(out), "sha256": sha256, **told, "unlisted": list(found.unlisted)})
        return
    listed = ", ".join(f"{split} {count}" for split, count in splits.items() if count)
    say(f"{len(found.rows)} clips ({listed}) of {len(found.classes)} classes in {out}: {', '.join(found.classes)}")
    if found.unlisted:
        print_warning(f"{len(found.unlisted)} files are not in {place}, and left out: the first is {found.unlisted[0]}")


def build_scenes(
    out: Annotated[Path, typer.Argument(help="The folder to build the benchmark in.")],
    esc10: Annotated[
        Path | None, typer.Option(help="ESC-10: a folder a class with FOLD-CLIP-TAKE.ogg; by default esc10 beside OUT.")
    ] = None,
    packages_root: Annotated[
        Path | None, typer.Option(help="Look for unpacked packages in this folder instead of among the installed ones.")
    ] = None,
    download: Annotated[
        bool, typer.Option(help="Fetch the packages with apt-get download and unpack them in OUT/.packages.")
    ] = False,
    snr: Annotated[str, typer.Option(help="The SNRs in dB, with commas between.")] = "20,10,0",
    per_fold: Annotated[int, typer.Option(help="Mixtures in each of the five folds.")] = 400,
    seed: Annotated[int, typer.Option(help="Draws the mixtures.")] = 1234,
    json: JsonFlag = False,
) -> None:
    """Build a free benchmark of ten sound events over ambience: ESC-10 in the protocol of Kong et al.

    OUT/snr-S-fold-K.jsonl tests on fold K, validates on the next and trains on the other three, at S dB.
    """
    from soli.data.events import scenes

    snrs = comma_list(snr, "--snr") or ()
    settings = _checked(scenes.Settings, {"snr": snrs, "per_fold": per_fold, "seed": seed})
    with counting("sounds", quiet=json) as bar:
        built = scenes.build(
            out,
            esc10 or out.parent / "esc10",
            settings,
            packages_root=packages_root,
            download=download,
            watch=bar.watch,
        )
    if json:
        print_json(asdict(built))
        return
    for fold, (events, minutes) in built.folds.items():
        say(f"fold {fold}: {events} events, {minutes:g} min of ambience, {settings.per_fold} mixtures at each SNR")
    say(f"{len(built.manifests)} manifests in {built.out}: {', '.join(built.manifests)}")


def truth(text: str) -> bool:
    """What a word for true or false means, in any case. Raises UsageError for another word."""
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise UsageError(f"--overlap {text}", wanted=f"one of {', '.join((*_TRUE, *_FALSE))}, in any case")
    return word in _TRUE


def _checked(kind: "type[Settings]", values: Mapping[str, Any]) -> "Settings":
    """The settings, or UsageError naming the option that is wrong."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise UsageError(message) from error
        name = str(first["loc"][0])
        option = name.replace("_", "-")
        raise UsageError(f"--{option} {values[name]}", wanted=message.lower()) from error


def _work(audio: bool, subtype: str, workers: int | None, watch: Any) -> Any:
    from soli.data.events.mixers import Work
    from soli.separation.runtime import available_threads

    return Work(audio, subtype, workers or min(available_threads(), 8), watch, watch)


def _tell(built: "Built", *, audio: bool, json: bool) -> None:
    if json:
        print_json(asdict(built))
        return
    splits = ", ".join(f"{split} {count}" for split, count in built.splits.items())
    say(f"{built.rows} mixtures planned in {built.manifest} ({splits})")
    if audio:
        say(f"{built.written} mixtures written to {built.out}, {built.kept} were there before")
