"""Methods of a model as passes whose parameters are replaced, for one run or for R side by side."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from priming.backbones.text_model import TextModel

Named = Mapping[str, Tensor]


class _Method(torch.nn.Module):
    """A method of the model as a forward pass, so that its parameters can be replaced."""

    def __init__(self, model: TextModel, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, *inputs: Tensor, **options: int) -> Tensor | tuple[Tensor, Tensor]:
        """What the method gives."""
        return getattr(self.model, self.method)(*inputs, **options)


def method_of(model: TextModel, method: str, values: Named) -> tuple[_Method, dict[str, Tensor]]:
    """The module of a method, and values of the model's parameters by their names there."""
    return _Method(model, method), {f"model.{name}": value for name, value in values.items()}


def call(model: TextModel, method: str, values: Named, *inputs: Tensor) -> Tensor:
    """What a method of the model gives for one run."""
    module, named = method_of(model, method, values)
    found: Tensor = functional_call(module, named, inputs)
    return found


def apply(model: TextModel, method: str, stacked: Named, *inputs: Tensor, **options: int) -> Any:
    """What a method of the model gives for each run, with its own parameters: a tensor, or a tuple of tensors.

    `inputs` [R x ...] are the runs' own, `options` are the same for all.
    """
    module, named = method_of(model, method, stacked)
    if len(inputs[0]) > 1:
        return vmap(lambda own, *rest: functional_call(module, own, rest, options))(named, *inputs)
    # The same without the cost of vmap.
    alone = {name: value[0] for name, value in named.items()}
    found = functional_call(module, alone, tuple(given[0] for given in inputs), options)
    return found[None] if isinstance(found, Tensor) else tuple(value[None] for value in found)
