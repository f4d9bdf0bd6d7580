"""The layers of heads: those of several tasks stacked, with room for the classes of the task that has most."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout


class HeadLayers(nn.Module):
    """H heads for C classes each on states of width D.

    Parameters are `weight` [H x C x D] and `bias` [H * C], with a hidden layer also `hidden_weight` [H x D x D] and
    `hidden_bias` [H * D]. Biases are flat, since what has more than one dimension is decayed. Rows of classes that a
    task does not have are zeros; its loss leaves them out.
    """

    weight: Tensor
    bias: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor

    def __init__(self, width: int, hidden: bool, deviation: float, probability: float) -> None:
        """`deviation` is that of fresh weights, `probability` that of dropout."""
        super().__init__()
        self.width, self.hidden, self.deviation, self.dropout = width, hidden, deviation, probability
        for name in ("hidden_weight", "hidden_bias", "weight", "bias") if hidden else ("weight", "bias"):
            self.register_parameter(name, nn.Parameter(torch.zeros(0)))

    @property
    def operated(self) -> int:
        """Weights that the state of an input is multiplied with."""
        return self.weight[0].numel() + (self.width**2 if self.hidden else 0)

    def forward(self, states: Tensor, places: Tensor) -> Tensor:
        """Logits [B x C] for states [B x D], each by the head at its place [B]."""
        states = dropout(states, self.dropout, self.training)
        if self.hidden:
            states = torch.tanh(_linear(states, self.hidden_weight, self.hidden_bias, places))
            states = dropout(states, self.dropout, self.training)
        return _linear(states, self.weight, self.bias, places)

    def of_tokens(self, states: Tensor, places: Tensor) -> Tensor:
        """Logits [B x S x C] for the states of tokens [B x S x D], each by the head at the place [B] of its row."""
        of_tokens = places[:, None].expand(states.shape[:2]).flatten()
        return self(states.flatten(0, 1), of_tokens).unflatten(0, states.shape[:2])

    def fit(self, classes: Sequence[int], seed: int) -> None:
        """Fresh heads for tasks of so many classes."""
        self.put(self.fresh(classes, seed, max(classes)))

    def put(self, values: Mapping[str, Tensor]) -> None:
        """Take over values of any number of heads and classes."""
        for name, value in values.items():
            old = self.get_parameter(name)
            self.register_parameter(name, nn.Parameter(value.to(old), requires_grad=old.requires_grad))

    def fresh(self, classes: Sequence[int], seed: int, room: int | None = None) -> dict[str, Tensor]:
        """Values of fresh heads for tasks of so many classes; `room` is C, that of the present heads without it.

        They are the same whatever room there is.
        """
        random, width = torch.Generator().manual_seed(seed), self.width
        weight = torch.zeros(len(classes), room or self.weight.shape[1], width)
        for own, number in zip(weight, classes, strict=True):
            own[:number] = self.deviation * torch.randn(number, width, generator=random)
        found = {"weight": weight, "bias": torch.zeros(weight.shape[:2]).flatten()}
        if self.hidden:
            drawn = self.deviation * torch.randn(len(classes), width, width, generator=random)
            found |= {"hidden_weight": drawn, "hidden_bias": torch.zeros(len(classes) * width)}
        return {name: value.to(self.get_parameter(name)) for name, value in found.items()}


def _linear(states: Tensor, weight: Tensor, bias: Tensor, places: Tensor) -> Tensor:
    """States [B x D] through the layer [H x E x D], with bias [H * E], that is at the place of each."""
    if len(weight) == 1:
        return torch.nn.functional.linear(states, weight[0], bias)
    return torch.einsum("bd,bed->be", states, weight[places]) + bias.view(len(weight), -1)[places]
