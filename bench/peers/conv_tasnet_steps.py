"""Training steps of Asteroid's Conv-TasNet and of soli's, of one size, in turns in one process.

Run by bench/training.py with Asteroid on the path: `python conv_tasnet_steps.py PRESET BATCH ITEM_S STEPS`. Prints one
JSON object: seconds of each step and the parameters of each network, by name.
"""

import json
import sys
import time

import torch
from asteroid.models import ConvTasNet as Asteroid
from torch import Tensor, nn

from soli.train.families import FAMILIES, read_settings
from soli.train.networks.conv_tasnet import ConvTasNet, ConvTasNetSettings

SOURCES = 2
SETTLING = 2
"""Steps at the start that are not counted: memory is claimed in them."""


def networks(preset: str) -> dict[str, nn.Module]:
    """Both networks with the same settings, as their packages build them."""
    values = {**FAMILIES["conv_tasnet"].presets[preset], "outputs": SOURCES}
    ours = read_settings("conv_tasnet", values)
    assert isinstance(ours, ConvTasNetSettings)
    theirs = Asteroid(
        n_src=SOURCES,
        n_blocks=ours.blocks,
        n_repeats=ours.repeats,
        bn_chan=ours.bottleneck,
        hid_chan=ours.hidden,
        skip_chan=ours.skip,
        conv_kernel_size=ours.kernel,
        norm_type="gLN",
        mask_act=ours.mask,
        encoder_activation=ours.encoder,
        n_filters=ours.filters,
        kernel_size=ours.length,
        stride=ours.length // 2,
        sample_rate=ours.sample_rate,
    )
    return {"soli": ConvTasNet(ours), "asteroid": theirs}


def step(network: nn.Module, optimizer: torch.optim.Optimizer, mixture: Tensor, targets: Tensor) -> float:
    """Seconds of one step: forward (B, 1, T) to (B, S, T), backward, update."""
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    (network(mixture) - targets).square().mean().backward()
    optimizer.step()
    return time.perf_counter() - start


def main() -> None:
    preset, batch, item_s, steps = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    torch.manual_seed(0)
    both = networks(preset)
    targets = 0.1 * torch.randn(batch, SOURCES, round(item_s * 8000))
    mixture = targets.sum(dim=1, keepdim=True)
    optimizers = {name: torch.optim.Adam(network.parameters()) for name, network in both.items()}
    times: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(SETTLING + steps):
        for name, network in both.items():
            times[name].append(step(network, optimizers[name], mixture, targets))
    parameters = {name: sum(each.numel() for each in network.parameters()) for name, network in both.items()}
    found = {
        "step_s": {name: some[SETTLING:] for name, some in times.items()},
        "parameters": parameters,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
