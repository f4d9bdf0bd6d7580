"""The last step of a run is kept, whatever the development scores."""

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from priming.protocol.keeping.interface import Choice, Keeping, Losses, Selector

if TYPE_CHECKING:
    from priming.runs.checkpoints import State
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
        self.choices = [Choice() for _ in range(parameters.runs)]

    def note(self, step: int, scores: Sequence[float | None]) -> None:
        """The step is the last so far."""
        for run, score in enumerate(scores):
            if score is not None:
                self.choices[run] = Choice(step, None if isnan(score) else score)

    def values(self, run: int) -> "Named":
        """The present parameters."""
        return self.parameters.row(run)

    def state(self) -> "State":
        """The choices; the parameters are kept anyway."""
        from priming.runs.checkpoints import State

        return State({}, [[choice.step, choice.score] for choice in self.choices])

    def load_state(self, state: "State") -> None:
        """Restore the choices."""
        self.choices = [Choice(*choice) for choice in state.rest]


KEEPING = LastStep()
