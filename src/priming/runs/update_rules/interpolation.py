"""A move of a share of the way, which is how standard Reptile updates."""

from torch import Tensor

from priming.runs.parameters import Gradients, StackedParameters
from priming.runs.update_rules.interface import UpdateRule


class Interpolation(UpdateRule):
    """values <- values - size * gradient; with gradient values - mean(inner), a move towards the inner loops' mean."""

    def __init__(self, size: float) -> None:
        super().__init__({})
        self.size = size

    def step(self, parameters: StackedParameters, gradients: Gradients, factor: float | Tensor, alive: Tensor) -> None:
        """One step of the runs that are alive; `size` is the same for all elements."""
        for element, gradient in gradients.items():
            share = (self.size * factor * alive).to(gradient.dtype)
            parameters.flat[element].sub_(gradient * share[:, None])
