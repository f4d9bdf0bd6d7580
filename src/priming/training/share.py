"""Data parallel training: each of several processes takes its share of a batch, and gradients are summed over them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from priming.training.loop import Objective
from priming.training.parameters import Gradients, StackedParameters


@dataclass(frozen=True)
class Share:
    """The part of the process `rank` of `world`; alone, all of it."""

    rank: int = 0
    world: int = 1

    def rows(self, size: int) -> slice:
        """Which of `size` rows are this process's: consecutive ones, as many as the others' or one more."""
        return slice(size * self.rank // self.world, size * (self.rank + 1) // self.world)

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
    """An objective over the share of this process, as if over the whole batch.

    The loss and the gradient of the whole are the sums of those of the shares, each weighted by the part of the batch
    over which it is a mean.
    """

    def __init__(self, objective: Objective, weight: Callable[[int], float], share: Share) -> None:
        """`weight` gives this process's part of the batch of a step, between 0 and 1."""
        self.objective, self.weight, self.share = objective, weight, share

    def __call__(self, parameters: StackedParameters, step: int) -> tuple[Tensor, Gradients]:
        """Losses [1] and gradients at `step`, the same in every process."""
        losses, gradients = self.objective(parameters, step)
        weight = self.weight(step)
        return self.share.sum(losses * weight), {element: self.share.sum(gradient * weight) for element, gradient in gradients.items()}


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.distributed.get_backend() == "nccl" else torch.device("cpu")
