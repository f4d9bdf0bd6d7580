"""Stochastic gradient descent."""

from torch import Tensor

from priming.runs.parameters import Block
from priming.runs.update_rules.interface import Memory, UpdateRule


class Sgd(UpdateRule):
    """Plain gradient descent, without momentum, equal to torch's a run at a time.

    Weight decay is added to the gradient, as torch does; matrices are decayed, vectors (biases, norms) are not.
    """

    def move(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Go `rate` times (gradient + decay * values) down."""
        way = block.gradient * rate
        if self.weight_decay:
            way[:, : block.decayed].add_(block.values[:, : block.decayed] * (rate * self.weight_decay))
        block.values.sub_(way)


RULE = Sgd
