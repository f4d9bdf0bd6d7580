"""Upstream validation: choosing a priming's checkpoint by tuning the development tasks from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from torch import Tensor

from priming.algorithms.interface import Upstream
from priming.runs.checkpoints import State
from priming.runs.parameters import Named, StackedParameters
from priming.strategies import Strategy
from priming.training.tuner import Tuner

LAST = "."
LOSS = "loss"
"""In place of a set of downstream elements, where one checkpoint is chosen for all."""


class Validator(Protocol):
    """Scores the values of a priming's outer elements, for each set of downstream elements."""

    def scores(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean development score for each set of downstream elements, such as {"adapter": 0.7}."""


@dataclass(frozen=True)
class DevelopmentTasks:
    """Tunes the development tasks as the study does, for at most `steps` steps and each set of downstream elements."""

    tuners: Mapping[str, Tuner]
    folders: Sequence[Path]
    samples: Sequence[int]
    steps: int

    def scores(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean over tasks and samples of the best development score."""
        return {name: self._score(tuner, values) for name, tuner in self.tuners.items()}

    def _score(self, tuner: Tuner, values: Mapping[str, Tensor]) -> float:
        tuner = replace(
            tuner, tuning=tuner.tuning.model_copy(update={"steps": self.steps, "epochs": None}), states=None
        )
        tuner.set_values(values)
        return fmean(tuner.development_scores(self.folders, self.samples))


@dataclass(frozen=True)
class DevelopmentLoss:
    """Compares losses on the samples of the development tasks."""

    of: Callable[[Named], float]

    def scores(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The negative loss."""
        return {LOSS: -self.of(dict(values))}


class CheckpointSelector:
    """Selects the checkpoints of a priming to keep: the last, or the best for each set of downstream elements."""

    def __init__(
        self, settings: Upstream, validator: Validator | None, parameters: StackedParameters, run: int = 0
    ) -> None:
        """The priming is number `run` of those that have these parameters."""
        self.every = settings.validation.every
        self.validator = validator if settings.chooses else None
        self.parameters, self.run = parameters, run
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, tuple[float, int, Named]] = {}

    def after_step(self, step: int, steps: int) -> None:
        """Validate the current values if due; in a tie the earlier checkpoint is kept."""
        judged = bool(self.history) and self.history[-1]["step"] == step
        if self.validator is None or judged or (step % self.every and step != steps):
            return
        scores = self.validator.scores(self.parameters.shared_row(self.run))
        self.history.append({"step": step, "scores": scores})
        better = [name for name, found in scores.items() if name not in self.best or found > self.best[name][0]]
        values = self.parameters.row(self.run) if better else {}
        self.best |= {name: (scores[name], step, values) for name in better}

    def state(self) -> State:
        """The best candidates so far, and all scores."""
        values = {f"{name}/{key}": value for name, (_, _, named) in self.best.items() for key, value in named.items()}
        return State(
            values,
            {"history": self.history, "best": {name: [score, step] for name, (score, step, _) in self.best.items()}},
        )

    def load_state(self, state: State) -> None:
        """Restore scores and candidates."""
        self.history = state.rest["history"]
        for name, (score, step) in state.rest["best"].items():
            own = {
                key.removeprefix(f"{name}/"): value
                for key, value in state.tensors.items()
                if key.startswith(f"{name}/")
            }
            self.best[name] = (score, step, own)

    def kept(self) -> dict[str, Named]:
        """The values to save, by folder."""
        if self.validator is None:
            return {LAST: self.parameters.shared_row(self.run)}
        return {best_folder(name): values for name, (_, _, values) in self.best.items()}

    def kept_steps(self, last: int) -> int | dict[str, int]:
        """The kept step, or one per set of downstream elements if they differ."""
        if LOSS in self.best:
            return self.best[LOSS][1]
        return last if self.validator is None else {name: step for name, (_, step, _) in self.best.items()}


def best_folder(downstream: str) -> str:
    """The folder, within a priming's, of the best checkpoint for `downstream`, such as `adapter`."""
    return LAST if downstream == LOSS else f"best-{downstream}"


def checkpoint_folder(primed: Path, strategy: Strategy) -> Path:
    """The folder of the primed checkpoint from which a strategy starts."""
    best = primed / best_folder(strategy.downstream)
    return best if best.is_dir() else primed
