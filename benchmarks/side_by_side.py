"""The sweep by this project: one run at a time, or in banks."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from workload import SEED, Measured, Workload

from priming.forms.answers import Answers
from priming.forms.prediction import Predictor
from priming.forms.text_training import TRAINING
from priming.training.sweep import Sweep


@dataclass
class Record:
    """Seconds spent in evaluation by this clock, and the parameters of each bank evaluated."""

    clock: Callable[[], float] = time.process_time
    seconds: float = 0.0
    banks: list[Mapping[str, Tensor]] = field(default_factory=list)


@dataclass(frozen=True)
class TimedPredictor(Predictor):
    """The project's predictor, with a clock."""

    record: Record = field(default_factory=Record)

    def answer(self, stacked: Mapping[str, Tensor], *given: Any, **named: Any) -> list[Answers]:
        start = self.record.clock()
        found = super().answer(stacked, *given, **named)
        self.record.seconds += self.record.clock() - start
        if not any(stacked is bank for bank in self.record.banks):
            self.record.banks.append(stacked)
        return found


def sweep_side_by_side(workload: Workload, bank: int) -> Measured:
    """Every run of the sweep, `bank` at a time."""
    tuner = workload.tuner(bank)
    predictor = TimedPredictor(tuner.model, tuner.encoder, record=Record(workload.clock))
    sweep = Sweep(tuner.model, TRAINING, tuner.strategy.tuned, tuner.tuning, tuner.scoring, predictor, lines=0)
    samples = workload.samples
    start = workload.clock()
    runs = sweep.run(samples, SEED)
    seconds = workload.clock() - start
    record = predictor.record
    weights = [
        {name: view.detach()[i] for name, view in bank.items()}
        for bank in record.banks
        for i in range(len(next(iter(bank.values()))))
    ]
    losses = [[point["loss"] for point in run.curve[1:]] for run in runs]
    scores = [[point["dev"] for point in run.curve] for run in runs]
    return Measured(losses, scores, weights, seconds - record.seconds, record.seconds)
