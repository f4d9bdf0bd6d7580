"""The loss of a training, at about a hundred of its steps."""

from typing import Any

from torch import Tensor

from priming.runs.checkpoints import State

POINTS = 100


class LossCurve:
    """Points on the loss curve of one run, printed at intervals."""

    def __init__(self, name: str, steps: int) -> None:
        self.name, self.steps, self.every = name, steps, max(1, steps // POINTS)
        self.points: list[dict[str, Any]] = []

    def after_step(self, step: int, losses: Tensor) -> None:
        """Record the loss [1] after a step, once."""
        if (step % self.every and step != self.steps) or (self.points and self.points[-1]["step"] >= step):
            return
        self.points.append({"step": step, "loss": losses.item()})
        if step % (10 * self.every) == 0:
            print(f"{self.name}: step {step} of {self.steps}, loss {losses.item():.4f}", flush=True)

    def state(self) -> State:
        """All points."""
        return State({}, self.points)

    def wrong(self, state: State, step: int) -> str | None:
        """A curve without the points that a training has after a step; that of the step itself may come later."""
        due = [n for n in range(self.every, min(step, self.steps) + 1, self.every) if n != self.steps]
        due += [self.steps] if step >= self.steps else []
        try:
            found = [int(point["step"]) for point in state.rest]
        except (TypeError, KeyError, ValueError):
            found = [-1]
        return None if found in (due, [n for n in due if n != step]) else "its curve is not one of this training"

    def load_state(self, state: State) -> None:
        """Restore points."""
        self.points = state.rest
