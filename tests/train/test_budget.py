"""Steps for a budget of time: measured before a run, and then a setting like any other."""

from pathlib import Path

import pytest
import torch

from soli.errors import UsageError
from soli.train import budget
from soli.train.assemble import assemble
from soli.train.run import find_recipe, read_recipe

WORDS = ["data.duration_s=1", "data.workers=1", "data.valid_rows=1", "optim.batch=2", "network.hidden=8"]


def test_steps_fill_what_validation_leaves_of_the_budget() -> None:
    assert budget.steps_for(1000, step_s=0.5, valid_s=15, validations=10) == (850 - 150) / 0.5
    assert budget.steps_for(100, step_s=0.5, valid_s=15, validations=10) < 0


@pytest.mark.parametrize(("minutes", "words"), [(1, "1 minute"), (0.1, "0.1 minutes"), (20, "20 minutes")])
def test_a_budget_in_words(minutes: float, words: str) -> None:
    assert budget.in_minutes(minutes) == words


def test_a_measured_run_keeps_its_settings_but_for_the_steps(
    librimix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_MEASURED_S", 0.2)
    settings = read_recipe(find_recipe("speakers/blstm_mask"), WORDS)

    def training(out: str) -> budget.Training:
        return assemble(settings, data=librimix / "mix_clean.jsonl", out=tmp_path / out)

    fresh = {name: value.clone() for name, value in training("run").network.state_dict().items()}
    measured: list[tuple[float, float]] = []

    def measure(*given: budget.Training, for_s: float) -> tuple[float, float]:
        measured.append(taking_steps(*given, for_s=for_s))
        return measured[-1]

    taking_steps = budget._measure
    monkeypatch.setattr(budget, "_measure", measure)
    found = budget.within(training("run"), minutes=60)
    assert not (tmp_path / "run").exists()
    ((step_s, valid_s),) = measured
    assert found.optim.steps == budget.steps_for(3600, step_s=step_s, valid_s=valid_s, validations=20)
    # As many validations as the recipe asks for: one every 1000 of 20000.
    assert -(-found.optim.steps // found.watch.valid_every) == 20
    rest = {"steps": settings.optim.steps, "warmup": settings.optim.warmup}
    assert found.model_copy(update={"watch": settings.watch, "optim": found.optim.model_copy(update=rest)}) == settings
    # What was measured has no part in the run that follows.
    again = training("run").network.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in fresh.items())

    with pytest.raises(UsageError, match=r"0\.0001 minutes are too short for 20 validations of .* raise --minutes"):
        budget.within(training("run"), minutes=1e-4)
