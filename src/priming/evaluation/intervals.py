"""Intervals for mean gains of one strategy over another: over tasks, and from five primings on also over primings.

Arrays of cells are [... x tasks x primings]; a cell is the mean over the samples of a task and priming. All primings of
a task share its samples, so variation over samples belongs to the task and is not divided by the number of primings.
benchmarks/coverage.py simulates the coverage of these intervals; docs/protocol.md has its table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from priming.evaluation.gains import ABSOLUTE, RELATIVE, Measure, Scores, mean_over_tasks, shared

LEVEL = 0.95
POWER = 0.8
FEWEST_TASKS = 6
FEWEST_TASKS_VARYING = 8
"""If PLMs vary, or primings for a relative gain: with 6 tasks those intervals are outside the bounds of the simulation.
"""
FEWEST_PRIMINGS = 5
FEWEST_PLMS = 3
MOST_MISSING = 0.1

OVER_PLMS = "over tasks, PLMs and primings"
OVER_PRIMINGS = "over tasks and primings"
GIVEN_PRIMINGS = "given these primings"
GIVEN_PLMS = "given these PLMs and primings"
TOO_FEW_TASKS = f"none, fewer than {FEWEST_TASKS} tasks"
TOO_FEW_TASKS_VARYING = f"none, fewer than {FEWEST_TASKS_VARYING} tasks"
TOO_FEW_RUNS = "none, too many runs are missing"

# 2 in Satterthwaite's formula, which gives too short intervals with three PLMs, the fewest of a study.
_POWER_OF_SHARES = 1.5
_NEARLY_SYMMETRIC = 1e-4
_SETTLED = 1e-12


@dataclass(frozen=True)
class Comparison:
    """A mean gain over tasks with its interval.

    `low` and `high` bound the interval; `error` and `degrees` are its standard error and degrees of freedom; all are
    None without one. `interval` says what it is over, or why there is none. `tasks` are indices into the scores,
    `gains` the gains of these tasks.
    """

    gain: float
    low: float | None
    high: float | None
    interval: str
    tasks: tuple[int, ...]
    seeds: int
    runs: int
    gains: tuple[float, ...] = ()
    error: float | None = None
    degrees: float | None = None


@dataclass(frozen=True)
class Estimate:
    """Variance of a mean over tasks, its degrees of freedom, and the skewness of the mean; each [...]."""

    variance: Scores
    degrees: Scores
    skewness: Scores


def compare(
    strategy: Scores, reference: Scores, measure: Measure = ABSOLUTE, plms: NDArray[np.intp] | None = None
) -> Comparison:
    """The mean gain of a strategy over a reference, both [tasks x primings x samples], NaN for missing runs.

    `plms` [primings] is the PLM of each priming.

    Tasks and primings without a common run, and tasks with an undefined gain, are left out.
    """
    ours, theirs = shared(strategy, reference)
    gains = measure.of_tasks(ours, theirs)
    kept = np.flatnonzero(~np.isnan(gains))
    primings = np.flatnonzero(~np.isnan(ours[kept]).all(axis=(0, 2)))
    ours, theirs = (scores[np.ix_(kept, primings)] for scores in (ours, theirs))
    of_plms = np.zeros(primings.size, dtype=np.intp) if plms is None else plms[primings]
    found = {
        "gain": float(mean_over_tasks(gains)),
        "tasks": tuple(kept.tolist()),
        "gains": tuple(gains[kept].tolist()),
        "seeds": primings.size,
        "runs": int((~np.isnan(ours)).sum()),
    }
    cells = measure.of_cells(ours, theirs)
    kind = kind_of(cells, of_plms)
    if _needs_more(kind, measure) and kept.size < FEWEST_TASKS_VARYING:
        kind = TOO_FEW_TASKS_VARYING
    if kind in (TOO_FEW_TASKS, TOO_FEW_TASKS_VARYING, TOO_FEW_RUNS):
        return Comparison(low=None, high=None, interval=kind, **found)  # type: ignore[arg-type]
    by = estimate(filled(cells), kind, of_plms)
    low, high = (float(found["gain"] + offset) for offset in offsets(by))  # type: ignore[operator]
    error, dof = float(np.sqrt(by.variance)), float(by.degrees)
    return Comparison(low=low, high=high, interval=kind, error=error, degrees=dof, **found)  # type: ignore[arg-type]


def _needs_more(kind: str, measure: Measure) -> bool:
    """Whether intervals of this kind have sufficient coverage only from FEWEST_TASKS_VARYING tasks on."""
    return kind == OVER_PLMS or (kind == OVER_PRIMINGS and measure is RELATIVE)


def kind_of(cells: Scores, plms: NDArray[np.intp]) -> str:
    """What the interval from these cells [tasks x primings] is over, or why there is none."""
    tasks, primings = cells.shape
    if tasks < FEWEST_TASKS:
        return TOO_FEW_TASKS
    if np.isnan(cells).mean() > MOST_MISSING:
        return TOO_FEW_RUNS
    several = np.unique(plms).size
    if several > 1 and (several < FEWEST_PLMS or primings < FEWEST_PRIMINGS):
        return GIVEN_PLMS
    if primings < FEWEST_PRIMINGS:
        return GIVEN_PRIMINGS
    return OVER_PLMS if several > 1 else OVER_PRIMINGS


def filled(cells: Scores) -> Scores:
    """Cells [... x tasks x primings], with missing cells filled from task and priming means (Yates, 1933).

    The filled values leave no residual.
    """
    missing = np.isnan(cells)
    table = np.where(missing, np.nanmean(cells, axis=(-1, -2), keepdims=True), cells)
    change = np.inf
    while missing.any() and change > _SETTLED:
        tasks, primings = table.mean(axis=-1, keepdims=True), table.mean(axis=-2, keepdims=True)
        expected = tasks + primings - table.mean(axis=(-1, -2), keepdims=True)
        change = np.abs(table - expected)[missing].max()
        table = np.where(missing, expected, table)
    return table


def estimate(cells: Scores, kind: str, plms: NDArray[np.intp]) -> Estimate:
    """Variation of the mean of complete cells [... x tasks x primings] over the factors named by `kind`."""
    if kind == OVER_PLMS:
        columns = [cells[..., plms == plm].mean(axis=-1) for plm in np.unique(plms)]
        return over_tasks_and(np.stack(columns, axis=-1))
    return over_tasks_and(cells) if kind == OVER_PRIMINGS else over_tasks(cells)


def over_tasks(cells: Scores) -> Estimate:
    """Columns are fixed: only task means vary."""
    means = cells.mean(axis=-1)
    variance = means.var(axis=-1, ddof=1) / means.shape[-1]
    return Estimate(variance, np.full(variance.shape, means.shape[-1] - 1.0), _skewness(means, variance))


def over_tasks_and(cells: Scores) -> Estimate:
    """Tasks and columns (primings, or PLMs) both vary, crossed: two-way random effects.

    The variance of the mean is (MS_tasks + MS_columns - MS_rest) / (tasks x primings), with the columns' part bounded
    below by 0. The degrees of freedom are 1 / sum(share^1.5 / degrees); Satterthwaite (1946) squares the shares.
    """
    n, s = cells.shape[-2:]
    means, columns = cells.mean(axis=-1), cells.mean(axis=-2)
    rest = cells - means[..., None] - columns[..., None, :] + means.mean(axis=-1)[..., None, None]
    noise = (rest**2).sum(axis=(-1, -2)) / ((n - 1) * (s - 1))
    of_tasks = means.var(axis=-1, ddof=1) / n
    of_columns = np.maximum(columns.var(axis=-1, ddof=1) / s - noise / (n * s), 0)
    variance = of_tasks + of_columns
    share = np.divide(of_columns, variance, out=np.zeros_like(variance), where=variance > 0)
    degrees = 1 / ((1 - share) ** _POWER_OF_SHARES / (n - 1) + share**_POWER_OF_SHARES / (s - 1))
    return Estimate(variance, degrees, _skewness(means, variance))


def offsets(by: Estimate, level: float = LEVEL) -> tuple[Scores, Scores]:
    """Offsets from a mean to its interval's bounds: t quantiles corrected for the gains' skewness (Hall, 1992)."""
    quantile = special.stdtrit(by.degrees, (1 + level) / 2)
    error = np.sqrt(by.variance)
    return -error * _bent(quantile, by.skewness), -error * _bent(-quantile, by.skewness)


def smallest_difference(error: float, degrees: float, level: float = LEVEL, power: float = POWER) -> float:
    """The true difference that a two-sided t test with this standard error detects with `power`, by the noncentral t
    distribution.

    The probability of detecting it with the wrong sign is neglected.
    """
    quantile = special.stdtrit(degrees, (1 + level) / 2)
    return float(error * special.nctdtrinc(degrees, 1 - power, quantile))


def _skewness(means: Scores, variance: Scores) -> Scores:
    """Skewness of the mean of task means [... x tasks] with `variance`; its third moment comes from tasks alone."""
    n = means.shape[-1]
    third = ((means - means.mean(axis=-1, keepdims=True)) ** 3).mean(axis=-1) * (n / (n - 1)) ** 1.5 / n**2
    skewness: Scores = np.divide(third, variance**1.5, out=np.zeros_like(third), where=variance > 0)
    return skewness


def _bent(quantile: Scores, skewness: Scores) -> Scores:
    """The inverse of Hall's cubic t + g t^2 / 3 + g^2 t^3 / 27 + g / 6, which makes skewed t ratios symmetric."""
    g = np.where(np.abs(skewness) < _NEARLY_SYMMETRIC, 1, skewness)
    bent = 3 / g * (np.cbrt(1 + g * (quantile - g / 6)) - 1)
    straight = quantile - skewness * (quantile**2 / 3 + 1 / 6)
    return np.where(np.abs(skewness) < _NEARLY_SYMMETRIC, straight, bent)
