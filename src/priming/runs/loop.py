"""The training loop of R runs at once (one run is the simplest case), for sweeps, multi-task and meta-learning."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from priming.runs import stopping
from priming.runs.checkpoints import Checkpointer
from priming.runs.clipping import clip, norms
from priming.runs.parameters import Gradients, StackedParameters
from priming.runs.schedules import Linear, Schedule
from priming.runs.update_rules.interface import UpdateRule

Objective = Callable[[StackedParameters, int], tuple[Tensor, Gradients]]
"""(parameters, step) -> losses [R] and their gradients."""

AfterStep = Callable[[int, Tensor], None]
"""Called with the number of steps done and their last losses [R]."""


@dataclass(frozen=True)
class Course:
    """Steps, warm-up, clipping and learning-rate schedule of a training."""

    steps: int
    warmup: float
    clip: float | None
    rates: Callable[[int, float], Schedule] = Linear
    """Builds the schedule from steps and warm-up."""

    @property
    def schedule(self) -> Schedule:
        """The learning-rate schedule."""
        return self.rates(self.steps, self.warmup)


@dataclass
class Outcome:
    """The outcome of a training: for each run that became non-finite, the step and its values there."""

    failures: dict[int, str] = field(default_factory=dict)

    def alive(self, runs: int, device: torch.device) -> Tensor:
        """Mask of the runs that have not failed [R]."""
        return torch.tensor([run not in self.failures for run in range(runs)], device=device)


def train(
    parameters: StackedParameters,
    objective: Objective,
    optimizer: UpdateRule,
    course: Course,
    after_step: AfterStep,
    keeper: Checkpointer | None = None,
) -> Outcome:
    """Train R runs side by side for `course.steps`, resuming from the state that `keeper` has saved.

    A run whose loss or gradient is not finite stops before that step and keeps its last values; the others go on.
    After resuming, `after_step` is called again for the last saved step, since the state may have been saved before
    that call.
    """
    outcome, done, schedule = Outcome(), 0, course.schedule
    device = next(iter(parameters.flat.values())).device
    alive = outcome.alive(parameters.runs, device)
    if keeper:
        done, losses = keeper.start()
        if done:
            after_step(done, losses)
    for step in range(done, course.steps):
        losses, gradients = objective(parameters, step)
        norm = norms(gradients)
        broken = alive & ~(torch.isfinite(losses) & torch.isfinite(norm))
        if broken.any():
            _record(outcome, broken, losses, norm, step)
            alive = outcome.alive(parameters.runs, device)
            if not alive.any():
                break
        _without_broken(gradients, alive)
        if course.clip:
            clip(gradients, course.clip, torch.where(alive, norm, 0.0))
        optimizer.step(parameters, gradients, schedule.factor(step), alive)
        if keeper:
            keeper.after_step(step + 1, losses)
        else:
            stopping.check()
        after_step(step + 1, losses)
    return outcome


def _record(outcome: Outcome, broken: Tensor, losses: Tensor, norm: Tensor, step: int) -> None:
    for run in broken.nonzero().flatten().tolist():
        outcome.failures[run] = (
            f"not finite at step {step + 1}: loss {losses[run].item():g}, gradient norm {norm[run].item():g}"
        )


def _without_broken(gradients: Gradients, alive: Tensor) -> None:
    if not alive.all():
        for gradient in gradients.values():
            gradient[~alive] = 0.0
