"""AdamW."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from priming.runs.parameters import Block
from priming.runs.update_rules.interface import Memory, UpdateRule

BETAS = (0.9, 0.999)
EPSILON = 1e-8
FUSED = frozenset({"cpu"})
"""Devices on which the runs of one rate are moved by torch's own fused operation."""


class AdamW(UpdateRule):
    """AdamW (Loshchilov and Hutter, 2019), equal to torch's a run at a time.

    Matrices are decayed, vectors (biases, norms) are not.
    """

    def start(self, block: Block) -> Memory:
        """The first and second moments."""
        return torch.zeros_like(block.gradient), torch.zeros_like(block.gradient)

    def move_numbers(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Where torch has one, by its operation that goes through memory once."""
        if block.values.device.type in FUSED:
            self._move_fused(block, rate.flatten().tolist(), memory)
        else:
            super().move_numbers(block, rate, memory)

    def move(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Update in place; one scratch tensor, since for a whole PLM memory is what it costs."""
        values, gradient, (first, second), (beta1, beta2) = block.values, block.gradient, memory, BETAS
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        if self.weight_decay:
            values[:, : block.decayed].mul_(1 - rate * self.weight_decay)
        scratch = torch.sqrt(second).div_(math.sqrt(1 - beta2**self.steps)).add_(EPSILON)
        values.sub_(torch.div(first, scratch, out=scratch).mul_(rate / (1 - beta1**self.steps)))

    def _move_fused(self, block: Block, rates: Sequence[float], memory: Memory) -> None:
        """The runs of one rate together; matrices and vectors apart, which differ in their decay."""
        parts = [(slice(0, block.decayed), self.weight_decay), (slice(block.decayed, None), 0.0)]
        if not self.weight_decay:
            parts = [(slice(None), 0.0)]
        for rate in dict.fromkeys(rates):
            rows = [row for row, own in enumerate(rates) if own == rate]
            for part, decay in parts:
                if not len(block.values[0, part]):
                    continue
                values, gradient, first, second = (
                    [tensor[row, part] for row in rows] for tensor in (block.values, block.gradient, *memory)
                )
                adamw(
                    values,
                    gradient,
                    first,
                    second,
                    [],
                    [torch.tensor(self.steps - 1.0) for _ in rows],
                    fused=True,
                    amsgrad=False,
                    beta1=BETAS[0],
                    beta2=BETAS[1],
                    lr=rate,
                    weight_decay=decay,
                    eps=EPSILON,
                    maximize=False,
                )


RULE = AdamW
