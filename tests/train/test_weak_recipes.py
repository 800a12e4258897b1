"""The shipped recipes of sound events: on equal terms where they are compared, and each a step of training long."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from made_clips import CLASSES, write_clips

from soli.modelfile import read_model
from soli.train.assemble import assemble
from soli.train.export import export
from soli.train.fit import check_fit
from soli.train.loop import train
from soli.train.network import network_settings
from soli.train.run import find_recipe, read_recipe

BRIEF = ["preset=small", "data.workers=0", "optim.batch=4", "optim.steps=1", "watch.valid_every=1"]
README = find_recipe("weak/crnn").parent / "README.md"
NAMES = sorted(path.stem for path in find_recipe("weak/crnn").parent.glob("*.yaml"))


def test_poolings_are_compared_on_equal_terms() -> None:
    kong = {name: read_recipe(find_recipe(f"weak/{name}")) for name in NAMES if name.startswith("kong")}
    assert sorted(kong) == ["kong-gap", "kong-gmp", "kong-gwrp"]
    for name, settings in kong.items():
        assert settings.name == name
        assert settings.network == {"pooling": {"kind": name.removeprefix("kong-")}}
        same = {"name": "", "network": {}}
        assert settings.model_copy(update=same) == kong["kong-gmp"].model_copy(update=same)


def test_a_setting_within_a_group_leaves_the_rest_of_the_preset_alone() -> None:
    """The thesis's own decay and bands stay, where the pooling is named and the front end changed."""
    wanted = ["preset=thesis", "network.front_end.compression=pcen"]
    found: Any = network_settings(read_recipe(find_recipe("weak/kong-gwrp"), wanted))
    assert (found.pooling.kind, found.pooling.r) == ("gwrp", 0.999)
    assert (found.front_end.compression, found.front_end.mel.lowest_hz, found.bands) == ("pcen", 0.0, 64)
    assert (found.stft.n_fft, found.stft.window, found.sample_rate) == (1024, "hamming", 16000)


@pytest.mark.parametrize("line", re.findall(r"^soli train (.+)$", README.read_text("utf-8"), flags=re.MULTILINE))
def test_the_calls_of_the_page_are_right(line: str) -> None:
    recipe, *rest = line.split()
    overrides = [value for option, value in pairwise(rest) if option == "--set"]
    settings = read_recipe(find_recipe(recipe), overrides)
    check_fit(settings)
    network_settings(settings)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_and_its_model_file_runs(clips: Path, tmp_path: Path, name: str) -> None:
    """In the recipe's own precision, bfloat16, too; its file computes in single precision."""
    settings = read_recipe(find_recipe(f"weak/{name}"), BRIEF)
    training = assemble(settings, data=clips, out=tmp_path / "run")
    training.folder.create(training.settings, training.data_record)
    assert train(training, resume=False).best_step == 1
    info = export(tmp_path / "run", tmp_path / "x.soli.onnx")
    assert (info.sources, info.window_s) == (CLASSES, 10)
    _, graph = read_model(tmp_path / "x.soli.onnx")
    masks, tags = onnxruntime.InferenceSession(graph).run(None, {"spectrum": np.zeros((1, 2, 129, 9), np.float32)})
    assert masks.shape == (1, 3, 32, 9)
    assert tags.shape == (1, 3)
