"""How many steps of a run fit into a budget of time on this machine.

The learning rate follows the steps, so a run must know them before its first one; a rate that followed the clock would
make every run, and every resumption, another one. So time is measured beforehand, on steps that are thrown away, and
their number becomes a setting of the run like any other: it is recorded, and the same number gives the same weights.
"""

import time

from soli.errors import UsageError
from soli.train.dataset import Onwards, batches
from soli.train.loop import Sitting, Training
from soli.train.run import RunSettings

# The first steps wait for loaders to start and memory to be claimed.
_WARM = 3
_LEAST, _MEASURED_S = 5, 10.0
# What is left for saving, logging and a machine that is now and then busy with something else.
_MARGIN = 0.85


def within(training: Training, *, minutes: float) -> RunSettings:
    """The run's settings with as many steps as `minutes` hold, validating as many times as before.

    Takes steps for 10 s or a tenth of the budget, five at least, and validates once, in memory: nothing is written. The
    training is used up by that, its weights are no longer those of its seed; put it together anew with the settings
    returned. Raises UsageError where the budget does not hold a step for each validation.
    """
    settings, budget_s = training.settings, 60 * minutes
    step_s, valid_s = _measure(training, for_s=min(_MEASURED_S, budget_s / 10))
    validations = max(1, settings.optim.steps // settings.watch.valid_every)
    steps = steps_for(budget_s, step_s=step_s, valid_s=valid_s, validations=validations)
    if steps < validations:
        raise UsageError(
            f"{in_minutes(minutes)} {'is' if minutes == 1 else 'are'} too short for {validations} validations of "
            f"{valid_s:.2g} s and a step of {step_s:.2g} s for each",
            do="raise --minutes, or lower data.valid_rows or optim.batch",
        )
    warmup = min(settings.optim.warmup, steps // 10)
    return _with_steps(settings, steps=steps, warmup=warmup, valid_every=-(-steps // validations))


def in_minutes(minutes: float) -> str:
    """A budget in words."""
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"


def asked(settings: RunSettings, *, minutes: float) -> dict[str, float]:
    """What a budget is found from: written down with the run, so that it is not gone on with by another one."""
    optim, watch = settings.optim, settings.watch
    return {
        "--minutes": minutes,
        "optim.steps": optim.steps,
        "optim.warmup": optim.warmup,
        "watch.valid_every": watch.valid_every,
    }


def as_before(settings: RunSettings, run: RunSettings) -> RunSettings:
    """The settings with the steps that were found when `run`, which is to be resumed, was begun."""
    optim, watch = run.optim, run.watch
    return _with_steps(settings, steps=optim.steps, warmup=optim.warmup, valid_every=watch.valid_every)


def _with_steps(settings: RunSettings, *, steps: int, warmup: int, valid_every: int) -> RunSettings:
    optim = settings.optim.model_copy(update={"steps": steps, "warmup": warmup})
    watch = settings.watch.model_copy(update={"valid_every": valid_every})
    return settings.model_copy(update={"optim": optim, "watch": watch})


def steps_for(budget_s: float, *, step_s: float, valid_s: float, validations: int) -> int:
    """Steps that fit beside so many validations, with a margin; negative where these alone do not."""
    return int((_MARGIN * budget_s - validations * valid_s) // step_s)


def _measure(training: Training, *, for_s: float) -> tuple[float, float]:
    """Seconds that a step and that a validation take, waiting for data included; steps for `for_s`."""
    settings = training.settings
    sitting = Sitting(training, resume=False)
    stream = batches(training.mixtures, Onwards(step=0, batch=settings.optim.batch), workers=settings.data.workers)
    for _ in range(_WARM):
        sitting.step(next(stream))
    start, taken = time.monotonic(), 0
    while taken < _LEAST or time.monotonic() - start < for_s:
        sitting.step(next(stream))
        taken += 1
    step_s = (time.monotonic() - start) / taken
    start = time.monotonic()
    training.validation.run(sitting.average)
    return step_s, time.monotonic() - start
