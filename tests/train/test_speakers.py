"""Interchangeable sources from folders as LibriMix has them, through reader, recipe, training, resuming, validation."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from soli.errors import DataError
from soli.train.assemble import assemble
from soli.train.log import read_log
from soli.train.loop import Training, train
from soli.train.run import RunSettings, find_recipe, read_recipe

BRIEF = [
    "data.duration_s=1",
    "data.workers=0",
    "data.valid_rows=2",
    "optim.batch=4",
    "optim.warmup=2",
    "optim.ema=0.5",
    "watch.log_every=1",
]


def run(librimix: Path, out: Path, recipe: str, *overrides: str) -> Training:
    """A run that has been put together and started its folder, not yet trained."""
    settings: RunSettings = read_recipe(find_recipe(recipe), [*BRIEF, *overrides])
    training = assemble(settings, data=librimix / "mix_clean.jsonl", out=out)
    training.folder.create(settings, training.data_record)
    return training


MASKS = ("speakers/blstm_mask", "network.hidden=32", "network.layers=1", "optim.lr=1e-2", "watch.valid_every=40")


@pytest.mark.parametrize("interchangeable", [True, False])
def test_speakers_in_no_order_are_learnt_with_permutations_and_only_then(
    librimix: Path, tmp_path: Path, interchangeable: bool
) -> None:
    told = f"interchangeable={str(interchangeable).lower()}"
    training = run(librimix, tmp_path, *MASKS, told, "optim.steps=40")
    progress = train(training, resume=False)
    (line,) = (line for line in read_log(training.folder.log) if "valid_score" in line)
    assert progress.best_score == line["valid_score"]
    if interchangeable:
        assert progress.best_score > 8
        assert min(line["valid_si_sdr_s1"], line["valid_si_sdr_s2"]) > 6
    else:
        assert progress.best_score < 4


@pytest.mark.parametrize(
    "words",
    [
        MASKS,
        ("speakers/deep_clustering", "network.hidden=16"),
        ("compare-voice-noise/deep_clustering", "network.hidden=16", "sources=[s1, s2]"),
        ("speakers/conv_tasnet", "network.blocks=2", "network.repeats=1"),
    ],
    ids=["masks", "clusters", "anchors", "waveforms"],
)
def test_a_run_taken_up_again_ends_as_one_that_never_stopped(
    librimix: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    more = ("optim.steps=6", "watch.valid_every=3", "watch.save_every_s=1e-6")
    whole, half = run(librimix, tmp_path / "whole", *words, *more), tmp_path / "half"

    def copy_half(line: dict[str, Any]) -> None:
        if line["step"] == 5:
            shutil.copytree(whole.folder.path, half)

    train(whole, resume=False, on_line=copy_half)
    again = assemble(whole.settings, data=librimix / "mix_clean.jsonl", out=half)
    again.folder.go_on(again.settings, again.data_record)
    expected = load_file(whole.folder.state)
    assert not same(load_file(again.folder.state), expected)
    train(again, resume=True)
    assert same(load_file(again.folder.state), expected)
    assert same(load_file(again.folder.weights), load_file(whole.folder.weights))


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)


def test_consistent_estimates_are_refused_where_the_mixture_holds_more(librimix: Path, tmp_path: Path) -> None:
    settings = read_recipe(find_recipe("speakers/blstm_mask"), BRIEF)
    with pytest.raises(DataError, match="consistent: the items also hold noise"):
        assemble(settings, data=librimix / "mix_both.jsonl", out=tmp_path)
    for other, said in (
        (["rest=s2", "interchangeable=false", "consistent=false"], 'the rest "s2": the items also hold noise'),
        (
            ["family=deep_clustering", "objective={deep_clustering: 1}", "consistent=false"],
            "deep_clustering: the items",
        ),
    ):
        settings = read_recipe(find_recipe("speakers/blstm_mask"), [*BRIEF, *other])
        with pytest.raises(DataError, match=said):
            assemble(settings, data=librimix / "mix_both.jsonl", out=tmp_path)
    free = read_recipe(find_recipe("speakers/blstm_mask"), [*BRIEF, "consistent=false"])
    assemble(free, data=librimix / "mix_both.jsonl", out=tmp_path)
