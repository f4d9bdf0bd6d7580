"""Learning-rate schedules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args


class Schedule(Protocol):
    """A factor on the learning rates, by step."""

    def factor(self, step: int) -> float:
        """The factor at a step (from 0), between 0 and 1."""


@dataclass(frozen=True)
class Linear:
    """Linear warm-up over a fraction of the steps, then linear decay to 0."""

    steps: int
    warmup: float

    def factor(self, step: int) -> float:
        """The factor at a step; it is 0 at the first step of a warm-up."""
        warm = int(self.warmup * self.steps)
        if step < warm:
            return step / warm
        return max(0.0, (self.steps - step) / max(1, self.steps - warm))


@dataclass(frozen=True)
class Constant:
    """Linear warm-up over a fraction of the steps, then the same rates to the end."""

    steps: int
    warmup: float

    def factor(self, step: int) -> float:
        """The factor at a step; it is 0 at the first step of a warm-up."""
        warm = int(self.warmup * self.steps)
        return step / warm if step < warm else 1.0


ScheduleName = Literal["linear", "constant"]
SCHEDULES: dict[str, Callable[[int, float], Schedule]] = dict(
    zip(get_args(ScheduleName), (Linear, Constant), strict=True)
)
"""From steps and the fraction of the warm-up to a schedule."""
