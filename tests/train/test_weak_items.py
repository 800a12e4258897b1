"""Clips as training items, and how weights are judged on others."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_clips import CLASSES, RATE, SECONDS, write_clips

from soli.data.manifest import Manifest, Part, Row, read_manifest
from soli.data.render import render
from soli.errors import DataError, SoliError
from soli.train.families import FAMILIES, read_settings
from soli.train.objectives import EventsObjective, objective_for
from soli.train.weak_items import Clips, labels_of
from soli.train.weak_validate import TagValidation

HOP = 128


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return read_manifest(write_clips(tmp_path_factory.mktemp("clips")))


def clips(manifest: Manifest, *, length: int = round(RATE * SECONDS), seed: int = 1) -> Clips:
    return Clips(manifest.split("train"), root=manifest.root, classes=CLASSES, length=length, hop=HOP, seed=seed)


def item(of: Clips, index: int) -> tuple[torch.Tensor, ...]:
    found = of[index]
    assert not isinstance(found, SoliError)
    return found


def test_every_clip_comes_once_before_any_comes_again_and_in_another_order(manifest: Manifest) -> None:
    made = clips(manifest)
    rounds = [[made.row(index).id for index in range(24 * turn, 24 * turn + 24)] for turn in range(3)]
    names = {row.id for row in manifest.split("train")}
    assert all(set(each) == names for each in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    assert rounds[0] == [clips(manifest).row(index).id for index in range(24)]
    assert rounds[0] != [clips(manifest, seed=2).row(index).id for index in range(24)]


def test_an_item_is_the_row_rendered_and_its_labels(manifest: Manifest) -> None:
    made = clips(manifest)
    for index in (0, 7, 30):
        row = made.row(index)
        mixture, tags, active = item(made, index)
        np.testing.assert_array_equal(mixture.numpy(), render(row, manifest.root).mixture[0])
        assert [name for name, tag in zip(CLASSES, tags, strict=True) if tag] == sorted(row.labels)
        for part in row.parts:
            if part.source == "scene":
                continue
            frames = np.flatnonzero(active[CLASSES.index(part.source)].numpy())
            assert frames[0] == int(part.onset_s * RATE / HOP + 1e-9)
            assert frames[-1] == int((part.onset_s + part.duration_s) * RATE / HOP + 1e-9)


def test_short_clips_are_followed_by_silence_and_long_ones_cut(manifest: Manifest) -> None:
    whole = round(RATE * SECONDS)
    longer, shorter = clips(manifest, length=whole + 1000), clips(manifest, length=4000)
    mixture, _, active = item(longer, 0)
    assert not mixture[whole:].any()
    assert active.shape[1] == -(-(whole + 1000) // HOP) + 1
    cut, tags, seen = item(shorter, 0)
    full = item(clips(manifest), 0)
    starts = [s for s in range(whole - 4000 + 1) if torch.equal(full[0][s : s + 8], cut[:8])]
    assert len(starts) == 1
    assert torch.equal(full[0][starts[0] : starts[0] + 4000], cut)
    assert torch.equal(full[1], tags)
    # Frames move along with the cut, to within one at either end.
    for k in range(3):
        kept = full[2][k][round(starts[0] / HOP) :][: seen.shape[1]]
        assert abs(float(kept.sum() - seen[k].sum())) <= 2
    assert torch.equal(item(shorter, 0)[0], cut)
    assert not torch.equal(item(shorter, 24)[0], cut)


def test_an_item_that_cannot_be_read_is_an_error_to_tell(manifest: Manifest, tmp_path: Path) -> None:
    row = Row(id="x", split="train", sample_rate=RATE, duration_s=1, parts=(), mixture="gone.wav", labels=("hum",))
    made = Clips([row], root=tmp_path, classes=CLASSES, length=RATE, hop=HOP, seed=1)
    found = made[0]
    assert isinstance(found, SoliError)
    assert "gone.wav" in str(found)


def test_labels_are_the_classes_in_alphabetical_order(manifest: Manifest) -> None:
    assert labels_of(manifest.rows) == CLASSES
    with pytest.raises(DataError, match="none of the 1 rows to train on has a label"):
        labels_of([Row(id="x", split="train", sample_rate=8000, duration_s=1, parts=(Part(source="a", duration_s=1),))])


class Told(torch.nn.Module):
    """A network that gives tags by the level of the mixture, as `gain` and `bias` say."""

    def __init__(self, gain: list[float]) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.register_buffer("thresholds", torch.full((len(gain),), 0.1))

    def forward(self, spectrum: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        level = spectrum.square().mean(dim=(1, 2, 3))
        tags = (level[:, None] * self.gain).sigmoid()
        return tags[:, :, None, None].expand(-1, -1, 4, spectrum.shape[-1]), tags


def judge(manifest: Manifest, network: torch.nn.Module, rows: list[Row], classes: tuple[str, ...]) -> TagValidation:
    values = read_settings("weak_cnn", FAMILIES["weak_cnn"].presets["small"])
    objective = objective_for("events", {"tag_bce": 1}, values)
    assert isinstance(objective, EventsObjective)
    return TagValidation(network, objective, rows, root=manifest.root, classes=classes)


def test_the_score_is_the_average_precision_and_thresholds_go_with_the_weights(manifest: Manifest) -> None:
    """Tags that rise with the level: higher with a sound than without, so one class ranks right and one upside down."""
    rows = manifest.split("valid")
    loud = [float(np.mean(render(row, manifest.root).mixture ** 2)) for row in rows]
    median = float(np.median(loud))
    labelled = [
        row.model_copy(update={"labels": ("hum",) * (level > median)}) for row, level in zip(rows, loud, strict=True)
    ]
    right, wrong = Told([1.0]), Told([-1.0])
    scores = {}
    for name, network in (("right", right), ("wrong", wrong)):
        weights = {key: value.clone() for key, value in network.state_dict().items()}
        scores[name] = judge(manifest, network, labelled, ("hum",)).run(weights)
        assert weights["thresholds"] != 0.1
        assert torch.equal(network.thresholds, torch.tensor([0.1]))  # the network in training keeps its own
    assert scores["right"] == {"valid_score": 1.0, "valid_auc": 1.0, "valid_f1": 1.0}
    assert scores["wrong"]["valid_auc"] == 0
    assert 0 < scores["wrong"]["valid_score"] < 0.6


def test_a_class_of_too_few_clips_keeps_the_usual_threshold(manifest: Manifest) -> None:
    first, *others = manifest.split("valid")
    rows = [first.model_copy(update={"labels": ("hum",)}), *(row.model_copy(update={"labels": ()}) for row in others)]
    weights = Told([1.0]).state_dict()
    judge(manifest, Told([1.0]), rows, ("hum",)).run(weights)
    assert torch.equal(weights["thresholds"], torch.tensor([0.1]))


def test_rows_that_cannot_tell_are_refused(manifest: Manifest) -> None:
    rows = [row.model_copy(update={"labels": ("hum",)}) for row in manifest.split("valid")]
    with pytest.raises(DataError, match="none of the 1 classes can be scored on the 15 rows"):
        judge(manifest, Told([1.0]), rows, ("hum",)).check()
    judge(manifest, Told([1.0, 1.0, 1.0]), manifest.split("valid"), CLASSES).check()
