"""What a rule for the step that a run keeps answers about itself. Nobody else asks for its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from priming.runs.checkpoints import State
    from priming.runs.parameters import Named, StackedParameters

Losses = Callable[["Named", Sequence[int]], Sequence[float]]
"""From the parameters [n x ...] of n runs, and the runs' places in the bank, to their development losses."""


@dataclass
class Choice:
    """The step of one run that is kept so far, None without one, and its development score if that is a number."""

    step: int | None = None
    score: float | None = None

    @property
    def by_loss(self) -> bool:
        """Whether the development loss chose, since scores said nothing."""
        return False


class Selector(Protocol):
    """Follows a bank of runs, and keeps the parameters of one step of each."""

    @property
    def choices(self) -> Sequence[Choice]:
        """The step of each run that is kept so far."""

    def note(self, step: int, scores: Sequence[float | None]) -> None:
        """Judge the present parameters, given the development score of each run, NaN where there is none.

        It is called for the start, step 0, then on a schedule, and for the last step of each run; None stands for a run
        that is not judged now.
        """

    def values(self, run: int) -> "Named":
        """The parameters that a run keeps, by name."""

    def state(self) -> "State":
        """What it has to remember between steps."""

    def load_state(self, state: "State") -> None:
        """Take over what another process remembered."""


class Keeping:
    """A rule for the step that is kept."""

    needs_dev: ClassVar[bool]
    """Whether it compares development scores, so that there must be a development set."""
    chosen: ClassVar[str]
    """What development scores choose, as notes under tables say it."""

    def selector(self, parameters: "StackedParameters", losses: Losses | None) -> Selector:
        """One for the runs of `parameters`; `losses` are there where they may decide between equal scores."""
        raise NotImplementedError
