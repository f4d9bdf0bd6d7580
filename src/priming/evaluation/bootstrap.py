"""Intervals for gains of one strategy over another: a crossed bootstrap over tasks, priming seeds and samples.

A resample draws tasks, and apart from them priming seeds, which are the same for all tasks because a priming serves them all;
then samples within each drawn (task, seed). Both strategies take the same draws, so the baseline of a relative gain varies along.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priming.evaluation.gains import Scores, mean_over_tasks, shared, task_means

FEWEST_SEEDS = 5
FEWEST_TASKS = 6
OVER_PRIMINGS = "over tasks and primings"
GIVEN_PRIMINGS = "given these primings"
TOO_FEW_TASKS = "none, fewer than 6 tasks"

Gains = Callable[[Scores, Scores], Scores]
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Resampling:
    """How many resamples, the share of them inside the interval, and the seed that fixes them."""

    resamples: int
    level: float
    seed: int


@dataclass(frozen=True)
class Comparison:
    """A mean gain over `tasks` tasks [indices into the scores], its interval (None without one), and what that is an interval over."""

    gain: float
    low: float | None
    high: float | None
    interval: str
    tasks: tuple[int, ...]
    seeds: int
    runs: int


@dataclass(frozen=True)
class Draws:
    """Some resamples B: tasks [B x N], seeds [B x S], and a number in [0, 1) for each sample drawn [B x N x S x K]."""

    tasks: NDArray[np.intp]
    seeds: NDArray[np.intp]
    samples: Scores


def compare(strategy: Scores, reference: Scores, gains: Gains, by: Resampling) -> Comparison:
    """The mean over tasks of `gains` (absolute or relative) of a strategy over a reference, both [N x S x K].

    Tasks without a run in common, or whose gain is undefined, are left out. Below FEWEST_SEEDS seeds these are kept as they
    are; below FEWEST_TASKS tasks there is no interval.
    """
    ours, theirs = shared(strategy, reference)
    kept = np.flatnonzero(~np.isnan(gains(task_means(ours), task_means(theirs))))
    seeds = np.flatnonzero(~np.isnan(ours[kept]).all(axis=(0, 2)))
    ours, theirs = (scores[np.ix_(kept, seeds)] for scores in (ours, theirs))
    gain = float(mean_over_tasks(gains(task_means(ours), task_means(theirs))))
    runs = int((~np.isnan(ours)).sum())
    low = high = None
    kind = TOO_FEW_TASKS
    if kept.size >= FEWEST_TASKS:
        kind = OVER_PRIMINGS if seeds.size >= FEWEST_SEEDS else GIVEN_PRIMINGS
        low, high = _percentiles(resampled(ours, theirs, gains, by), by.level)
    return Comparison(gain, low, high, kind, tuple(kept.tolist()), seeds.size, runs)


def resampled(strategy: Scores, reference: Scores, gains: Gains, by: Resampling) -> Scores:
    """The mean gain of every resample; `strategy` and `reference` [N x S x K] have the same runs."""
    (strategy, reference), counts = _present_first(strategy, reference)
    means = []
    for draws in drawn(strategy.shape, by):
        ours, theirs = (task_means(_taken(scores, counts, draws)) for scores in (strategy, reference))
        means.append(mean_over_tasks(gains(ours, theirs)))
    return np.concatenate(means)


def drawn(shape: tuple[int, ...], by: Resampling) -> Iterator[Draws]:
    """The draws of all resamples for scores of `shape` (N, S, K), some resamples at a time."""
    generator = np.random.default_rng(by.seed)
    n, s, k = shape
    resamples = by.resamples
    tasks = generator.integers(n, size=(resamples, n))
    seeds = generator.integers(s, size=(resamples, s)) if s >= FEWEST_SEEDS else np.broadcast_to(np.arange(s), (resamples, s))
    block = max(1, _BLOCK // (n * s * k))
    for start in range(0, resamples, block):
        rows = slice(start, min(start + block, resamples))
        yield Draws(tasks[rows], seeds[rows], generator.random((rows.stop - rows.start, n, s, k)))


def _present_first(*scores: Scores) -> tuple[tuple[Scores, ...], NDArray[np.intp]]:
    """The scores with missing samples moved behind the others of their task and seed, and how many are there [N x S]."""
    missing = np.isnan(scores[0])
    order = np.argsort(missing, axis=-1, kind="stable")
    return tuple(np.take_along_axis(array, order, axis=-1) for array in scores), (~missing).sum(axis=-1)


def _taken(scores: Scores, counts: NDArray[np.intp], draws: Draws) -> Scores:
    """The scores that `draws` name [B x N x S x K]; as many of a task and seed as there are, the rest NaN."""
    tasks, seeds = draws.tasks[:, :, None], draws.seeds[:, None, :]
    count = counts[tasks, seeds][..., None]
    taken = scores[tasks[..., None], seeds[..., None], (draws.samples * count).astype(np.intp)]
    return np.where(np.arange(scores.shape[-1]) < count, taken, np.nan)


def _percentiles(values: Scores, level: float) -> tuple[float, float]:
    """The middle `level` of the resamples that have a value."""
    edge = (1 - level) / 2
    low, high = np.quantile(values[~np.isnan(values)], [edge, 1 - edge])
    return float(low), float(high)
