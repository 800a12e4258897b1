"""How large a network is and how much it works: parameters, and multiply-accumulate operations a second of audio."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def parameter_count(network: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def macs(network: nn.Module, example: Tensor) -> int:
    """Multiply-accumulates of linear, convolutional and recurrent layers, and of products of matrices, in one pass.

    Of the network alone: not of the transform before it, nor of clustering after it.
    """
    counted = [0]
    modules: list[Any] = list(network.modules())
    hooks = [
        module.register_forward_hook(_counter(count, counted))
        for module in modules
        for kind, count in _COUNTS.items()
        if isinstance(module, kind)
    ]
    training = network.training
    try:
        with _Products(counted):
            network.eval()(example)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return counted[0]


class _Products(TorchFunctionMode):
    """Counts the products of matrices that a network writes itself, such as those of attention."""

    def __init__(self, counted: list[int]) -> None:
        super().__init__()
        self.counted = counted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _PRODUCTS:
            self.counted[0] += result.numel() * args[0].shape[-1]
        return result


_PRODUCTS = {torch.matmul, torch.bmm, torch.mm, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.Tensor.bmm}


def _counter(count: Callable[..., int], counted: list[int]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        counted[0] += count(module, inputs[0], output)

    return hook


def _linear(module: nn.Linear, x: Tensor, _: Tensor) -> int:
    return x.numel() * module.out_features


def _convolution(module: Any, x: Tensor, y: Tensor) -> int:
    kernel = module.weight[0, 0].numel()
    if module.transposed:
        return x.numel() * kernel * module.out_channels // module.groups
    return y.numel() * kernel * module.in_channels // module.groups


def _recurrent(module: nn.RNNBase, x: Tensor, _: Any) -> int:
    steps = x.numel() // x.shape[-1]
    weights = sum(w.numel() for name, w in module.named_parameters() if name.startswith("weight"))
    return steps * weights


_COUNTS: dict[type[nn.Module], Callable[..., int]] = {
    nn.Linear: _linear,
    nn.modules.conv._ConvNd: _convolution,
    nn.RNNBase: _recurrent,
}
