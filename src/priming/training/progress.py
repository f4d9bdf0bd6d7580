"""Progress of the trainings and predictions of a tuning job, as lines in its log."""

import time
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from statistics import fmean

from torch import Tensor

LINES = 10
QUIET = 60.0
"""Seconds after which a line is due in any case."""
QUIET_ROWS = 30.0
"""The same where rows are predicted."""

Clock = Callable[[], float]


class BankProgress:
    """Log lines for a bank of runs: about `lines` of them, and one a minute if steps are slow; none if `lines` is 0.

    Losses are read only when a line is due: on a GPU, reading them waits for the step to end.
    """

    def __init__(self, name: str, runs: int, steps: int, lines: int = LINES, clock: Clock = time.monotonic) -> None:
        self.name, self.runs, self.steps, self.lines, self.clock = name, runs, steps, lines, clock
        self.start = self.last = clock()
        self.dev, self.resumed = "", 0

    def resume(self, step: int) -> None:
        """Time the steps after `step`, those before it having been done by another process."""
        self.start, self.resumed = self.clock(), step

    def begin(self, batch: int) -> None:
        """Log what is about to be trained, if there is to be more than the final line."""
        if self.lines > 1:
            self._say(f"{_counted(self.runs, 'run')} side by side, batches of {batch}, {_counted(self.steps, 'step')}")

    def scored(self, step: int, scores: Sequence[float]) -> None:
        """Record the runs' development scores after a step, if any; the timing of steps begins at step 0."""
        self.dev = f", mean dev score {_mean(scores)} at step {step}" if scores else ""
        if step == 0:
            self.start = self.last = self.clock()

    def after_step(self, step: int, losses: Tensor) -> None:
        """Log the progress of the bank if a line is due; `losses` [R] are those of the step."""
        if not self._due(step):
            return
        loss, seconds = _mean(losses.tolist()), (self.clock() - self.start) / max(1, step - self.resumed)
        rest = f", about {_time(seconds * (self.steps - step))} left" if step < self.steps else ""
        self._say(f"step {step} of {self.steps}, mean loss {loss}{self.dev}, {seconds:.3g} s a step{rest}")

    def failed(self, reasons: Sequence[str]) -> None:
        """Log how many runs failed, and why the first did."""
        if reasons and self.lines:
            self._say(f"{len(reasons)} of {_counted(self.runs, 'run')} failed; the first: {reasons[0]}")

    def _due(self, step: int) -> bool:
        reached = step * self.lines // self.steps > (step - 1) * self.lines // self.steps
        return self.lines > 0 and (reached or self.clock() - self.last >= QUIET)

    def _say(self, text: str) -> None:
        self.last = self.clock()
        print(f"{self.name}: {text}", flush=True)


class RowProgress:
    """Log lines for predictions: what is predicted, from time to time the rows done, and the total time."""

    def __init__(self, name: str, rows: int, clock: Clock = time.monotonic) -> None:
        self.name, self.rows, self.clock = name, rows, clock
        self.start = self.last = clock()
        self.done = 0

    def begin(self, runs: int, labels: Sequence[int], decoders: Sequence[str]) -> None:
        """Log what is predicted: the number of runs, the labels that each run ranks (0: none), and the decoders."""
        ranked = sorted({number for number in labels if number})
        of = f", {' to '.join(map(str, dict.fromkeys((ranked[0], ranked[-1]))))} labels" if ranked else ""
        self._say(f"{self.rows:,} rows of {_counted(runs, 'run')}{of}, by {', '.join(decoders)}")

    def after_rows(self, number: int) -> None:
        """Count finished rows, over all runs; log them and their rate if the last line is half a minute old."""
        self.done += number
        if self.clock() - self.last >= QUIET_ROWS:
            speed = self.done / (self.clock() - self.start)
            left = _time((self.rows - self.done) / speed)
            self._say(f"{self.done:,} of {self.rows:,} rows, {speed:.3g} a second, about {left} left")

    def end(self) -> None:
        """Log the total time."""
        self._say(f"done in {_time(self.clock() - self.start)}")

    def _say(self, text: str) -> None:
        self.last = self.clock()
        print(f"{self.name}: {text}", flush=True)


def tasks_named(names: Iterable[str]) -> str:
    """The name of the task, or the number of tasks if there are several."""
    first, *others = dict.fromkeys(names)
    return f"{1 + len(others)} tasks" if others else first


def _mean(values: Sequence[float]) -> str:
    """The mean of the values that are not NaN, and how many those are if not all."""
    numbers = [value for value in values if isfinite(value)]
    some = f" ({len(numbers)} of {len(values)} runs)" if len(numbers) < len(values) else ""
    return f"{fmean(numbers):.4f}{some}" if numbers else "not a number"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _time(seconds: float) -> str:
    """`8 s`, `12 min` or `3.1 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
