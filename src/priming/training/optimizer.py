"""AdamW, gradient clipping and the schedule for R runs at once."""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from priming.training.parameters import Gradients, StackedParameters
from priming.training.state import State, Stateful


def linear_schedule(step: int, steps: int, warmup: float) -> float:
    """The factor of the learning rate at `step` (from 0) of `steps`: linear warm-up over a share of them, linear decay to 0."""
    warm = int(warmup * steps)
    if step < warm:
        return step / warm
    return max(0.0, (steps - step) / max(1, steps - warm))


def norms(gradients: Gradients) -> Tensor:
    """The gradient norm of each run, over all elements [R]."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g, dim=1) for g in gradients.values()]), dim=0)


def clip(gradients: Gradients, largest: float, norm: Tensor) -> None:
    """Scale each run's gradients in place so that its `norm` [R] is at most `largest`, as torch's clip_grad_norm_ does."""
    scale = (largest / (norm + 1e-6)).clamp(max=1.0)[:, None]
    for gradient in gradients.values():
        gradient.mul_(scale.to(gradient.dtype))


class Optimizer(Stateful, Protocol):
    """Moves the stacked parameters."""

    def step(self, parameters: StackedParameters, gradients: Gradients, factor: float, alive: Tensor) -> None:
        """One step of the runs that are `alive` [R], at `factor` of the learning rates."""


class AdamW:
    """AdamW (Loshchilov and Hutter, 2019) with a learning rate a run and element, equal to torch's a run at a time.

    Matrices are decayed, vectors (biases, norms) are not.
    """

    def __init__(
        self, rates: Mapping[str, Tensor], weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8
    ) -> None:
        """`rates` [R] by element."""
        self.rates, self.weight_decay, self.betas, self.epsilon = rates, weight_decay, betas, epsilon
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}
        self.steps = 0

    def step(self, parameters: StackedParameters, gradients: Gradients, factor: float, alive: Tensor) -> None:
        """One step of the runs that are alive."""
        self.steps += 1
        for element, gradient in gradients.items():
            rate = torch.where(alive, self.rates[element], 0.0).to(gradient.dtype)[:, None] * factor
            self._move(parameters.flat[element], gradient, rate, self._moments(element, gradient), parameters.decayed[element])

    def state(self) -> State:
        """The moments of each element, and the steps done."""
        return State({f"{element}.{i}": moment for element, moments in self.moments.items() for i, moment in enumerate(moments)}, self.steps)

    def go_on_from(self, state: State) -> None:
        """Take over moments and steps."""
        elements = dict.fromkeys(name.rpartition(".")[0] for name in state.tensors)
        self.moments = {e: (*(state.tensors[f"{e}.{i}"].to(self.rates[e].device) for i in (0, 1)),) for e in elements}  # type: ignore[misc]
        self.steps = state.rest

    def _moments(self, element: str, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return self.moments.setdefault(element, (torch.zeros_like(gradient), torch.zeros_like(gradient)))

    def _move(self, values: Tensor, gradient: Tensor, rate: Tensor, moments: tuple[Tensor, Tensor], decayed: Tensor) -> None:
        """Update `values` [R x N] in place; one scratch tensor, since for a whole PLM memory is what it costs."""
        first, second = moments
        beta1, beta2 = self.betas
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scratch = torch.empty_like(values)
        if self.weight_decay:
            values.sub_(torch.mul(values, decayed, out=scratch).mul_(rate * self.weight_decay))
        torch.sqrt(second, out=scratch).div_(math.sqrt(1 - beta2**self.steps)).add_(self.epsilon)
        values.sub_(torch.div(first, scratch, out=scratch).mul_(rate / (1 - beta1**self.steps)))


class Interpolation:
    """values <- values - size * gradient: with the gradient values - mean(inner), a move towards the inner loops' mean."""

    def __init__(self, size: float) -> None:
        self.size = size

    def state(self) -> State:
        """Nothing: it has no memory."""
        return State({})

    def go_on_from(self, state: State) -> None:
        """Nothing to take over."""

    def step(self, parameters: StackedParameters, gradients: Gradients, factor: float, alive: Tensor) -> None:
        """One step of the runs that are alive."""
        for element, gradient in gradients.items():
            parameters.flat[element].sub_(gradient * (self.size * factor) * alive[:, None].to(gradient.dtype))
