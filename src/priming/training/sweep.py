"""Sweeps: tasks x samples x grid, in banks over one shared PLM; the development score chooses step and grid point."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import nan

import torch

from priming.backbones.text_model import TextModel
from priming.digests import of_json
from priming.elements.table import ELEMENTS
from priming.evaluation.metrics import own_metric, score
from priming.forms.batches import epoch_batch
from priming.forms.side_by_side import SideBySide
from priming.forms.training import AnsweringRuns, FormTraining
from priming.runs.checkpoints import CheckpointDir, Checkpointer, Stateful
from priming.runs.keys import key
from priming.runs.loop import Course, Outcome, train
from priming.runs.parameters import Named, StackedParameters
from priming.runs.schedules import SCHEDULES
from priming.runs.update_rules.interface import UpdateRule
from priming.runs.update_rules.table import update_rule
from priming.study.tuning import Scoring, Tuning
from priming.training.bank import BankWatch, number, point
from priming.training.grid import NO_SCORE, Point, Run, Sample, banks, develops, grid
from priming.training.progress import LINES, RowProgress, tasks_named
from priming.training.record import Stopwatch


@dataclass(frozen=True)
class SavedSweep:
    """Where the state of a sweep's banks is saved, each in a folder of its own, and the time that it takes."""

    place: CheckpointDir
    stopwatch: Stopwatch

    def keeper(self, bank: Sequence[Run], which: str, parts: Mapping[str, Stateful]) -> Checkpointer:
        """What saves a bank, and resumes it if its runs are the same."""
        runs = [[run.key, dict(run.point.rates), run.point.batch, run.steps] for run in bank]
        folder = self.place.folder / which.replace(" ", "-")
        place = CheckpointDir(folder, of_json([self.place.key, runs]))
        return Checkpointer(place, {**parts, "stopwatch": self.stopwatch})


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
        kept: SavedSweep | None = None,
    ) -> None:
        """`name` begins each line of the log; a bank logs about `lines` lines, none if 0.

        With `kept` a bank that was stopped resumes from its saved state.
        """
        self.model, self.form, self.tuned, self.tuning = model, form, tuple(tuned), tuning
        self.scoring, self.predictor = scoring, predictor
        self.name, self.lines, self.kept = name, lines, kept

    def run(self, samples: Sequence[Sample], seed: int) -> list[Run]:
        """Train every run, samples outermost; a run's key depends on seed, task and sample, not on the grid point."""
        points = grid(self.tuned, self.tuning)
        runs = [Run(s, point, key("tune", seed, s.task, s.number)) for s in samples for point in points]
        for run in runs:
            run.steps = self._steps(run)
        found = list(banks(runs, self.tuning.bank))
        for place, bank in enumerate(found, start=1):
            self.train_bank(bank, f"bank {place} of {len(found)}")
        return runs

    def train(self) -> None:
        """Turn dropout on where the settings have it; that of a PLM below all that is tuned stays off."""
        self.model.train(self.tuning.dropout != 0)
        if set(self.tuned) <= self.model.on_top:
            self.model.plm.eval()

    def _steps(self, run: Run) -> int:
        length = run.point.length or self.tuning.lengths[0]
        return length.steps(len(run.sample.train), run.point.batch)

    def score(self, samples: Sequence[Sample], seed: int) -> list[Run]:
        """One run per sample that tunes nothing: the model as it is, scored on all development sets at once."""
        runs = [Run(s, Point({}, 0), key("tune", seed, s.task, s.number), best_step=0) for s in samples]
        for run, found in zip(runs, self.scores({}, runs, f"{self.name}, dev sets"), strict=True):
            run.curve, run.best_dev = [point(0, None, found)], number(found)
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

    def losses(self, stacked: Named, samples: Sequence[Sample]) -> Sequence[float]:
        """The loss on the development set of each sample."""
        return self.predictor.losses(stacked, [sample.dev for sample in samples])

    def train_bank(self, bank: Sequence[Run], which: str = "one bank") -> None:
        """Train runs of one batch size side by side, the longest first; the log calls them `which`."""
        for run in bank:
            run.steps = self._steps(run)
        parameters, optimizer, outcome = self._start(bank), self._optimizer(bank), Outcome()
        name = f"{self.name}, {tasks_named(run.sample.task for run in bank)}, {which}"
        watch, objective = BankWatch(self, bank, parameters, name), self._objective(bank)
        parts: dict[str, Stateful] = {
            "parameters": parameters,
            "optimizer": optimizer,
            "outcome": outcome,
            "watch": watch,
            "batches": objective,
        }
        keeper = self.kept.keeper(bank, which, parts) if self.kept else None
        with keeper.saving() if keeper else nullcontext():
            watch.begin(keeper)
            train(parameters, objective, optimizer, self._course(bank), watch.after_step, keeper, outcome)
            if keeper:
                keeper.end()
        for index, run in enumerate(bank):
            watch.tell(index)
            run.shapes = Counter(shapes[index] for shapes in objective.shapes[: run.steps])
            run.failure = outcome.failures.get(index) or (NO_SCORE if run.best_step is None else None)
            run.best = {} if run.failure else watch.selection.values(index)
        watch.progress.failed([run.failure for run in bank if run.failure])

    def _objective(self, bank: Sequence[Run]) -> SideBySide:
        """The losses of the runs that are not done, which are the first of the bank."""
        return SideBySide(
            self.model,
            lambda step: [
                epoch_batch(run.sample.train, run.key, step, run.point.batch, self.tuning.group_by_length)
                for run in bank
                if run.steps > step
            ],
            [run.key for run in bank],
            form=self.form.loss(self.tuning.label_smoothing, self.tuning.loss),
        )

    def _course(self, bank: Sequence[Run]) -> Course:
        lengths = [run.steps for run in bank]
        apart = lengths if len(set(lengths)) > 1 else ()
        return Course(
            max(lengths), self.tuning.warmup, self.tuning.clip, SCHEDULES[self.tuning.schedule], lengths=apart
        )

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
