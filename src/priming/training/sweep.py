"""Sweeps: tasks x samples x grid, in banks over one shared PLM; the development score chooses step and grid point."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import inf, isnan, nan
from typing import Any

import torch
from torch import Tensor

from priming.backbones.encoding import TokenizedDataset
from priming.backbones.text_model import TextModel
from priming.elements.table import ELEMENTS
from priming.evaluation.metrics import own_metric, score
from priming.forms.batches import epoch_batch
from priming.forms.interface import Labels
from priming.forms.side_by_side import Shape, SideBySide
from priming.forms.training import AnsweringRuns, FormTraining
from priming.protocol.keeping.table import KEEPINGS
from priming.protocol.lengths import Length
from priming.runs.keys import key
from priming.runs.loop import Course, train
from priming.runs.parameters import Named, StackedParameters
from priming.runs.update_rules.interface import UpdateRule
from priming.runs.update_rules.table import update_rule
from priming.study.tuning import Scoring, Tuning
from priming.training.progress import LINES, BankProgress, RowProgress, tasks_named

References = Sequence[Sequence[str]]
NO_SCORE = "its development score was never a number"


@dataclass(frozen=True)
class Sample:
    """One few-shot draw of a task: encoded training examples, development rows with reference texts, labels, metric."""

    task: str
    number: int
    train: TokenizedDataset
    dev: TokenizedDataset
    dev_references: References
    labels: Labels
    metric: str = "accuracy"


@dataclass(frozen=True)
class Point:
    """A grid point; in a run that tunes nothing it has no rates and a batch size of 0."""

    rates: Mapping[str, float]
    batch: int


@dataclass
class Run:
    """One training run: a sample at a grid point.

    It holds the number of steps, the curve, the parameters of the kept step, and the padded shapes of its batches.
    """

    sample: Sample
    point: Point
    key: int
    steps: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    best_step: int | None = None
    best_dev: float | None = None
    by_loss: bool = False
    shapes: Mapping[Shape, int] = field(default_factory=dict)
    failure: str | None = None
    best: Named = field(default_factory=dict)

    @property
    def kept_start(self) -> bool:
        """Whether something was tuned and the untuned model was kept (step 0)."""
        return self.best_step == 0 and bool(self.point.rates)

    def report(self) -> dict[str, Any]:
        """The run's entry in `result.json`."""
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
    rates = product(*(tuning.learning_rates.of(element) for element in tuned))
    return [Point(dict(zip(tuned, values, strict=True)), batch) for values in rates for batch in tuning.batch_sizes]


def banks(runs: Sequence[Run], largest: int) -> Iterator[list[Run]]:
    """Runs that are trained together: of one batch size and number of steps, in order, at most `largest`."""
    for alike in dict.fromkeys(map(_alike, runs)):
        same = [run for run in runs if _alike(run) == alike]
        yield from (same[i : i + largest] for i in range(0, len(same), largest))


def _alike(run: Run) -> tuple[int, int]:
    return run.point.batch, run.steps


def develops(runs: Sequence[Run]) -> bool:
    """Whether the runs have development sets."""
    return any(run.sample.dev_references for run in runs)


class Sweep:
    """Tunes elements of a model, from the values it holds, on every sample at every point of the grid."""

    def __init__(
        self,
        model: TextModel,
        form: FormTraining,
        tuned: Sequence[str],
        tuning: Tuning,
        scoring: Scoring,
        predictor: AnsweringRuns,
        name: str = "tuning",
        lines: int = LINES,
    ) -> None:
        """`name` begins each line of the log; a bank logs about `lines` lines, none if 0."""
        self.model, self.form, self.tuned, self.tuning = model, form, tuple(tuned), tuning
        self.scoring, self.predictor = scoring, predictor
        self.name, self.lines = name, lines

    def run(self, samples: Sequence[Sample], seed: int) -> list[Run]:
        """Train every run, samples outermost; a run's key depends on seed, task and sample, not on the grid point."""
        points = grid(self.tuned, self.tuning)
        runs = [Run(s, point, key("tune", seed, s.task, s.number)) for s in samples for point in points]
        for run in runs:
            run.steps = self._steps(run)
        found = list(banks(runs, self.tuning.bank))
        for number, bank in enumerate(found, start=1):
            self.train_bank(bank, f"bank {number} of {len(found)}")
        return runs

    def train(self) -> None:
        """Turn dropout on where the settings have it; that of a PLM below all that is tuned stays off."""
        self.model.train(self.tuning.dropout != 0)
        if set(self.tuned) <= self.model.on_top:
            self.model.plm.eval()

    def _steps(self, run: Run) -> int:
        length: Length = self.tuning.length
        return length.steps(len(run.sample.train), run.point.batch)

    def score(self, samples: Sequence[Sample], seed: int) -> list[Run]:
        """One run per sample that tunes nothing: the model as it is, scored on all development sets at once."""
        runs = [Run(s, Point({}, 0), key("tune", seed, s.task, s.number), best_step=0) for s in samples]
        for run, found in zip(runs, self.scores({}, runs, f"{self.name}, dev sets"), strict=True):
            run.curve, run.best_dev = [_point(0, None, found)], _number(found)
        return runs

    def scores(self, stacked: Named, runs: Sequence[Run], name: str) -> list[float]:
        """The development score of each run, NaN without a development set.

        `stacked` parameters are [R x ...] by name, `name` is for the log.
        """
        samples = [run.sample for run in runs]
        if not develops(runs):
            return [nan] * len(samples)
        inputs, labels = [s.dev.inputs for s in samples], [s.labels for s in samples]
        rows = RowProgress(name, sum(map(len, inputs)))
        after_rows = rows.after_rows if self.lines else None
        found = self.predictor.answer(stacked, inputs, labels, [self.scoring.decoder], after_rows)
        answers = [texts for of_run in found for texts in of_run.texts.values()]
        metrics = [own_metric(self.scoring.metric, s.metric) for s in samples]
        return [score(*one) for one in zip(metrics, answers, (s.dev_references for s in samples), strict=True)]

    def train_bank(self, bank: Sequence[Run], which: str = "one bank") -> None:
        """Train runs of one batch size and number of steps side by side; the log calls them `which`."""
        for run in bank:
            run.steps = self._steps(run)
        parameters = self._start(bank)
        watch = _Watch(self, bank, parameters, f"{self.name}, {tasks_named(run.sample.task for run in bank)}, {which}")
        watch.progress.begin(bank[0].point.batch)
        watch.evaluate(0, None)
        settings = self.tuning
        objective = SideBySide(
            self.model,
            lambda step: [epoch_batch(run.sample.train, run.key, step, run.point.batch) for run in bank],
            [run.key for run in bank],
            form=self.form.loss(settings.label_smoothing, settings.loss),
        )
        course = Course(bank[0].steps, settings.warmup, settings.clip)
        outcome = train(parameters, objective, self._optimizer(bank), course, watch.after_step)
        for index, run in enumerate(bank):
            watch.tell(index)
            run.shapes = objective.shapes
            run.failure = outcome.failures.get(index) or (NO_SCORE if run.best_step is None else None)
            run.best = {} if run.failure else watch.selection.values(index)
        watch.progress.failed([run.failure for run in bank if run.failure])

    def _start(self, bank: Sequence[Run]) -> StackedParameters:
        """The initial values of each run: the model's, except for elements that start fresh on each task."""
        values = {name: p.detach().expand(len(bank), *p.shape) for name, p in self.model.owned_by(self.tuned)}
        for element in self.tuned:
            starts = [ELEMENTS[element].start(self.model, run.sample.labels, run.key) for run in bank]
            values |= {name: torch.stack([start[name] for start in starts]) for name in starts[0]}
        return StackedParameters(values, self.model.owner)

    def _optimizer(self, bank: Sequence[Run]) -> UpdateRule:
        device = next(self.model.parameters()).device
        rates = {
            e: torch.tensor([run.point.rates[e] for run in bank], dtype=torch.float64, device=device)
            for e in self.tuned
        }
        return update_rule(self.tuning.optimizer)(rates, self.tuning.weight_decay)


class _Watch:
    """Evaluates a bank on a schedule and keeps each run's best step."""

    def __init__(self, sweep: Sweep, bank: Sequence[Run], parameters: StackedParameters, name: str) -> None:
        self.sweep, self.bank, self.parameters, self.name = sweep, bank, parameters, name
        self.steps = bank[0].steps
        self.progress = BankProgress(name, len(bank), self.steps, sweep.lines)
        keeping, losses = KEEPINGS[sweep.tuning.keep], self._losses if sweep.tuning.ties == "loss" else None
        self.selection = keeping.selector(parameters, losses)

    def after_step(self, step: int, losses: Tensor) -> None:
        """Evaluate when due and at the end, then return to training mode if dropout is on; log progress."""
        if step % self.sweep.tuning.evaluate_every == 0 or step == self.steps:
            self.evaluate(step, losses)
        self.progress.after_step(step, losses)

    def evaluate(self, step: int, losses: Tensor | None) -> None:
        """Score every run on its development set, and update which steps are kept."""
        scores = self.sweep.scores(self.parameters.views, self.bank, f"{self.name}, dev set at step {step}")
        for index, (run, dev) in enumerate(zip(self.bank, scores, strict=True)):
            run.curve.append(_point(step, None if losses is None else float(losses[index]), dev))
        self.selection.note(step, scores)
        self.progress.scored(step, scores if develops(self.bank) else [])
        self.sweep.train()

    def tell(self, index: int) -> None:
        """Record in a run which of its steps is kept."""
        run, choice = self.bank[index], self.selection.choices[index]
        run.best_step, run.best_dev, run.by_loss = choice.step, choice.score, choice.by_loss

    def _losses(self, stacked: Named, runs: Sequence[int]) -> Sequence[float]:
        return self.sweep.predictor.losses(stacked, [self.bank[run].sample.dev for run in runs])


def winner(runs: Sequence[Run]) -> int | None:
    """The index of the run with the best development score, the first in a tie; None if every run failed."""
    done = [index for index, run in enumerate(runs) if not run.failure]
    return max(done, key=lambda index: (_or_least(runs[index].best_dev), -index), default=None)


def _or_least(score: float | None) -> float:
    return -inf if score is None else score


def _number(score: float) -> float | None:
    return None if isnan(score) else score


def _point(step: int, loss: float | None, dev: float) -> dict[str, Any]:
    """A point of a run's curve; without a development set it has no score."""
    return {"step": step, "loss": loss, "dev": dev}
