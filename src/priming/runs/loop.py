"""The training loop of R runs at once (one run is the simplest case), for sweeps, multi-task and meta-learning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from priming.runs import stopping
from priming.runs.checkpoints import Checkpointer, State
from priming.runs.clipping import clip, norms
from priming.runs.parameters import Gradients, StackedParameters
from priming.runs.schedules import Linear, Schedule
from priming.runs.update_rules.interface import UpdateRule
from priming.tensor_files import all_finite

Objective = Callable[[StackedParameters, int], tuple[Tensor, Gradients]]
"""(parameters, step) -> losses [R] and their gradients."""

AfterStep = Callable[[int, Tensor], None]
"""Called with the number of steps done and their last losses [R]."""


@dataclass(frozen=True)
class Course:
    """Steps, warm-up, clipping and learning-rate schedule of a training."""

    steps: int
    """Of the longest run."""
    warmup: float
    clip: float | None
    rates: Callable[[int, float], Schedule] = Linear
    """Builds the schedule from steps and warm-up."""
    lengths: Sequence[int] = ()
    """The steps of each run [R], where they differ; each has a schedule of its own, and rests when it is done."""

    def factor(self, step: int, device: torch.device) -> float | Tensor:
        """The factor on the learning rates at a step: one, or those of the runs [R]."""
        found = [self.rates(steps, self.warmup).factor(step) for steps in self.lengths or [self.steps]]
        return torch.tensor(found, device=device) if self.lengths else found[0]

    def moving(self, step: int, alive: Tensor) -> Tensor:
        """Mask [R] of the runs `alive` that are not done before a step."""
        return alive & (torch.tensor(self.lengths, device=alive.device) > step) if self.lengths else alive


@dataclass
class Outcome:
    """The outcome of a training: for each run that became non-finite, the step and its values there."""

    failures: dict[int, str] = field(default_factory=dict)

    def alive(self, runs: int, device: torch.device) -> Tensor:
        """Mask of the runs that have not failed [R]."""
        return torch.tensor([run not in self.failures for run in range(runs)], device=device)

    def state(self) -> State:
        """The failures."""
        return State({}, {str(run): reason for run, reason in self.failures.items()})

    def load_state(self, state: State) -> None:
        """Restore the failures."""
        self.failures = {int(run): reason for run, reason in state.rest.items()}


def train(
    parameters: StackedParameters,
    objective: Objective,
    optimizer: UpdateRule,
    course: Course,
    after_step: AfterStep,
    keeper: Checkpointer | None = None,
    outcome: Outcome | None = None,
) -> Outcome:
    """Train R runs side by side for `course.steps`, resuming from the state that `keeper` has saved.

    A run whose loss or gradient is not finite stops before that step and keeps its last values; the others go on. What
    fails is added to `outcome`, which is returned; where runs can fail and others go on, it is part of the state.
    """
    outcome, done = outcome or Outcome(), _resumed(keeper, after_step, course.steps)
    device = next(iter(parameters.flat.values())).device
    alive = outcome.alive(parameters.runs, device)
    for step in range(done, course.steps):
        losses, gradients = objective(parameters, step)
        norm = norms(gradients)
        broken = alive & ~(torch.isfinite(losses) & torch.isfinite(norm))
        if broken.any():
            _record(outcome, broken, losses, norm, step)
            alive = outcome.alive(parameters.runs, device)
            if not course.moving(step, alive).any():
                break
        _without_broken(gradients, alive)
        if course.clip:
            clip(gradients, course.clip, torch.where(alive, norm, 0.0))
        optimizer.step(parameters, gradients, course.factor(step, device), course.moving(step, alive))
        del gradients  # else they are held while those of the next step are made
        if keeper:
            keeper.after_step(step + 1, losses)
        else:
            stopping.check()
        after_step(step + 1, losses)
    _look_at_weights(parameters, outcome, course.steps)
    return outcome


def _look_at_weights(parameters: StackedParameters, outcome: Outcome, steps: int) -> None:
    """Runs whose last step left weights that are not finite have failed: no loss was computed of them any more."""
    for flat in parameters.flat.values():
        if not all_finite(flat):
            for run, values in enumerate(flat):
                if run not in outcome.failures and not all_finite(values):
                    outcome.failures[run] = f"not finite after step {steps}: the weights have NaN or infinity"


def _resumed(keeper: Checkpointer | None, after_step: AfterStep, steps: int) -> int:
    """The steps done; `after_step` is called again for the last, since the state may have been saved before that."""
    done, losses = keeper.start(steps) if keeper else (0, None)
    if losses is not None and done:
        after_step(done, losses)
    return done


def _record(outcome: Outcome, broken: Tensor, losses: Tensor, norm: Tensor, step: int) -> None:
    for run in broken.nonzero().flatten().tolist():
        outcome.failures[run] = (
            f"not finite at step {step + 1}: loss {losses[run].item():g}, gradient norm {norm[run].item():g}"
        )


def _without_broken(gradients: Gradients, alive: Tensor) -> None:
    if not alive.all():
        for gradient in gradients.values():
            gradient[~alive] = 0.0
