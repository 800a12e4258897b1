"""The training loop: batches in, weights out. Devices, precision and processes are accelerate's; the rest is here."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import AdamW

from soli.atomic import write_atomically
from soli.errors import SoliError, UsageError
from soli.train.dataset import Onwards, Tensors, batches
from soli.train.log import Clock, Log, OnLine
from soli.train.objectives import Batch, Objective
from soli.train.run import OptimSettings, RunFolder, RunSettings
from soli.train.state import Progress, average_weights, pack_state, read_state, restore
from soli.train.validate import Judge


class DivergedError(SoliError):
    """The loss or the gradient is no longer a number."""


@dataclass
class Training:
    """One run in memory: what `train` needs besides the settings."""

    settings: RunSettings
    folder: RunFolder
    network: nn.Module
    objective: Objective
    mixtures: Tensors
    validation: Judge
    data_record: dict[str, Any]


def train(
    training: Training, *, resume: bool, on_line: OnLine | None = None, stop: Callable[[], bool] = lambda: False
) -> Progress:
    """Runs to the last step, or until validation stops improving; the folder always holds a state to go on from.

    Args:
        training: the run.
        resume: go on from the folder's state (from the start where a kill came before the first save).
        on_line: called with every log line, for a display.
        stop: asked after every step (and its validation) whether to save and stop there; the run then is not `over`.

    Returns:
        Where the run stands at its end, or where it was stopped.

    Raises:
        DivergedError: the loss became NaN or infinite.
        InputError: the folder's state was cut short or edited.
    """
    settings, watch = training.settings, training.settings.watch
    sitting = Sitting(training, resume=resume)
    progress, clock = sitting.progress, Clock(sitting.progress.seconds)
    log = Log(training.folder.log, upto=progress.step, on_line=on_line)
    order = Onwards(step=progress.step, batch=settings.optim.batch)
    stream = batches(training.mixtures, order, workers=settings.data.workers)
    while not over(progress, settings):
        values = sitting.step(next(stream))
        if progress.step % watch.log_every == 0:
            log.write({"step": progress.step, "seconds": clock.seconds, **values})
        validated = progress.step % watch.valid_every == 0 or progress.step == settings.optim.steps
        if validated:
            log.write({"step": progress.step, "seconds": clock.seconds, **sitting.validate()})
        asked = stop()
        if validated or asked or clock.due(watch.save_every_s):
            sitting.save(clock.seconds)
        if asked:
            break
    return progress


def over(progress: Progress, settings: RunSettings) -> bool:
    """Whether all steps are done, or validation has stopped improving."""
    patience = settings.watch.patience
    return progress.step >= settings.optim.steps or 0 < patience <= progress.stale


def learning_rate(step: int, optim: OptimSettings) -> float:
    """Rate at a step: linear warm-up, plateau, linear descent to zero over the last `descent` of the steps."""
    rise = (step + 1) / (optim.warmup + 1)
    fall = (optim.steps - step) / max(optim.descent * optim.steps, 1)
    return optim.lr * min(1.0, rise, fall)


def _accelerator(precision: str) -> Accelerator:
    """accelerate takes the precision of a process's first run for that of all of them, and refuses another.

    There is no public way to make it forget. Runs from before keep theirs: they were prepared for it.
    """
    AcceleratorState._reset_state()
    return Accelerator(mixed_precision="bf16" if precision == "bfloat16" else "no")


class Sitting:
    """What one process holds between two interruptions: weights, their moving average, optimizer, progress."""

    def __init__(self, training: Training, *, resume: bool) -> None:
        self.training, self.optim = training, training.settings.optim
        torch.manual_seed(training.settings.seed)  # of dropout
        self.accelerator = _accelerator(self.optim.precision)
        if self.accelerator.num_processes > 1:
            raise UsageError(
                f"{self.accelerator.num_processes} processes", wanted="one: several come in a later version"
            )
        optimizer = AdamW(training.network.parameters(), lr=self.optim.lr, weight_decay=self.optim.weight_decay)
        self.network, self.optimizer = self.accelerator.prepare(training.network, optimizer)
        self.plain: nn.Module = self.accelerator.unwrap_model(self.network)
        self.average = {name: value.detach().clone() for name, value in self.plain.state_dict().items()}
        self.progress = Progress()
        self.stepped = time.monotonic()
        if resume and training.folder.state.exists():
            tensors, self.progress = read_state(training.folder.state)
            restore(tensors, self.plain, self.average, self.optimizer.optimizer)

    def step(self, batch: Batch) -> dict[str, float]:
        """Forward, backward, clip, update, average; the values to log."""
        waited_s = time.monotonic() - self.stepped
        rate = learning_rate(self.progress.step, self.optim)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        device = self.accelerator.device
        moved = batch.to(device)
        values = self.training.objective(self.network, moved)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(values["loss"])
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.optim.clip)
        self._check_finite(values["loss"], norm)
        self.optimizer.step()
        self.progress.step += 1
        average_weights(self.average, self.plain, decay=self.optim.ema, step=self.progress.step)
        took_s = time.monotonic() - self.stepped
        self.stepped = time.monotonic()
        audio_s = moved.mixture.numel() / self.training.objective.sample_rate
        return {
            **{name: round(float(value.detach()), 6) for name, value in values.items()},
            "norm": round(float(norm), 4),
            "lr": round(rate, 8),
            "audio_s_per_s": round(audio_s / took_s, 1),
            "wait_share": round(waited_s / took_s, 3),
        }

    def _check_finite(self, loss: Tensor, norm: Tensor) -> None:
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            raise DivergedError(
                f"the loss became {float(loss)} (gradient norm {float(norm)}) at step {self.progress.step + 1}",
                do="lower optim.lr or optim.clip and start again; the last good state is kept",
            )

    def validate(self) -> dict[str, float]:
        """Scores the averaged weights, keeps them when they are the best so far; the values to log."""
        values = self.training.validation.run(self.average)
        progress = self.progress
        if values["valid_score"] > progress.best_score:
            progress.best_score, progress.best_step, progress.stale = values["valid_score"], progress.step, 0
            tensors = {name: value.cpu().contiguous() for name, value in self.average.items()}
            write_atomically(self.training.folder.weights, save(tensors, metadata={"step": str(progress.step)}))
        else:
            progress.stale += 1
        return values

    def save(self, seconds: float) -> None:
        """Writes the state; the one before stays as state.previous.safetensors."""
        self.progress.seconds = seconds
        content = pack_state(self.plain, self.average, self.optimizer.optimizer, self.progress)
        write_atomically(self.training.folder.state, content, keep=self.training.folder.previous_state)
