"""What a run is, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Example = Mapping[str, Any]
"""What the model takes, by argument: token ids of any length, numbers, or tensors; without a dimension for batches."""


@dataclass(frozen=True)
class Run:
    """One training."""

    train: Sequence[Example]
    dev: Sequence[Example] = ()
    rate: float = 1e-3
    """The highest learning rate."""
    seed: int = 0
    """Of the order of its examples, and of its dropout masks."""
    start: Mapping[str, Tensor] = field(default_factory=dict)
    """Initial values by parameter name; those of the model for what is not there."""


@dataclass(frozen=True)
class Evaluation:
    """What a run has on its development set after so many steps."""

    step: int
    loss: float
    score: float | None = None


@dataclass(frozen=True)
class Tuned:
    """What came of a run."""

    state: dict[str, Tensor]
    """The tuned parameters of the step that is kept, by name: `model.load_state_dict(state, strict=False)`."""
    losses: list[float]
    """The loss of each step's batch."""
    evaluations: list[Evaluation]
    step: int
    """The step that is kept: the first with the highest score, or with the least loss where there are no scores."""
    failure: str | None = None
    """Why the run ended early: a loss, gradients or weights that are not finite."""

    @property
    def score(self) -> float | None:
        """That of the kept step, None if it has none."""
        return next((found.score for found in self.evaluations if found.step == self.step), None)
