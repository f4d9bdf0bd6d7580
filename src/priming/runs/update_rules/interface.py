"""What an update rule is: a step of R runs at once on their stacked tensors, and what it remembers between steps."""

from collections.abc import Mapping
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor

from priming.runs.checkpoints import State
from priming.runs.parameters import Block, Gradients, StackedParameters

Memory = tuple[Tensor, ...]
PIECE = 2**16
"""Numbers that a CPU moves at a time: with their moments about a megabyte, which a core's own cache holds."""


class UpdateRule:
    """Moves blocks of parameters at a rate for each run and element.

    A block is a tensor [R x ...] that shares the memory of the parameters, so `move` changes it in place.
    """

    shaped: ClassVar[bool] = False
    """Whether a block is one parameter in its shape, [R x ...], as needed by a rule that factors matrices. Otherwise,
    where each number moves by itself, all parameters of an element are one block [R x parameters]: fewer, larger
    operations."""

    def __init__(self, rates: Mapping[str, Tensor], weight_decay: float = 0.0) -> None:
        """`rates` [R] by element."""
        self.rates, self.weight_decay = rates, weight_decay
        self.memory: dict[str, Memory] = {}
        self.steps = 0

    def step(self, parameters: StackedParameters, gradients: Gradients, factor: float | Tensor, alive: Tensor) -> None:
        """One step of the runs that are `alive` [R], at `factor` (one, or [R]) of the learning rates."""
        self.steps += 1
        for block in parameters.blocks(gradients, self.shaped):
            dtype = block.gradient.dtype
            rate = torch.where(alive, self.rates[block.element], 0.0).to(dtype)
            rate = rate * (factor.to(dtype) if isinstance(factor, Tensor) else factor)
            if block.name not in self.memory:
                self.memory[block.name] = self.start(block)
            rate = rate.view(-1, *[1] * (block.gradient.dim() - 1))
            if self.shaped:
                self.move(block, rate, self.memory[block.name])
            else:
                self.move_numbers(block, rate, self.memory[block.name])

    def move_numbers(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Move numbers each by itself, on a CPU so many at a time that what is computed stays in its cache."""
        runs, numbers = block.gradient.shape
        if block.gradient.device.type != "cpu" or runs * numbers <= PIECE:
            self.move(block, rate, memory)
            return
        together, most = max(1, PIECE // numbers), min(PIECE, numbers)
        for first, start in product(range(0, runs, together), range(0, numbers, most)):
            rows, part = slice(first, first + together), slice(start, start + most)
            own = block._replace(
                values=block.values[rows, part],
                gradient=block.gradient[rows, part],
                decayed=min(max(block.decayed - start, 0), most),
            )
            self.move(own, rate[rows], tuple(tensor[rows, part] for tensor in memory))

    def start(self, block: Block) -> Memory:
        """What it remembers of a block before the first step: tensors whose first dimension is that of the runs."""
        return ()

    def move(self, block: Block, rate: Tensor, memory: Memory) -> None:
        """Update the values of a block, and what is remembered of it, in place; `rate` is [R x 1 x ...]."""
        raise NotImplementedError

    def state(self) -> State:
        """What it remembers of each block, and the steps done."""
        found = {f"{name}.{n}": tensor for name, memory in self.memory.items() for n, tensor in enumerate(memory)}
        return State(found, self.steps)

    def load_state(self, state: State) -> None:
        """Take over what another process remembered."""
        device = next((rate.device for rate in self.rates.values()), None)
        found: dict[str, dict[int, Tensor]] = {}
        for key, tensor in state.tensors.items():
            name, _, number = key.rpartition(".")
            found.setdefault(name, {})[int(number)] = tensor.to(device)
        self.memory = {name: tuple(tensors[n] for n in sorted(tensors)) for name, tensors in found.items()}
        self.steps = state.rest
