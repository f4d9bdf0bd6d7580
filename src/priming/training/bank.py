"""A bank of runs in training: what is evaluated when, which step each run keeps, and what is told in the log."""

from collections.abc import Sequence
from math import isnan
from typing import Any, Protocol

from torch import Tensor

from priming.protocol.keeping.table import KEEPINGS
from priming.runs.checkpoints import Checkpointer, State
from priming.runs.parameters import Named, StackedParameters
from priming.study.tuning import Tuning
from priming.training.grid import Run, Sample, develops
from priming.training.progress import BankProgress


class Judge(Protocol):
    """What scores the runs of a bank."""

    tuning: Tuning
    lines: int

    def scores(self, stacked: Named, runs: Sequence[Run], name: str) -> list[float]:
        """The development score of each run, NaN without a development set; parameters are [R x ...] by name."""

    def losses(self, stacked: Named, samples: Sequence[Sample]) -> Sequence[float]:
        """The development loss on each sample."""

    def train(self) -> None:
        """Go back to training mode after an evaluation."""


class BankWatch:
    """Evaluates a bank on a schedule, and each run at its end; keeps each run's best step."""

    def __init__(self, judge: Judge, bank: Sequence[Run], parameters: StackedParameters, name: str) -> None:
        self.judge, self.bank, self.parameters, self.name = judge, bank, parameters, name
        self.progress = BankProgress(name, len(bank), bank[0].steps, judge.lines)
        keeping, losses = KEEPINGS[judge.tuning.keep], self._losses if judge.tuning.ties == "loss" else None
        self.selection = keeping.selector(parameters, losses)

    def begin(self, keeper: Checkpointer | None) -> None:
        """Evaluate the start, or take up what `keeper` has saved."""
        self.progress.begin(self.bank[0].point.batch)
        if done := keeper.start(self.bank[0].steps)[0] if keeper else 0:
            self.progress.resume(done)
            self.judge.train()
        else:
            self.evaluate(0, None, range(len(self.bank)))

    def after_step(self, step: int, losses: Tensor) -> None:
        """Evaluate the runs that are due, then return to training mode if dropout is on; log progress."""
        on_schedule = step % self.judge.tuning.evaluate_every == 0
        due = [
            index
            for index, run in enumerate(self.bank)
            if run.curve[-1]["step"] < step and (run.steps == step or (on_schedule and run.steps > step))
        ]
        if due:
            self.evaluate(step, losses, due)
        self.progress.after_step(step, losses)

    def evaluate(self, step: int, losses: Tensor | None, due: Sequence[int]) -> None:
        """Score runs on their development sets, and update which steps they keep."""
        runs, views = [self.bank[index] for index in due], self.parameters.views
        if len(due) < len(self.bank):
            views = self.parameters.named(self.parameters.flat, due)
        found = self.judge.scores(views, runs, f"{self.name}, dev set at step {step}")
        scores: list[float | None] = [None] * len(self.bank)
        for index, dev in zip(due, found, strict=True):
            self.bank[index].curve.append(point(step, None if losses is None else float(losses[index]), dev))
            scores[index] = dev
        self.selection.note(step, scores)
        self.progress.scored(step, found if develops(runs) else [])
        self.judge.train()

    def tell(self, index: int) -> None:
        """Record in a run which of its steps is kept."""
        run, choice = self.bank[index], self.selection.choices[index]
        run.best_step, run.best_dev, run.by_loss = choice.step, choice.score, choice.by_loss

    def state(self) -> State:
        """The curves, and the steps that are kept."""
        selection = self.selection.state()
        return State(selection.tensors, {"curves": [run.curve for run in self.bank], "selection": selection.rest})

    def wrong(self, state: State, step: int) -> str | None:
        """Curves of other runs, or of steps that are not done."""
        try:
            last = [int(curve[-1]["step"]) for curve in state.rest["curves"]]
        except (TypeError, KeyError, IndexError, ValueError):
            last = []
        fits = len(last) == len(self.bank) and all(0 <= reached <= step for reached in last)
        return None if fits else "its curves are not those of these runs"

    def load_state(self, state: State) -> None:
        """Restore them."""
        for run, curve in zip(self.bank, state.rest["curves"], strict=True):
            run.curve = curve
        self.selection.load_state(State(state.tensors, state.rest["selection"]))

    def _losses(self, stacked: Named, runs: Sequence[int]) -> Sequence[float]:
        return self.judge.losses(stacked, [self.bank[run].sample for run in runs])


def number(score: float) -> float | None:
    """A score, or None if it is no number."""
    return None if isnan(score) else score


def point(step: int, loss: float | None, dev: float) -> dict[str, Any]:
    """A point of a run's curve; without a development set it has no score."""
    return {"step": step, "loss": loss, "dev": dev}
