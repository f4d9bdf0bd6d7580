"""Mean scores of a strategy, and gains of one strategy over another.

Scores of a strategy are an array [N x S x K]: N target tasks, S priming seeds, K samples; NaN where a run failed or was not primed.
Two strategies are compared on the runs that both have, so that every gain is paired by task, seed and sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

TOLERANCE = 1e-9
"""A gain that is not above it is rounding."""


@dataclass(frozen=True)
class Spread:
    """A mean, the standard deviation around it (NaN for a single value) and how many values there are."""

    mean: float
    deviation: float
    n: int


def spread(values: Scores, freedom: int = 1) -> Spread:
    """The mean of the values that are there, of any shape, and the deviation over their number less `freedom`."""
    present = values[~np.isnan(values)]
    deviation = float(present.std(ddof=freedom)) if present.size > 1 else np.nan
    return Spread(float(present.mean()) if present.size else np.nan, deviation, present.size)


def strategy_spread(scores: Scores, freedom: int = 1) -> Spread:
    """Mean over the tasks of task means, and the deviation over (seed, sample) pairs of the mean over tasks.

    A pair counts where every task that the strategy has at all has it; `n` is the number of such pairs.
    """
    tasks = scores[~np.isnan(scores).all(axis=(1, 2))]
    if not tasks.size:
        return Spread(np.nan, np.nan, 0)
    pairs = spread(tasks.mean(axis=0), freedom)
    return Spread(float(task_means(tasks).mean()), pairs.deviation, pairs.n)


def task_means(scores: Scores) -> Scores:
    """Mean over seeds and samples [... x N], NaN for a task without runs; `scores` [... x N x S x K]."""
    present = ~np.isnan(scores)
    return _ratio(np.where(present, scores, 0.0).sum(axis=(-2, -1)), present.sum(axis=(-2, -1)))


def shared(strategy: Scores, reference: Scores) -> tuple[Scores, Scores]:
    """Both with NaN wherever either has no run."""
    missing = np.isnan(strategy) | np.isnan(reference)
    return np.where(missing, np.nan, strategy), np.where(missing, np.nan, reference)


def absolute_gains(strategy: Scores, reference: Scores) -> Scores:
    """Differences of task means; [... x N] both."""
    return strategy - reference


def relative_gains(strategy: Scores, reference: Scores) -> Scores:
    """Percent of the reference's task means, NaN where that is 0; [... x N] both.

    Their mean over tasks is the average relative gain (ARG) of Ye et al. (2021).
    """
    return _ratio(100 * (strategy - reference), reference)


def tasks_better(gains: Sequence[float]) -> int:
    """How many tasks gain more than rounding."""
    return sum(gain > TOLERANCE for gain in gains)


def mean_over_tasks(gains: Scores) -> Scores:
    """Mean over the tasks that have a gain [...], NaN without any; `gains` [... x N]."""
    present = ~np.isnan(gains)
    return _ratio(np.where(present, gains, 0.0).sum(axis=-1), present.sum(axis=-1))


def cell_means(scores: Scores) -> Scores:
    """Mean over samples [... x N x S], NaN for a task and seed without runs; `scores` [... x N x S x K]."""
    present = ~np.isnan(scores)
    return _ratio(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1))


def _absolute_cells(strategy: Scores, reference: Scores) -> Scores:
    return cell_means(strategy) - cell_means(reference)


def _relative_cells(strategy: Scores, reference: Scores) -> Scores:
    """The relative gain of each task, and what each seed changes of it to first order (the delta method).

    So the reference varies along, and the mean over the seeds of a task is its relative gain, which a mean of ratios is not.
    """
    ours, theirs = (task_means(scores)[..., None] for scores in (strategy, reference))
    apart = cell_means(strategy) - ours, cell_means(reference) - theirs
    return relative_gains(ours, theirs) + _ratio(100 * apart[0], theirs) - _ratio(100 * ours * apart[1], theirs**2)


@dataclass(frozen=True)
class Measure:
    """A way to compare task means [... x N], and its values for each task and seed [... x N x S], which average to them."""

    of_means: Callable[[Scores, Scores], Scores]
    of_cells: Callable[[Scores, Scores], Scores]

    def of_tasks(self, strategy: Scores, reference: Scores) -> Scores:
        """The gain of each task [N] between scores [N x S x K] that have the same runs."""
        return self.of_means(task_means(strategy), task_means(reference))


ABSOLUTE = Measure(absolute_gains, _absolute_cells)
RELATIVE = Measure(relative_gains, _relative_cells)


def _ratio(above: Scores, below: NDArray[np.float64] | NDArray[np.intp]) -> Scores:
    """`above / below`, NaN where `below` is 0."""
    ratio: Scores = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
    return ratio
