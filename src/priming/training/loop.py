"""The training loop: R runs at once, one of them as its simplest case; sweeps, multi-task and meta-learning all go through it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from priming.training import stopping
from priming.training.optimizer import Optimizer, clip, linear_schedule, norms
from priming.training.parameters import Gradients, StackedParameters
from priming.training.state import Keeper

Objective = Callable[[StackedParameters, int], tuple[Tensor, Gradients]]
"""(parameters, step) -> losses [R] and their gradients."""

AfterStep = Callable[[int, Tensor], None]
"""Called with the number of steps done and their last losses [R]."""


@dataclass(frozen=True)
class Schedule:
    """Steps, warm-up and clipping of a training."""

    steps: int
    warmup: float
    clip: float | None


@dataclass
class Outcome:
    """How a training went: the step and reason at which a run stopped being finite."""

    failures: dict[int, str] = field(default_factory=dict)

    def alive(self, runs: int, device: torch.device) -> Tensor:
        """Which runs go on [R]."""
        return torch.tensor([run not in self.failures for run in range(runs)], device=device)


def train(
    parameters: StackedParameters,
    objective: Objective,
    optimizer: Optimizer,
    schedule: Schedule,
    after_step: AfterStep,
    keeper: Keeper | None = None,
) -> Outcome:
    """Train R runs side by side for `schedule.steps`, going on from the state that `keeper` has.

    A run whose loss or gradient is not finite stops before that step and keeps its last values; the others go on.
    `after_step` is called again for the step after which the state was saved, which may have been before that call.
    """
    outcome, done = Outcome(), 0
    device = next(iter(parameters.flat.values())).device
    alive = outcome.alive(parameters.runs, device)
    if keeper:
        done, losses = keeper.start()
        if done:
            after_step(done, losses)
    for step in range(done, schedule.steps):
        losses, gradients = objective(parameters, step)
        norm = norms(gradients)
        broken = alive & ~(torch.isfinite(losses) & torch.isfinite(norm))
        if broken.any():
            _record(outcome, broken, losses, norm, step)
            alive = outcome.alive(parameters.runs, device)
            if not alive.any():
                break
        _without_broken(gradients, alive)
        if schedule.clip:
            clip(gradients, schedule.clip, torch.where(alive, norm, 0.0))
        optimizer.step(parameters, gradients, linear_schedule(step, schedule.steps, schedule.warmup), alive)
        if keeper:
            keeper.after_step(step + 1, losses)
        else:
            stopping.check()
        after_step(step + 1, losses)
    return outcome


def _record(outcome: Outcome, broken: Tensor, losses: Tensor, norm: Tensor, step: int) -> None:
    for run in broken.nonzero().flatten().tolist():
        outcome.failures[run] = f"not finite at step {step + 1}: loss {losses[run].item():g}, gradient norm {norm[run].item():g}"


def _without_broken(gradients: Gradients, alive: Tensor) -> None:
    if not alive.all():
        for gradient in gradients.values():
            gradient[~alive] = 0.0
