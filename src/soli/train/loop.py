"""The training loop: batches in, weights out. Devices, precision and processes are accelerate's; the rest is here."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import AdamW

from soli.errors import SoliError
from soli.train.dataset import Mixtures, Onwards, batches
from soli.train.objectives import Batch, MaskObjective
from soli.train.run import OptimSettings, RunFolder, RunSettings
from soli.train.state import Progress, average_weights, pack_state, read_state, restore, write_atomically
from soli.train.validate import Validation


class DivergedError(SoliError):
    """The loss or the gradient is no longer a number."""


def learning_rate(step: int, optim: OptimSettings) -> float:
    """Rate at a step: linear warm-up, plateau, linear descent to zero over the last `descent` of the steps."""
    rise = (step + 1) / (optim.warmup + 1)
    fall = (optim.steps - step) / max(optim.descent * optim.steps, 1)
    return optim.lr * min(1.0, rise, fall)


@dataclass
class Training:
    """One run in memory: what `train` needs besides the settings."""

    settings: RunSettings
    folder: RunFolder
    network: nn.Module
    objective: MaskObjective
    mixtures: Mixtures
    validation: Validation
    data_record: dict[str, Any]


def train(training: Training, *, resume: bool, on_line: Any = None) -> Progress:
    """Runs to the last step, or until validation stops improving; the folder always holds a state to go on from.

    Args:
        training: the run.
        resume: go on from the folder's state (from the start where a kill came before the first save).
        on_line: called with every log line (a dict), for a display.

    Returns:
        Where the run stands at its end.

    Raises:
        DivergedError: the loss became NaN or infinite.
    """
    settings, folder = training.settings, training.folder
    accelerator = Accelerator()
    optimizer = AdamW(training.network.parameters(), lr=settings.optim.lr, weight_decay=settings.optim.weight_decay)
    network, optimizer = accelerator.prepare(training.network, optimizer)
    plain = accelerator.unwrap_model(network)
    average = {name: value.detach().clone() for name, value in plain.state_dict().items()}
    progress = Progress()
    if resume and folder.state.exists():
        tensors, progress = read_state(folder.state)
        restore(tensors, plain, average, optimizer.optimizer)
    log = Log(folder.log, upto=progress.step, on_line=on_line)
    order = Onwards(
        step=progress.step,
        batch=settings.optim.batch,
        process=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    stream = batches(training.mixtures, order, workers=settings.data.workers)
    stepper = Stepper(accelerator, network, optimizer, training.objective, settings.optim)
    clock = Clock(progress.seconds)

    def save_state() -> None:
        progress.seconds = clock.seconds
        content = pack_state(plain, average, optimizer.optimizer, progress)
        write_atomically(folder.state, content, keep=folder.previous_state)

    while progress.step < settings.optim.steps:
        values = stepper.step(next(stream), progress.step)
        progress.step += 1
        average_weights(average, plain, decay=settings.optim.ema, step=progress.step)
        if progress.step % settings.watch.log_every == 0:
            log.write({"step": progress.step, "seconds": round(clock.seconds, 1), **values})
        last = progress.step == settings.optim.steps
        if accelerator.is_main_process and (progress.step % settings.watch.valid_every == 0 or last):
            line = validate(training, average, progress)
            log.write({"step": progress.step, "seconds": round(clock.seconds, 1), **line})
            save_state()
            if settings.watch.patience and progress.stale >= settings.watch.patience:
                break
        elif accelerator.is_main_process and clock.due(settings.watch.save_every_s):
            save_state()
    log.close()
    return progress


class Stepper:
    """One step of the optimizer."""

    def __init__(
        self,
        accelerator: Accelerator,
        network: nn.Module,
        optimizer: Any,
        objective: MaskObjective,
        optim: OptimSettings,
    ) -> None:
        self.accelerator, self.network, self.optimizer = accelerator, network, optimizer
        self.objective, self.optim = objective, optim
        self.started = time.monotonic()

    def step(self, batch: Batch, step: int) -> dict[str, float]:
        """Forward, backward, clip, update; the values to log."""
        waited = time.monotonic() - self.started
        rate = learning_rate(step, self.optim)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        device = self.accelerator.device
        moved = Batch(batch.mixture.to(device), batch.targets.to(device))
        values = self.objective(self.network, moved)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(values["loss"])
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.optim.clip)
        numbers = {name: round(float(value.detach()), 6) for name, value in values.items()}
        if not (torch.isfinite(values["loss"]) and torch.isfinite(norm)):
            raise DivergedError(
                f"the loss became {numbers['loss']} (gradient norm {float(norm)}) at step {step + 1}",
                do="lower optim.lr or optim.clip and start again; the last good state is kept",
            )
        self.optimizer.step()
        took = time.monotonic() - self.started
        self.started = time.monotonic()
        audio_s = moved.mixture.numel() / self.objective.sample_rate
        speed = {"audio_s_per_s": round(audio_s / took, 1), "wait_share": round(waited / took, 3)}
        return {**numbers, "norm": round(float(norm), 4), "lr": round(rate, 8), **speed}


def validate(training: Training, average: dict[str, Tensor], progress: Progress) -> dict[str, float]:
    """Scores the averaged weights, keeps them when they are the best so far; the values to log."""
    values = training.validation.run(average)
    score = values["valid_score"]
    if score > progress.best_score:
        progress.best_score, progress.best_step, progress.stale = score, progress.step, 0
        tensors = {name: value.cpu().contiguous() for name, value in average.items()}
        write_atomically(training.folder.weights, save(tensors, metadata={"step": str(progress.step)}))
    else:
        progress.stale += 1
    return values


class Clock:
    """Seconds of training over all the sittings of a run, and when to save next."""

    def __init__(self, before: float) -> None:
        self.before, self.start, self.saved = before, time.monotonic(), time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.start

    def due(self, every_s: float) -> bool:
        if time.monotonic() - self.saved < every_s:
            return False
        self.saved = time.monotonic()
        return True


class Log:
    """The run's log: a JSON line an entry; lines beyond the step resumed from are dropped, since they come again."""

    def __init__(self, path: Path, *, upto: int, on_line: Any) -> None:
        kept = [line for line in read_log(path) if line["step"] <= upto] if path.exists() else []
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self.file = path.open("a", encoding="utf-8")
        self.on_line = on_line

    def write(self, line: dict[str, Any]) -> None:
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        if self.on_line is not None:
            self.on_line(line)

    def close(self) -> None:
        self.file.close()


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; a last line cut short by a kill is left out."""
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            return
