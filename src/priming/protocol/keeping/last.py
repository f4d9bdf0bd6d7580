"""The last step of a run is kept, whatever the development scores."""

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from priming.protocol.keeping.interface import Choice, Keeping, Losses, Selector

if TYPE_CHECKING:
    from priming.runs.parameters import Named, StackedParameters


class LastStep(Keeping):
    """It needs no development set; where there is one, its last score chooses between points of the grid."""

    needs_dev, chosen = False, "the learning rate"

    def selector(self, parameters: "StackedParameters", losses: Losses | None) -> Selector:
        """One that remembers the last score alone."""
        return _Last(parameters)


class _Last:
    def __init__(self, parameters: "StackedParameters") -> None:
        self.parameters = parameters
        self.choices: Sequence[Choice] = [Choice() for _ in range(parameters.runs)]

    def note(self, step: int, scores: Sequence[float]) -> None:
        """The step is the last so far."""
        self.choices = [Choice(step, None if isnan(score) else score) for score in scores]

    def values(self, run: int) -> "Named":
        """The present parameters."""
        return self.parameters.row(run)


KEEPING = LastStep()
