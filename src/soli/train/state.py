"""The training state: all that a run needs to go on as if it had never stopped, in one safetensors file."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from soli.errors import InputError


@dataclass
class Progress:
    """Where a run stands: steps done, the best validation so far, validations since then, seconds of training."""

    step: int = 0
    best_score: float = float("-inf")
    best_step: int = 0
    stale: int = 0
    seconds: float = 0.0


def average_weights(average: dict[str, Tensor], network: nn.Module, *, decay: float, step: int) -> None:
    """Moves the average towards the network's weights in place; young averages move faster."""
    decay = min(decay, (1 + step) / (10 + step))
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def pack_state(network: nn.Module, average: dict[str, Tensor], optimizer: Optimizer, progress: Progress) -> bytes:
    """The state as safetensors bytes, with a hash of the tensors in its header."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    tensors["random.torch"] = torch.get_rng_state()
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    header = {"progress": json.dumps(asdict(progress)), "sha256": _hash(tensors)}
    return save(tensors, metadata=header)


def read_state(path: Path) -> tuple[dict[str, Tensor], Progress]:
    """Tensors and progress; InputError when the file was cut short or edited."""
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (a method, not a mapping)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}", **_WAY_OUT) from error
    found = _hash(tensors)
    if header.get("sha256") != found:
        raise InputError(
            f"{path} was changed: its sha256 is {found[:16]}, its header says {header.get('sha256')}", **_WAY_OUT
        )
    return tensors, Progress(**json.loads(header["progress"]))


_WAY_OUT = {
    "wanted": "the state as training wrote it",
    "do": "rename state.previous.safetensors to state.safetensors and resume from there",
}


def restore(tensors: dict[str, Tensor], network: nn.Module, average: dict[str, Tensor], optimizer: Optimizer) -> None:
    """Puts a state back where it was taken from."""
    network.load_state_dict(_below(tensors, "network."))
    for name, value in _below(tensors, "average.").items():
        average[name].copy_(value)
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in _below(tensors, "optimizer.").items():
        index, name = key.split(".", 1)
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.torch"])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _hash(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
