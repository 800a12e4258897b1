"""The data of a run, opened and checked: a library with a mixing spec, or a manifest, whole or divided into a fold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from soli.data.corpora.bach10_songs import held_out_songs
from soli.data.folds import SPLITS, leaks, leave_one_out, shared_songs
from soli.data.leaks import Use, check_apart, uses_of_rows, uses_of_sounds
from soli.data.library import LIBRARY_NAME, Library, Split, read_library
from soli.data.manifest import Manifest, read_manifest
from soli.data.origins import origins
from soli.data.plan import Planner
from soli.data.song_mixing import SongMixer
from soli.data.spec import read_spec
from soli.errors import DataError, UsageError, near
from soli.media.hashing import sha256_file
from soli.train.dataset import Cyclic, Excerpts, Items, Mixed, Planned, spread, training_rows
from soli.train.presence import check_present, files_of
from soli.train.run import DataSettings, RunSettings


@dataclass(frozen=True)
class DataSource:
    """The training data of a run: a library with a spec, or a manifest; and the validation manifest."""

    items: Items
    valid: Manifest
    record: dict[str, Any]


def open_data(settings: RunSettings, data: Path) -> DataSource:
    """Opens a library (with the recipe's spec) or a manifest, with what validation needs."""
    folder = data if data.is_dir() else data.parent
    library = folder / LIBRARY_NAME
    if (data.is_dir() or data.name == LIBRARY_NAME) and library.is_file():
        source = _open_library(settings, library)
    elif data.is_dir():
        raise DataError(
            f"{data} holds no {LIBRARY_NAME}",
            wanted="a library or a manifest file",
            do="make a manifest of it: soli data voice-noise, bach10 or stems",
        )
    else:
        source = _open_manifest(settings, data)
    if settings.data.distinct:
        source = replace(source, items=Cyclic(source.items, distinct=settings.data.distinct))
    return source


def _open_library(settings: RunSettings, library: Path) -> DataSource:
    folder, wanted = library.parent, settings.data
    if wanted.spec is None:
        raise UsageError(f"{folder} is a library of sounds", do="name a mixing spec: --set data.spec=voice-train")
    if wanted.mixing is not None or wanted.leave_out is not None:
        raise UsageError(f"{folder} is a library of sounds, and songs are mixed or left out", wanted="a manifest")
    spec = read_spec(wanted.spec)
    if wanted.duration_s:
        spec = spec.model_copy(update={"duration_s": wanted.duration_s})
    sounds = read_library(library)
    split = _library_split(wanted.split)
    planner = Planner(spec, sounds, seed=settings.seed)
    valid = read_manifest(folder / (wanted.valid or "valid.jsonl"))
    drawn = [sound for sound in sounds.sounds if sound.split == split]
    check_present([*(str(folder / sound.path) for sound in drawn), *_files_to_validate(settings, valid)])
    check_validation(settings, uses_of_sounds(drawn, folder), valid)
    record = {"sha256": sha256_file(library), "packages": _packages(sounds, split)}
    return DataSource(Planned(planner, split=split, root=folder), valid, record)


def _open_manifest(settings: RunSettings, data: Path) -> DataSource:
    wanted = settings.data
    manifest = read_manifest(data)
    record: dict[str, Any] = {"sha256": manifest.sha256}
    if wanted.leave_out is not None:
        manifest = _fold(manifest, wanted)
        record["fold"] = {split: [row.id for row in manifest.split(split)] for split in SPLITS}
    check_split(manifest, wanted.split)
    valid = manifest_to_validate(wanted, data, manifest)
    trained = manifest.split(wanted.split)
    check_present([*files_of(trained, manifest.root), *_files_to_validate(settings, valid)])
    check_validation(settings, uses_of_rows(trained, manifest.root), valid)
    _check_songs(manifest, valid, wanted)
    record["packages"] = origins((path for row in trained for path, _ in row.files), manifest.root)
    if wanted.mixing is None:
        items: Items = Excerpts(
            manifest, split=wanted.split, duration_s=wanted.duration_s, seed=settings.seed, remixed=wanted.remix
        )
    else:
        items = _mixed(manifest, settings)
    return DataSource(items, valid, record)


def manifest_to_validate(wanted: DataSettings, data: Path, manifest: Manifest) -> Manifest:
    """The manifest that the recipe names beside the data, or else that of the data. Raises DataError."""
    return read_manifest(data.parent / wanted.valid) if wanted.valid else manifest


def _fold(manifest: Manifest, wanted: DataSettings) -> Manifest:
    if wanted.valid is not None:
        raise UsageError("data.valid and data.leave_out both say what to validate on", do="leave one of them out: null")
    assert wanted.leave_out is not None
    return replace(manifest, rows=tuple(leave_one_out(manifest.rows, wanted.leave_out)))


def _check_songs(manifest: Manifest, valid: Manifest, wanted: DataSettings) -> None:
    """Raises DataError where several splits hold a song, or one is used that is for testing.

    Where songs are mixed, no split may hold a file of another one either, whatever `data.shared_files` says.
    """
    validated = valid.split(wanted.valid_split)
    rows = [*manifest.rows, *(validated if valid is not manifest else [])]
    shared = leaks(rows) if wanted.mixing is not None else shared_songs(rows)
    _refuse(shared, wanted="splits that share no song", do="soli data check names them all")
    # A fold that is made here may train on the songs that it does not leave out, whatever else is in the set.
    if wanted.leave_out is None:
        held_out = held_out_songs(rows, used=[*manifest.split(wanted.split), *validated])
        _refuse(held_out, wanted="other songs to train and validate on, or one left out: --leave-out")


def _refuse(lines: list[str], *, wanted: str, do: str = "") -> None:
    found = list(dict.fromkeys(lines))
    if found:
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        raise DataError(f"{found[0]}{more}", wanted=wanted, do=do)


def _mixed(manifest: Manifest, settings: RunSettings) -> Mixed:
    wanted = settings.data
    assert wanted.mixing is not None
    assert wanted.duration_s is not None
    songs = training_rows(manifest, split=wanted.split)
    mixer = SongMixer(songs, wanted.mixing, split=wanted.split, duration_s=wanted.duration_s, seed=settings.seed)
    return Mixed(mixer, root=manifest.root)


def _files_to_validate(settings: RunSettings, valid: Manifest) -> list[str]:
    wanted = settings.data
    return files_of(spread(valid.split(wanted.valid_split), wanted.valid_rows), valid.root)


def check_split(manifest: Manifest, split: str) -> None:
    """Raises DataError, which names the splits that there are, where the manifest has none of this name."""
    there = tuple({row.split: None for row in manifest.rows})
    if split not in there:
        do = f"{near(split, there)}; or divide a set of songs with --leave-out"
        raise DataError(f'data.split: the manifest has no rows of split "{split}"', do=do)


def check_validation(settings: RunSettings, trained: Iterable[Use], valid: Manifest) -> None:
    """Raises DataError where rows to validate on share a sound file with training, and nobody asked for that."""
    wanted = settings.data
    if wanted.shared_files or wanted.split == wanted.valid_split:
        return
    rows = valid.split(wanted.valid_split)
    do = "plan them apart; or take the scores as too good: --set data.shared_files=true"
    check_apart(trained, uses_of_rows(rows, valid.root), do=do)


def _library_split(name: str) -> Split:
    splits: tuple[Split, ...] = get_args(Split)
    for split in splits:
        if split == name:
            return split
    raise UsageError(f'data.split: a library has no split "{name}"', do=near(name, splits))


def _packages(library: Library, split: str) -> list[dict[str, str]]:
    """Where the sounds that a run trains on come from and under which licences, for the model card."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for sound in library.sounds:
        if sound.split == split:
            licences, kinds = found.setdefault(sound.package, (set(), set()))
            licences.add(sound.licence)
            kinds.add(sound.kind)
    return [
        {"name": name, "licence": " and ".join(sorted(licences)), "role": " and ".join(sorted(kinds))}
        for name, (licences, kinds) in sorted(found.items())
    ]
