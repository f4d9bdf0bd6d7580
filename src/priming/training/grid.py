"""The grid of a sweep, and its runs: tasks x samples x points."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import inf
from typing import Any

from priming.backbones.encoding import TokenizedDataset
from priming.forms.interface import Labels
from priming.forms.side_by_side import Shape
from priming.protocol.lengths import Length
from priming.runs.parameters import Named
from priming.study.tuning import Tuning

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
    length: Length | None = None
    """Where several are tried."""


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
            **({"length": str(self.point.length)} if self.point.length else {}),
            "status": "failed" if self.failure else "done",
            "reason": self.failure,
            "curve": self.curve,
            "best_step": self.best_step,
            "best_dev": self.best_dev,
            "by_loss": self.by_loss,
        }


def grid(tuned: Sequence[str], tuning: Tuning) -> list[Point]:
    """The grid in order: learning rates, the first element's outermost, then batch sizes, then lengths."""
    rates = list(product(*(tuning.learning_rates.of(element) for element in tuned)))
    lengths = tuning.lengths if len(tuning.lengths) > 1 else [None]
    points = product(rates, tuning.batch_sizes, lengths)
    return [Point(dict(zip(tuned, values, strict=True)), batch, length) for values, batch, length in points]


def banks(runs: Sequence[Run], largest: int) -> Iterator[list[Run]]:
    """Runs that are trained together: of one batch size, those of most steps first, else in order; at most `largest`.

    Of a bank, runs with equally many steps stand in the order of their longest inputs.
    """
    for batch in dict.fromkeys(run.point.batch for run in runs):
        same = sorted((run for run in runs if run.point.batch == batch), key=lambda run: -run.steps)
        for first in range(0, len(same), largest):
            yield sorted(
                same[first : first + largest], key=lambda run: (-run.steps, max(map(len, run.sample.train.inputs)))
            )


def develops(runs: Sequence[Run]) -> bool:
    """Whether the runs have development sets."""
    return any(run.sample.dev_references for run in runs)


def winner(runs: Sequence[Run]) -> int | None:
    """The index of the run with the best development score, the first in a tie; None if every run failed."""
    done = [index for index, run in enumerate(runs) if not run.failure]
    return max(done, key=lambda index: (_or_least(runs[index].best_dev), -index), default=None)


def _or_least(score: float | None) -> float:
    return -inf if score is None else score
