"""Upstream validation: which checkpoint of a priming is kept, by tunings of the development tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from torch import Tensor

from priming.strategies import Strategy
from priming.study.priming import Upstream
from priming.training.parameters import Named, StackedParameters
from priming.training.state import State
from priming.training.tuner import Tuner

LAST = "."


class Validator(Protocol):
    """Scores the values of a priming's outer elements, by downstream elements."""

    def scores(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean development score for each set of downstream elements, such as {"adapter": 0.7}."""


@dataclass(frozen=True)
class DevelopmentTasks:
    """The study's own tuning, cut to `steps`, of the development tasks, for each set of downstream elements."""

    tuners: Mapping[str, Tuner]
    folders: Sequence[Path]
    samples: Sequence[int]
    steps: int

    def scores(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean over tasks and samples of the best development score."""
        return {name: self._score(tuner, values) for name, tuner in self.tuners.items()}

    def _score(self, tuner: Tuner, values: Mapping[str, Tensor]) -> float:
        tuner = replace(tuner, tuning=tuner.tuning.model_copy(update={"steps": self.steps}))
        tuner.set_values(values)
        return fmean(tuner.development_scores(self.folders, self.samples))


class Candidates:
    """The checkpoints of a priming that may be kept: the last, or for each set of downstream elements the best."""

    def __init__(self, settings: Upstream, validator: Validator | None, parameters: StackedParameters) -> None:
        self.every = settings.validation.every
        self.validator = validator if settings.keep == "best" else None
        self.parameters = parameters
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, tuple[float, int, Named]] = {}

    def after_step(self, step: int, steps: int) -> None:
        """Judge the present values, where the study says so; the first of equals is kept."""
        judged = bool(self.history) and self.history[-1]["step"] == step
        if self.validator is None or judged or (step % self.every and step != steps):
            return
        values = self.parameters.row(0)
        scores = self.validator.scores(values)
        self.history.append({"step": step, "scores": scores})
        for name, found in scores.items():
            if name not in self.best or found > self.best[name][0]:
                self.best[name] = (found, step, values)

    def state(self) -> State:
        """The candidates that are best so far, and all scores."""
        values = {f"{name}/{key}": value for name, (_, _, named) in self.best.items() for key, value in named.items()}
        return State(values, {"history": self.history, "best": {name: [score, step] for name, (score, step, _) in self.best.items()}})

    def go_on_from(self, state: State) -> None:
        """Take over scores and candidates."""
        self.history = state.rest["history"]
        for name, (score, step) in state.rest["best"].items():
            own = {key.removeprefix(f"{name}/"): value for key, value in state.tensors.items() if key.startswith(f"{name}/")}
            self.best[name] = (score, step, own)

    def kept(self) -> dict[str, Named]:
        """Values by the folder that they go to."""
        if self.validator is None:
            return {LAST: self.parameters.row(0)}
        return {best_folder(name): values for name, (_, _, values) in self.best.items()}

    def kept_steps(self, last: int) -> int | dict[str, int]:
        """The step kept, for each set of downstream elements where they differ."""
        return last if self.validator is None else {name: step for name, (_, step, _) in self.best.items()}


def best_folder(downstream: str) -> str:
    """The folder, within a priming's, of the checkpoint that is best for `downstream`, such as `adapter`."""
    return f"best-{downstream}"


def checkpoint_folder(primed: Path, strategy: Strategy) -> Path:
    """Where the checkpoint of a priming lies that a strategy starts from."""
    best = primed / best_folder(strategy.downstream)
    return best if best.is_dir() else primed
