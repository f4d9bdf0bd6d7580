"""Sweeps: tasks x samples x grid, in banks over one shared PLM; the development score chooses the step and the grid point."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor

from priming.evaluation.metrics import own_metric, score
from priming.evaluation.prediction import Labels, Predictor
from priming.models.elements import element_of
from priming.models.encoding import Encoded
from priming.models.loss import LossForm
from priming.models.text_model import TextModel
from priming.study.tuning import Scoring, Tuning
from priming.training.batches import epoch_picks
from priming.training.keys import key
from priming.training.loop import Schedule, train
from priming.training.optimizer import AdamW
from priming.training.parameters import Named, StackedParameters
from priming.training.selection import Selection
from priming.training.side_by_side import Shape, SideBySide

References = Sequence[Sequence[str]]
NO_SCORE = "its development score was never a number"


@dataclass(frozen=True)
class Sample:
    """One few-shot draw of a task: encoded training examples, the development set with its references as text, the labels, its own metric."""

    task: str
    number: int
    train: Encoded
    dev: Encoded
    dev_references: References
    labels: Labels
    metric: str = "accuracy"


@dataclass(frozen=True)
class Point:
    """A point of the grid."""

    rates: Mapping[str, float]
    batch: int


@dataclass
class Run:
    """One training: a sample at a point of the grid, its curve, the parameters of the development step that is kept, how its batches were padded."""

    sample: Sample
    point: Point
    key: int
    curve: list[dict[str, Any]] = field(default_factory=list)
    best_step: int | None = None
    best_dev: float | None = None
    by_loss: bool = False
    shapes: Mapping[Shape, int] = field(default_factory=dict)
    failure: str | None = None
    best: Named = field(default_factory=dict)

    @property
    def kept_start(self) -> bool:
        """Whether no step was kept but that before the first: the untuned model."""
        return self.best_step == 0

    def report(self) -> dict[str, Any]:
        """The run as `result.json` has it."""
        return {
            "learning_rates": dict(self.point.rates),
            "batch_size": self.point.batch,
            "status": "failed" if self.failure else "done",
            "reason": self.failure,
            "curve": self.curve,
            "best_step": self.best_step,
            "best_dev": self.best_dev,
            "by_loss": self.by_loss,
        }


def grid(tuned: Sequence[str], tuning: Tuning) -> list[Point]:
    """The grid in order: learning rates, the first element's outermost, then batch sizes."""
    rates = product(*(getattr(tuning.learning_rates, element) for element in tuned))
    return [Point(dict(zip(tuned, values, strict=True)), batch) for values in rates for batch in tuning.batch_sizes]


def banks(runs: Sequence[Run], largest: int) -> Iterator[list[Run]]:
    """Which runs are trained together: those of one batch size, in order, `largest` at the most."""
    for batch in dict.fromkeys(run.point.batch for run in runs):
        same = [run for run in runs if run.point.batch == batch]
        yield from (same[i : i + largest] for i in range(0, len(same), largest))


class Sweep:
    """Tunes elements of a model, from the values it holds, on every sample at every point of the grid."""

    def __init__(self, model: TextModel, tuned: Sequence[str], tuning: Tuning, scoring: Scoring, predictor: Predictor) -> None:
        self.model, self.tuned, self.tuning, self.scoring, self.predictor = model, tuple(tuned), tuning, scoring, predictor

    def run(self, samples: Sequence[Sample], seed: int) -> list[Run]:
        """Every run, samples outermost, trained; a run's key is made from seed, task and sample, the same over the grid."""
        runs = [Run(s, point, key("tune", seed, s.task, s.number)) for s in samples for point in grid(self.tuned, self.tuning)]
        for bank in banks(runs, self.tuning.bank):
            self.train_bank(bank)
        return runs

    def train_bank(self, bank: Sequence[Run]) -> None:
        """Train runs of one batch size side by side."""
        start = [(n, p) for n, p in self.model.named_parameters() if element_of(n) in self.tuned]
        parameters = StackedParameters.repeated(start, len(bank))
        watch = _Watch(self, bank, parameters)
        watch.evaluate(0, None)
        settings = self.tuning
        form = LossForm(settings.label_smoothing, settings.loss)
        objective = SideBySide(
            self.model, lambda step: [epoch_picks(r.sample.train, r.key, step, r.point.batch) for r in bank], [r.key for r in bank], form=form
        )
        outcome = train(parameters, objective, self._optimizer(bank), Schedule(settings.steps, settings.warmup, settings.clip), watch.after_step)
        for index, run in enumerate(bank):
            watch.tell(index)
            run.shapes = objective.shapes
            run.failure = outcome.failures.get(index) or (NO_SCORE if run.best_dev is None else None)
            run.best = {} if run.failure else watch.selection.values(index)

    def _optimizer(self, bank: Sequence[Run]) -> AdamW:
        device = next(self.model.parameters()).device
        rates = {e: torch.tensor([run.point.rates[e] for run in bank], dtype=torch.float64, device=device) for e in self.tuned}
        return AdamW(rates, self.tuning.weight_decay)


class _Watch:
    """Evaluates a bank on a schedule and keeps each run's best step."""

    def __init__(self, sweep: Sweep, bank: Sequence[Run], parameters: StackedParameters) -> None:
        self.sweep, self.bank, self.parameters = sweep, bank, parameters
        self.selection = Selection(parameters, self._losses if sweep.tuning.ties == "loss" else None)

    def after_step(self, step: int, losses: Tensor) -> None:
        """Evaluate when the schedule says so, and at the end; back to training mode where dropout acts."""
        settings = self.sweep.tuning
        if step % settings.evaluate_every == 0 or step == settings.steps:
            self.evaluate(step, losses)

    def evaluate(self, step: int, losses: Tensor | None) -> None:
        """Score every run on its development set, and choose the steps that are kept."""
        sweep = self.sweep
        samples, wanted = [run.sample for run in self.bank], [sweep.scoring.decoder]
        predictions = sweep.predictor.predict(self.parameters.views, [s.dev.inputs for s in samples], [s.labels for s in samples], wanted)
        scores = []
        for index, (run, found) in enumerate(zip(self.bank, predictions, strict=True)):
            [texts] = found.values()
            dev = score(own_metric(sweep.scoring.metric, run.sample.metric), texts, run.sample.dev_references)
            run.curve.append({"step": step, "loss": None if losses is None else float(losses[index]), "dev": dev})
            scores.append(dev)
        self.selection.note(step, scores)
        sweep.model.train(sweep.tuning.dropout != 0)

    def tell(self, index: int) -> None:
        """Note in a run which of its steps is kept."""
        run, choice = self.bank[index], self.selection.choices[index]
        run.best_step, run.best_dev, run.by_loss = choice.step, choice.score, choice.by_loss

    def _losses(self, stacked: Named, runs: Sequence[int]) -> Sequence[float]:
        return self.sweep.predictor.losses(stacked, [self.bank[run].sample.dev for run in runs])


def winner(runs: Sequence[Run]) -> int | None:
    """The index of the run with the best development score, the first of equals; None where every run failed."""
    done = [index for index, run in enumerate(runs) if not run.failure]
    return max(done, key=lambda index: (runs[index].best_dev, -index), default=None)
