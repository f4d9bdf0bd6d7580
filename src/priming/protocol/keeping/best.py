"""The best step of a run is kept: the development score chooses, and where that says nothing the development loss."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import TYPE_CHECKING

from priming.protocol.keeping import interface
from priming.protocol.keeping.interface import Keeping, Losses, Selector

if TYPE_CHECKING:
    from priming.runs.checkpoints import State
    from priming.runs.parameters import Named, StackedParameters


class BestStep(Keeping):
    """The step with the first strictly highest development score."""

    needs_dev, chosen = True, "the learning rate and step"

    def selector(self, parameters: "StackedParameters", losses: Losses | None) -> Selector:
        """One that keeps a copy of the best parameters so far."""
        return Selection(parameters, losses)


@dataclass
class Choice(interface.Choice):
    """The step of one run that is kept so far; `tied` while every step has the start's score, and that is a number."""

    tied: bool = True
    loss: float | None = None

    def higher(self, score: float) -> bool:
        """Whether a score is strictly the highest so far; one that is no number, as a correlation can be, never is."""
        return not isnan(score) and (self.score is None or score > self.score)

    def take(self, step: int, score: float, loss: float | None = None) -> None:
        """Keep this step."""
        self.step, self.score, self.loss = step, score, loss

    @property
    def by_loss(self) -> bool:
        """Whether all steps tied, and the loss chose a later one than the first."""
        return self.tied and bool(self.step)


class Selection:
    """The kept steps of a bank of runs, and their parameters.

    A run keeps the first step with the strictly highest development score. Where all its steps have the same score, it
    keeps the one with the least development loss, if there is a function for that; the loss is asked for while scores
    tie, no longer.
    """

    def __init__(self, parameters: "StackedParameters", losses: Losses | None) -> None:
        """Without `losses` the first step of all that tie is kept."""
        self.parameters, self.losses = parameters, losses
        self.choices = [Choice() for _ in range(parameters.runs)]
        self.kept = parameters.snapshot()
        self.start = parameters.snapshot([0]) if losses else {}  # only a choice by the loss is ever taken back

    def note(self, step: int, scores: Sequence[float | None]) -> None:
        """Judge the present parameters by each run's development score; the first call is the start, shared by all."""
        import torch

        judged = {run: (self.choices[run], score) for run, score in enumerate(scores) if score is not None}
        fallen = [run for run, (choice, score) in judged.items() if self._falls_back(choice, score)]
        for element, start in self.start.items():
            self.kept[element][fallen] = start
        better = {run for run, (choice, score) in judged.items() if choice.higher(score)}
        for run, (choice, score) in judged.items():
            choice.tied = choice.tied and (score == choice.score or (choice.step is None and run in better))
            if run in better:
                choice.take(step, score)
        better |= set(
            self._closer(step, [run for run, (choice, _) in judged.items() if choice.tied and run not in better])
        )
        self.parameters.keep_rows(self.kept, torch.tensor([run in better for run in range(len(scores))]))

    def values(self, run: int) -> "Named":
        """The parameters that a run keeps, by name."""
        return {name: value[0].clone() for name, value in self.parameters.named(self.kept, [run]).items()}

    def state(self) -> "State":
        """The kept parameters, and the choices."""
        from priming.runs.checkpoints import State

        return State(self.kept, [asdict(choice) for choice in self.choices])

    def load_state(self, state: "State") -> None:
        """Restore them."""
        for element, flat in self.kept.items():
            flat.copy_(state.tensors[element])
        self.choices = [Choice(**choice) for choice in state.rest]

    @staticmethod
    def _falls_back(choice: Choice, score: float) -> bool:
        """Whether a lower score ends a tie in which the loss chose a later step; the start is then the first best."""
        if not choice.by_loss or score == choice.score or choice.higher(score):
            return False
        choice.step = 0
        return True

    def _closer(self, step: int, tied: Sequence[int]) -> list[int]:
        """Those of the `tied` runs whose loss is less than at any step before."""
        if self.losses is None or not tied:
            return []
        if new := [run for run in tied if self.choices[run].loss is None]:
            for run, loss in zip(new, self.losses(self.parameters.named(self.kept, new), new), strict=True):
                self.choices[run].loss = loss
        found = dict(zip(tied, self.losses(self.parameters.named(self.parameters.flat, tied), tied), strict=True))
        closer = [run for run, loss in found.items() if loss < self._least(run)]
        for run in closer:
            self.choices[run].step, self.choices[run].loss = step, found[run]
        return closer

    def _least(self, run: int) -> float:
        loss = self.choices[run].loss
        assert loss is not None
        return loss


KEEPING = BestStep()
