"""A bottleneck on the states of a PLM's last layer (Gheini et al., 2023)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

ACTIVATIONS = {"relu": torch.relu, "gelu": nn.functional.gelu, "swish": nn.functional.silu}
Activation = Literal["relu", "gelu", "swish"]


class AfterLast(nn.Module):
    """Two projections with a non-linearity between them, [... x D] to [... x D], near the identity at first."""

    def __init__(
        self,
        width: int,
        bottleneck: int,
        nonlinearity: Activation,
        residual: bool,
        layer_norm: bool,
        probability: float,
    ) -> None:
        """`width` is D; `probability` is that of dropout on what is added."""
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        self.norm = nn.LayerNorm(width) if layer_norm else None
        self.nonlinearity, self.residual, self.dropout = nonlinearity, residual, probability

    def begin(self, deviation: float, of_up: float, seed: int) -> None:
        """Normal weights of these standard deviations, and biases of zero."""
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for layer, own in ((self.down, deviation), (self.up, of_up)):
                layer.weight.copy_(own * torch.randn(layer.weight.shape, generator=random))
                layer.bias.zero_()

    def forward(self, states: Tensor) -> Tensor:
        """States after the bottleneck."""
        added = self.up(ACTIVATIONS[self.nonlinearity](self.down(states)))
        added = dropout(added, self.dropout, self.training)
        found = states + added if self.residual else added
        return found if self.norm is None else self.norm(found)
