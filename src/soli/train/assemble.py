"""Puts a run together from its settings and its data, and checks all of it before the first step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from soli.data.leaks import Use, check_apart, uses_of_rows, uses_of_sounds
from soli.data.library import LIBRARY_NAME, Library, Split, read_library
from soli.data.manifest import Manifest, Row, read_manifest
from soli.data.plan import Planner
from soli.data.spec import read_spec
from soli.errors import DataError, UsageError, near
from soli.media.hashing import sha256_file
from soli.modelfile import REST
from soli.train.dataset import Excerpts, Items, Mixtures, Planned, validation_rows
from soli.train.families import family
from soli.train.fit import check_fit
from soli.train.loop import Training
from soli.train.network import build, network_settings
from soli.train.objectives import objective_for
from soli.train.presence import check_present, files_of
from soli.train.run import RunFolder, RunSettings
from soli.train.validate import Validation


@dataclass(frozen=True)
class DataSource:
    """The training data of a run: a library with a spec, or a manifest; and the validation manifest."""

    items: Items
    valid: Manifest
    record: dict[str, Any]


def assemble(settings: RunSettings, *, data: Path, out: Path) -> Training:
    """Builds network, objective, items and validation; raises UsageError or DataError where they do not fit."""
    check_fit(settings)
    values: Any = network_settings(settings)
    source = open_data(settings, data)
    if source.items.sample_rate != values.sample_rate:
        raise UsageError(
            f"the data have {source.items.sample_rate} Hz, the network is set to {values.sample_rate} Hz",
            do=f"give data of {values.sample_rate} Hz; or --set network.sample_rate={source.items.sample_rate}, "
            "and scale what the network counts in samples",
        )
    check_sources(settings, source.items)
    network = build(settings)
    kind, interchangeable = family(settings.family).kind, settings.interchangeable
    objective = objective_for(kind, settings.objective, values, interchangeable=interchangeable)
    rows = validation_rows(source.valid, split=settings.data.valid_split)
    check_rows(rows, sample_rate=values.sample_rate, sources=settings.estimated)
    validation = Validation(
        network,
        objective,
        spread(rows, settings.data.valid_rows),
        root=source.valid.root,
        sources=settings.estimated,
        rest=settings.rest,
        interchangeable=interchangeable,
    )
    validation.check()
    return Training(
        settings=settings,
        folder=RunFolder(out),
        network=network,
        objective=objective,
        mixtures=Mixtures(source.items, settings.sources),
        validation=validation,
        data_record=source.record,
    )


def open_data(settings: RunSettings, data: Path) -> DataSource:
    """Opens a library (with the recipe's spec) or a manifest, with what validation needs."""
    folder = data if data.is_dir() else data.parent
    library = folder / LIBRARY_NAME
    if (data.is_dir() or data.name == LIBRARY_NAME) and library.is_file():
        if settings.data.spec is None:
            raise UsageError(f"{data} is a library of sounds", do="name a mixing spec: --set data.spec=voice-train")
        spec = read_spec(settings.data.spec)
        if settings.data.duration_s:
            spec = spec.model_copy(update={"duration_s": settings.data.duration_s})
        sounds = read_library(library)
        split = _library_split(settings.data.split)
        planner = Planner(spec, sounds, seed=settings.seed)
        valid = read_manifest(folder / (settings.data.valid or "valid.jsonl"))
        drawn = [each for each in sounds.sounds if each.split == split]
        check_present([*(str(folder / each.path) for each in drawn), *_files_to_validate(settings, valid)])
        check_validation(settings, uses_of_sounds(drawn, folder), valid)
        record = {"sha256": sha256_file(library), "packages": _packages(sounds, split)}
        return DataSource(Planned(planner, split=split, root=folder), valid, record)
    if data.is_dir():
        raise DataError(
            f"{data} holds no {LIBRARY_NAME}",
            wanted="a library or a manifest file",
            do="make a manifest of it: soli data voice-noise, or soli data stems",
        )
    manifest = read_manifest(data)
    check_split(manifest, settings.data.split)
    valid = read_manifest(folder / settings.data.valid) if settings.data.valid else manifest
    wanted = settings.data
    items = Excerpts(
        manifest, split=wanted.split, duration_s=wanted.duration_s, seed=settings.seed, remixed=wanted.remix
    )
    check_present([*files_of(items.rows, manifest.root), *_files_to_validate(settings, valid)])
    check_validation(settings, uses_of_rows(items.rows, manifest.root), valid)
    return DataSource(items, valid, {"sha256": sha256_file(data), "packages": []})


def _files_to_validate(settings: RunSettings, valid: Manifest) -> list[str]:
    wanted = settings.data
    return files_of(spread(valid.split(wanted.valid_split), wanted.valid_rows), valid.root)


def check_split(manifest: Manifest, split: str) -> None:
    """Raises DataError, which names the splits that there are, where the manifest has none of this name."""
    there = tuple({row.split: None for row in manifest.rows})
    if split not in there:
        raise DataError(f'data.split: the manifest has no rows of split "{split}"', do=near(split, there))


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


def check_sources(settings: RunSettings, items: Items) -> None:
    """Renders a few items and compares its sources with the recipe's: DataError names what is missing."""
    found: set[str] = set()
    for index in range(8):  # a few: one item may be of noise alone
        found |= set(items(index).stems)
    missing = [source for source in settings.sources if source not in found]
    if missing:
        raise DataError(
            f"no item holds the source {' or '.join(missing)}",
            wanted=f"data with the sources {', '.join(settings.sources)}",
            do=f"the data hold {', '.join(sorted(found))}: --set sources=[...] or name other data",
        )
    others = sorted(found - set(settings.sources))
    whole = _takes_all(settings)
    if whole and others:
        instead = ", or set consistent: false" if settings.consistent else ""
        raise DataError(
            f"{whole}: the items also hold {', '.join(others)}, so that the sources do not sum to the mixture",
            do=f"add {', '.join(others)} to sources{instead}",
        )


def _takes_all(settings: RunSettings) -> str:
    """What takes the sources for all that the mixture holds; "" where nothing does, as a source called "rest"."""
    if settings.consistent:
        return "consistent"
    if settings.rest not in (None, REST):
        return f'the rest "{settings.rest}"'
    return settings.family if settings.rest is None and family(settings.family).shares_all else ""


def check_rows(rows: list[Row], *, sample_rate: int, sources: Sequence[str]) -> None:
    """Raises DataError where rows to validate on have another rate than the network, or none of its sources."""
    off = next((row for row in rows if row.sample_rate != sample_rate), None)
    if off is not None:
        raise DataError(
            f"row {off.id}, to validate on, has {off.sample_rate} Hz",
            wanted=f"{sample_rate} Hz, to which the network is set",
            do="give validation rows of the training data's rate",
        )
    if not any(set(sources) & set(row.stems) for row in rows):
        held = ", ".join(sorted({source for row in rows for source in row.stems})) or "nothing"
        raise DataError(f"the rows to validate on hold {held}", wanted=f"one of the sources {', '.join(sources)}")


def spread(rows: list[Row], count: int) -> list[Row]:
    """At most `count` of the rows, evenly spread over them; all of them where `count` is 0."""
    if not 0 < count < len(rows):
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]


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
