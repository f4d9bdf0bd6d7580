"""Mean scores of a strategy, and gains of one strategy over another.

Scores of a strategy are an array [tasks x primings x samples] over target tasks, NaN for runs that failed or were not
primed. Two strategies are compared on the runs that both have, so every gain is paired by task, seed and sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

TOLERANCE = 1e-9
"""Gains up to this size count as rounding."""


@dataclass(frozen=True)
class Spread:
    """A mean, its standard deviation (NaN for a single value) and the number of values."""

    mean: float
    deviation: float
    n: int


def spread(values: Scores, freedom: int = 1) -> Spread:
    """The mean of the non-missing values, of any shape, and the deviation over their number minus `freedom`."""
    present = values[~np.isnan(values)]
    deviation = float(present.std(ddof=freedom)) if present.size > 1 else np.nan
    return Spread(float(present.mean()) if present.size else np.nan, deviation, present.size)


def strategy_spread(scores: Scores, freedom: int = 1) -> Spread:
    """Mean of task means, and the deviation of the mean over tasks across (seed, sample) pairs.

    A pair counts if every task of the strategy has it; `n` is the number of such pairs.
    """
    tasks = scores[~np.isnan(scores).all(axis=(1, 2))]
    if not tasks.size:
        return Spread(np.nan, np.nan, 0)
    pairs = spread(tasks.mean(axis=0), freedom)
    return Spread(float(task_means(tasks).mean()), pairs.deviation, pairs.n)


def task_means(scores: Scores) -> Scores:
    """Mean over seeds and samples [... x tasks], NaN for a task without runs; `scores` [... x tasks x primings x
    samples].
    """
    present = ~np.isnan(scores)
    return _ratio(np.where(present, scores, 0.0).sum(axis=(-2, -1)), present.sum(axis=(-2, -1)))


def task_bests(scores: Scores) -> Scores:
    """The best single run of each task [... x tasks], NaN for a task without runs; `scores` as of `task_means`."""
    best = np.where(np.isnan(scores), -np.inf, scores).max(axis=(-2, -1))
    return np.where(np.isinf(best), np.nan, best)


def shared(strategy: Scores, reference: Scores) -> tuple[Scores, Scores]:
    """Both arrays, with NaN wherever either has no run."""
    missing = np.isnan(strategy) | np.isnan(reference)
    return np.where(missing, np.nan, strategy), np.where(missing, np.nan, reference)


def absolute_gains(strategy: Scores, reference: Scores) -> Scores:
    """Differences of task means, both [... x tasks]."""
    return strategy - reference


def relative_gains(strategy: Scores, reference: Scores) -> Scores:
    """Relative gain in percent of the reference's task means, NaN where these are 0; both [... x tasks].

    Their mean over tasks is the average relative gain (ARG) of Ye et al. (2021).
    """
    return _ratio(100 * (strategy - reference), reference)


def tasks_better(gains: Sequence[float]) -> int:
    """The number of tasks with a gain beyond rounding."""
    return sum(gain > TOLERANCE for gain in gains)


def mean_over_tasks(gains: Scores) -> Scores:
    """Mean over tasks with a gain [...], NaN if there are none; `gains` [... x tasks]."""
    present = ~np.isnan(gains)
    return _ratio(np.where(present, gains, 0.0).sum(axis=-1), present.sum(axis=-1))


def cell_means(scores: Scores) -> Scores:
    """Mean over samples [... x tasks x primings], NaN for a task and seed without runs; `scores` [... x tasks x
    primings x samples].
    """
    present = ~np.isnan(scores)
    return _ratio(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1))


def _absolute_cells(strategy: Scores, reference: Scores) -> Scores:
    return cell_means(strategy) - cell_means(reference)


def _relative_cells(strategy: Scores, reference: Scores) -> Scores:
    """The relative gain of each task plus each seed's deviation from it to first order (the delta method).

    This includes the variation of the reference, and averages over seeds to the task's relative gain; ratios do not.
    """
    ours, theirs = (task_means(scores)[..., None] for scores in (strategy, reference))
    apart = cell_means(strategy) - ours, cell_means(reference) - theirs
    return relative_gains(ours, theirs) + _ratio(100 * apart[0], theirs) - _ratio(100 * ours * apart[1], theirs**2)


@dataclass(frozen=True)
class Measure:
    """A comparison of task means [... x tasks], and its values per task and seed [... x tasks x primings], with equal
    means.
    """

    of_means: Callable[[Scores, Scores], Scores]
    of_cells: Callable[[Scores, Scores], Scores]

    def of_tasks(self, strategy: Scores, reference: Scores) -> Scores:
        """Gains [tasks] between scores [tasks x primings x samples] with the same runs."""
        return self.of_means(task_means(strategy), task_means(reference))


ABSOLUTE = Measure(absolute_gains, _absolute_cells)
RELATIVE = Measure(relative_gains, _relative_cells)


def _ratio(above: Scores, below: NDArray[np.float64] | NDArray[np.intp]) -> Scores:
    """`above / below`, NaN where `below` is 0."""
    ratio: Scores = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
    return ratio
