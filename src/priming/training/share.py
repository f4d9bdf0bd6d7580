"""Data parallel training: each of several processes takes its share of a batch, and gradients are summed over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priming.training.loop import Objective
from priming.training.parameters import Gradients, StackedParameters

Weight = Callable[[int], float]
"""From the step to the share of its batch."""


@dataclass(frozen=True)
class Share:
    """The part of the process `rank` of `world`; alone, all of it."""

    rank: int = 0
    world: int = 1

    def rows(self, size: int) -> slice:
        """Which of `size` rows are this process's: consecutive ones, as many as the others' or one more."""
        return slice(size * self.rank // self.world, size * (self.rank + 1) // self.world)

    def parts(self, size: int, number: int) -> list[slice]:
        """This process's rows in so many parts, consecutive ones."""
        whole = self.world * number
        return [Share(self.rank * number + part, whole).rows(size) for part in range(number)]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.world == 1:
            return tensor
        from accelerate.utils import reduce

        summed: Tensor = reduce(tensor, "sum")
        return summed

    def any(self, mine: bool) -> bool:
        """Whether it is true of any process."""
        return mine if self.world == 1 else bool(self.sum(torch.tensor(float(mine), device=_device())).item())


class Shared:
    """An objective over the parts of this process, as if over the whole batch.

    The loss and the gradient of the whole are the sums of those of all parts of all processes, each weighted by the share
    of the batch over which it is a mean.
    """

    def __init__(self, parts: Sequence[tuple[Objective, Weight]], share: Share) -> None:
        """`parts` are computed one after the other; the weight of each gives its share of the batch of a step, between 0 and 1."""
        self.parts, self.share = parts, share

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """Losses [1] and gradients at `step`, the same in every process."""
        losses, gradients = self._weighted(parameters, step, *self.parts[0])
        for objective, weight in self.parts[1:]:
            more, added = self._weighted(parameters, step, objective, weight)
            losses = losses + more
            for element, gradient in added.items():
                gradients[element].add_(gradient)
        return self.share.sum(losses), {element: self.share.sum(gradient) for element, gradient in gradients.items()}

    @staticmethod
    def _weighted(parameters: StackedParameters, step: int, objective: Objective, weight: Weight) -> tuple[Tensor, Gradients]:
        losses, gradients = objective(parameters, step)
        share = weight(step)
        return losses * share, {element: gradient * share for element, gradient in gradients.items()}


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.distributed.get_backend() == "nccl" else torch.device("cpu")
