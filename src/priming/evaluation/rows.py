"""The gain on one task with an interval over its test rows, for these runs or over primings as well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from priming.evaluation.gains import Scores
from priming.evaluation.intervals import FEWEST_PRIMINGS, LEVEL
from priming.evaluation.metrics import METRICS, score

GROUPS = 100

Kept = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two runs on the same test rows: row identifiers, references, and the predictions of either run.

    `seed` is that of both runs.
    """

    rows: Sequence[str]
    references: Sequence[Sequence[str]]
    ours: Sequence[str]
    theirs: Sequence[str]
    seed: int = 0


@dataclass(frozen=True)
class RowInterval:
    """A gain on a task, its bounds (None if the metric is undefined), and the number of different rows."""

    gain: float
    low: float | None
    high: float | None
    rows: int


def over_rows(pairs: Sequence[Pair], metric: str, over_seeds: bool = False) -> RowInterval:
    """The mean gain of `pairs` by a metric of METRICS, with a delete-a-group jackknife over rows (Shao and Tu, 1995)
    and t.

    A row belongs to all runs, so it is deleted from all at once; its group depends only on its identifier. With
    `over_seeds`, the variance of the mean over seeds is added, with Satterthwaite's degrees of freedom: some more than
    there is, since what rows and seeds have in common is then in both. There is no interval with less than
    FEWEST_PRIMINGS seeds.
    """
    names = sorted({row for pair in pairs for row in pair.rows})
    groups = min(len(names), GROUPS)
    group = {name: number % groups for number, name in enumerate(names)}
    gains = [(np.array([group[row] for row in pair.rows]), _gain(pair, metric)) for pair in pairs]
    gain = _mean(gains, None)
    if groups < 2:
        return RowInterval(gain, None, None, len(names))
    without = np.array([_mean(gains, number) for number in range(groups)])
    variance, degrees = float((groups - 1) * without.var()), groups - 1.0
    if over_seeds:
        whole = [of(np.ones(group.size, dtype=bool)) for group, of in gains]
        variance, degrees = _with_seeds(variance, degrees, [pair.seed for pair in pairs], whole)
    half = float(special.stdtrit(degrees, (1 + LEVEL) / 2) * np.sqrt(variance))
    return (
        RowInterval(gain, None, None, len(names))
        if np.isnan(half)
        else RowInterval(gain, gain - half, gain + half, len(names))
    )


def _with_seeds(of_rows: float, degrees: float, seeds_of: Sequence[int], gains: Sequence[float]) -> tuple[float, float]:
    """The variance of the mean over rows and seeds, NaN with too few seeds, and its degrees of freedom."""
    seeds = sorted(set(seeds_of))
    if len(seeds) < FEWEST_PRIMINGS:
        return np.nan, degrees
    means = [np.mean([gain for own, gain in zip(seeds_of, gains, strict=True) if own == seed]) for seed in seeds]
    of_seeds = float(np.var(means, ddof=1)) / len(seeds)
    both = of_rows + of_seeds
    return both, both**2 / (of_rows**2 / degrees + of_seeds**2 / (len(seeds) - 1)) if both else degrees


def _mean(gains: Sequence[tuple[NDArray[np.intp], Callable[[Kept], float]]], left_out: int | None) -> float:
    return float(
        np.mean(
            [
                gain(groups != left_out if left_out is not None else np.ones(groups.size, dtype=bool))
                for groups, gain in gains
            ]
        )
    )


def _gain(pair: Pair, metric: str) -> Callable[[Kept], float]:
    """The gain on the remaining rows."""
    if METRICS[metric].of_rows:
        differences: Scores = np.array([_difference(pair, metric, [row]) for row in range(len(pair.rows))])
        return lambda kept: float(differences[kept].mean())
    if sums := METRICS[metric].sums:
        ours, theirs = (np.array(sums.of_rows(texts, pair.references)) for texts in (pair.ours, pair.theirs))
        return lambda kept: sums.score(ours[kept].sum(axis=0)) - sums.score(theirs[kept].sum(axis=0))
    return lambda kept: _difference(pair, metric, np.flatnonzero(kept).tolist())


def _difference(pair: Pair, metric: str, rows: Sequence[int]) -> float:
    references = [pair.references[row] for row in rows]
    ours, theirs = (score(metric, [texts[row] for row in rows], references) for texts in (pair.ours, pair.theirs))
    return ours - theirs
