"""AdamW."""

import math

import torch
from torch import Tensor

from priming.runs.parameters import Block
from priming.runs.update_rules.interface import Memory, UpdateRule

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class AdamW(UpdateRule):
    """AdamW (Loshchilov and Hutter, 2019), equal to torch's a run at a time.

    Matrices are decayed, vectors (biases, norms) are not.
    """

    def start(self, block: Block) -> Memory:
        """The first and second moments."""
        return torch.zeros_like(block.gradient), torch.zeros_like(block.gradient)

    def move(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Update in place; one scratch tensor, since for a whole PLM memory is what it costs."""
        values, gradient, (first, second), (beta1, beta2) = block.values, block.gradient, memory, BETAS
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scratch = torch.empty_like(values)
        if self.weight_decay:
            values.sub_(scratch.copy_(block.decayed).mul_(values).mul_(rate * self.weight_decay))
        torch.sqrt(second, out=scratch).div_(math.sqrt(1 - beta2**self.steps)).add_(EPSILON)
        values.sub_(torch.div(first, scratch, out=scratch).mul_(rate / (1 - beta1**self.steps)))


RULE = AdamW
