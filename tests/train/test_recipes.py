"""Every shipped recipe of a comparison or of speakers: two steps, a model file, a separation."""

from pathlib import Path

import numpy as np
import pytest

from soli.separation import zoo
from soli.train.assemble import assemble
from soli.train.export import export
from soli.train.loop import train
from soli.train.run import find_recipe, read_recipe

BRIEF = [
    "data.duration_s=1",
    "data.workers=0",
    "data.valid_rows=1",
    "optim.batch=2",
    "optim.steps=2",
    "sources=[s1, s2]",  # what the tiny set calls its sources
]
RECIPES = find_recipe("voice").parent
NAMES = sorted(
    path.relative_to(RECIPES).with_suffix("").as_posix()
    for folder in ("compare-voice-noise", "speakers")
    for path in (RECIPES / folder).glob("*.yaml")
)


def test_the_comparison_is_of_all_families_on_equal_terms() -> None:
    compared = [read_recipe(find_recipe(name)) for name in NAMES if name.startswith("compare")]
    assert len(compared) == 8
    assert len({settings.family for settings in compared}) == 8
    for settings in compared:
        assert settings.name == settings.family
        assert settings.preset == "small"
        assert settings.sources == ("voice", "noise")
        assert settings.data == compared[0].data
        assert settings.optim.batch in (4, 8)  # as the README beside them says
        assert settings.optim.steps / settings.watch.valid_every == 10
        assert settings.seed == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_and_its_model_separates(librimix: Path, tmp_path: Path, name: str) -> None:
    rest = ["rest=s2"] if read_recipe(find_recipe(name)).rest else []
    settings = read_recipe(find_recipe(name), [*BRIEF, *rest])
    training = assemble(settings, data=librimix / "mix_clean.jsonl", out=tmp_path / "run")
    training.folder.create(settings, training.data_record)
    progress = train(training, resume=False)
    assert progress.step == progress.best_step == 2

    info = export(tmp_path / "run", tmp_path / "x.soli.onnx")
    assert info.interchangeable == settings.interchangeable
    separator = zoo.load(str(tmp_path / "x.soli.onnx"))
    assert separator.sample_rate == 8000
    mixture = 0.1 * np.random.default_rng(0).standard_normal((1, 12345)).astype(np.float32)
    estimates = separator.separate(mixture)
    assert estimates.shape[1:] == mixture.shape
    np.testing.assert_allclose(estimates.sum(axis=0), mixture, atol=1e-5)
    if settings.consistent or info.kind == "cluster":
        np.testing.assert_allclose(estimates[:2].sum(axis=0), mixture, atol=1e-4)
