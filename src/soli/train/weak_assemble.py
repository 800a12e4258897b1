"""Puts a run on labelled clips together: classes, clips, the network with its scaler, and all of it checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from soli.data.leaks import uses_of_rows
from soli.data.manifest import Manifest, Row, read_manifest
from soli.data.origins import origins
from soli.errors import DataError, SoliError, UsageError, near
from soli.modelfile.info import SourceName
from soli.train import features
from soli.train.data_source import check_split, check_validation, manifest_to_validate
from soli.train.dataset import spread, training_rows, validation_rows
from soli.train.fit import check_rate
from soli.train.loop import Training
from soli.train.network import build, network_settings
from soli.train.objectives import EventsObjective, objective_for
from soli.train.presence import check_present, files_of
from soli.train.run import RunFolder, RunSettings, check_settings
from soli.train.weak_items import Clips, labels_of
from soli.train.weak_validate import TagValidation

# Clips that the scaler is fitted on: 300 frames of each are far more than the few numbers of a band need.
_FITTED = 200


def assemble_events(settings: RunSettings, *, data: Path, out: Path) -> Training:
    """As `soli.train.assemble.assemble`, for sound events; classes that are not given are the labels of the data."""
    network_settings(settings)  # what is wrong with any classes is told before the data are looked at
    manifest, valid = _manifests(settings, data)
    rows = training_rows(manifest, split=settings.data.split)
    judged = spread(validation_rows(valid, split=settings.data.valid_split), settings.data.valid_rows)
    settings = with_classes(settings, rows)
    values: Any = network_settings(settings)
    check_clips([*rows, *judged], classes=settings.sources, sample_rate=values.sample_rate)
    check_present([*files_of(rows, manifest.root), *files_of(judged, valid.root)])
    check_validation(settings, uses_of_rows(rows, manifest.root), valid)
    longest_s = max(row.duration_s for row in rows)
    duration_s = min(settings.data.duration_s or longest_s, longest_s)
    clips = Clips(
        spread(rows, settings.data.distinct),
        root=manifest.root,
        classes=settings.sources,
        length=round(duration_s * values.sample_rate),
        hop=values.stft.hop,
        seed=settings.seed,
    )
    network = build(settings)
    fit_scaler(network, clips, values)
    objective = objective_for("events", settings.objective, values)
    assert isinstance(objective, EventsObjective)
    validation = TagValidation(network, objective, judged, root=valid.root, classes=settings.sources)
    validation.check()
    packages = origins((path for row in rows for path, _ in row.files), manifest.root)
    return Training(
        settings=settings,
        folder=RunFolder(out),
        network=network,
        objective=objective,
        mixtures=clips,
        validation=validation,
        data_record={"sha256": manifest.sha256, "packages": packages},
    )


def with_classes(settings: RunSettings, rows: Sequence[Row]) -> RunSettings:
    """The settings with the labels of the rows as classes, where the recipe names none.

    Raises DataError where a label cannot be a class's name, or the recipe names one that no row has.
    """
    labels = labels_of(rows)
    if not settings.sources:
        check_names(labels)
        return check_settings({**settings.model_dump(), "sources": list(labels)}, where="the labels of the data")
    missing = [name for name in settings.sources if name not in labels]
    if missing:
        raise DataError(
            f"no clip to train on is labelled {' or '.join(missing)}",
            wanted=f"clips of {', '.join(settings.sources)}",
            do=f"{near(missing[0], labels)}; name the classes with --set sources=[...], or [] for all labels",
        )
    return settings


def check_names(labels: Sequence[str]) -> None:
    """Raises DataError where labels cannot be the names of classes, and so of files of separated events."""
    names = TypeAdapter(SourceName)
    seen: dict[str, str] = {}
    for label in labels:
        try:
            names.validate_python(label)
        except ValidationError as error:
            raise DataError(
                f'the label "{label}" cannot name a class',
                wanted="letters a to z, digits, spaces, _ and -, the first of them a letter or a digit",
                do="rename it in the data, or leave it out with --set sources=[...]",
            ) from error
        other = seen.setdefault(label.lower(), label)
        if other != label:
            raise DataError(f'the labels "{other}" and "{label}" differ in capital letters alone', wanted="one of them")


def check_clips(rows: Sequence[Row], *, classes: tuple[str, ...], sample_rate: int) -> None:
    """Raises UsageError or DataError where clips have another rate than the network, or labels that are no class."""
    for row in rows:
        check_rate(row.sample_rate, sample_rate, who=f"row {row.id} has")
    known = set(classes)
    for row in rows:
        strange = next((label for label in row.labels if label not in known), None)
        if strange is not None:
            raise DataError(
                f'row {row.id} is labelled "{strange}", which is no class of the network',
                wanted=f"labels of {', '.join(classes)}",
                do=f"{near(strange, classes)}; train with that class too, or leave the label out",
            )


@torch.no_grad()
def fit_scaler(network: Any, clips: Clips, values: Any) -> None:
    """Fits the front end's scaler on some of the clips, evenly spread; each weighs alike. Raises what a clip raises."""
    count = len(clips.rows)
    found = []
    for index in range(0, count, -(-count // _FITTED)):
        item = clips[index]
        if isinstance(item, SoliError):
            raise item
        spectrum = features.as_planes(features.stft(item[0][None], values.stft))
        found.append(network.front_end.features(spectrum)[0])
    network.front_end.fit(torch.cat(found, dim=1))


def _manifests(settings: RunSettings, data: Path) -> tuple[Manifest, Manifest]:
    if data.is_dir():
        raise DataError(f"{data} is a folder", wanted="a manifest file of labelled clips")
    wanted = settings.data
    if wanted.leave_out is not None:
        raise UsageError("data.leave_out is for songs", do="name the splits: data.split, data.valid_split")
    manifest = read_manifest(data)
    check_split(manifest, wanted.split)
    return manifest, manifest_to_validate(wanted, data, manifest)
