"""Data parallel training: each of several processes takes a shard of a batch, and gradients are summed over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from priming.runs.parameters import Gradients, StackedParameters

Weight = Callable[[int], float]
"""Maps a step to a weight: a fraction of its batch."""


class PartObjective(Protocol):
    """The objective of a part of a batch."""

    def __call__(
        self, parameters: StackedParameters, step: int, weight: float = 1.0, into: Gradients | None = None
    ) -> tuple[Tensor, Gradients]:
        """Its losses [R], and their gradients times `weight`, added to `into` where that is given."""


@dataclass(frozen=True)
class Shard:
    """The shard of process `rank` of `world`; with one process, the whole batch."""

    rank: int = 0
    world: int = 1

    def rows(self, size: int) -> slice:
        """This process's consecutive rows out of `size`; numbers of rows differ by at most one between processes."""
        return slice(size * self.rank // self.world, size * (self.rank + 1) // self.world)

    def parts(self, size: int, number: int) -> list[slice]:
        """This process's rows, divided into `number` consecutive parts."""
        whole = self.world * number
        return [Shard(self.rank * number + part, whole).rows(size) for part in range(number)]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.world == 1:
            return tensor
        from accelerate.utils import reduce

        summed: Tensor = reduce(tensor, "sum")
        return summed

    def any(self, mine: bool) -> bool:
        """Whether `mine` is true in any process."""
        return mine if self.world == 1 else bool(self.sum(torch.tensor(float(mine), device=_device())).item())


class AccumulatedObjective:
    """The objective of a whole batch, accumulated over the parts of all processes.

    Its loss and gradient are sums over all parts of all processes, each weighted by the fraction of the batch that it
    averages over.
    """

    def __init__(self, parts: Sequence[tuple[PartObjective, Weight]], share: Shard) -> None:
        """`parts` are computed one after the other; the weight of each is its fraction of a step's batch."""
        self.parts, self.share = parts, share

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """Losses [1] and gradients at `step`, the same in every process."""
        total: Tensor | None = None
        gradients: Gradients | None = None
        for objective, weight in self.parts:
            share = weight(step)
            losses, gradients = objective(parameters, step, share, gradients)
            total = losses * share if total is None else total + losses * share
        assert total is not None
        assert gradients is not None
        return self.share.sum(total), {element: self.share.sum(gradient) for element, gradient in gradients.items()}


def _device() -> torch.device:
    return (
        torch.device("cuda", torch.cuda.current_device())
        if torch.distributed.get_backend() == "nccl"
        else torch.device("cpu")
    )
