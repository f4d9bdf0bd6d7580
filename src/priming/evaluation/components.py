"""Variance components of paired differences: task, PLM, priming, sample and residual, by the method of moments."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from priming.evaluation.gains import Scores

# Axes of the scores, and the axes that index the levels of each term: primings are nested in PLMs, samples in tasks.
_AXES = "tpsk"
_TERMS = {
    "task": "t", "plm": "p", "priming": "ps", "sample": "tk",
    "task x plm": "tp", "task x priming": "tps", "sample x plm": "tpk", "sample x priming": "tpsk",
}  # fmt: skip


@dataclass(frozen=True)
class Components:
    """Variances of a single run's difference, NaN for factors that the design does not vary.

    `negative` lists the estimates below 0, which are set to 0. `rest` contains interactions and all other variation
    between runs. A factor with one level, such as one sample per task, is part of the components it is confounded with.
    """

    task: float
    plm: float
    priming: float
    sample: float
    rest: float
    negative: tuple[str, ...]


def components(differences: Scores, plms: NDArray[np.intp]) -> Components | None:
    """The components of differences [tasks x primings x samples]; `plms` [primings] is the PLM of each priming.

    Only complete data are used: tasks with missing runs are left out. Returns None with fewer than two tasks left, or
    if PLMs have different numbers of primings.
    """
    whole = differences[~np.isnan(differences).any(axis=(1, 2))]
    names, counts = np.unique(plms, return_counts=True)
    if len(whole) < 2 or np.unique(counts).size > 1:
        return None
    order = np.argsort(plms, kind="stable")
    found = _solved(whole[:, order].reshape(len(whole), names.size, counts[0], -1))
    parts = {name: found.pop(name, float("nan")) for name in ("task", "plm", "priming", "sample")}
    parts["rest"] = sum(found.values()) if found else float("nan")
    negative = tuple(name for name, value in parts.items() if value < 0)
    return Components(
        **{name: 0.0 if name in negative else float(value) for name, value in parts.items()}, negative=negative
    )


def _solved(values: Scores) -> dict[str, float]:
    """Variances of the terms with degrees of freedom in `values` [tasks x PLMs x primings x samples], from expected
    mean squares.

    The expected mean square of a term contains every term nested in it, times the number of runs per level.
    """
    squares = {name: square for name, square in _mean_squares(values).items() if square is not None}
    sizes = dict(zip(_AXES, values.shape, strict=True))
    behind = {name: values.size / prod(sizes[axis] for axis in _TERMS[name]) for name in squares}
    expected = [[behind[part] if set(_TERMS[term]) <= set(_TERMS[part]) else 0 for part in squares] for term in squares]
    solution = np.linalg.solve(np.array(expected, dtype=np.float64), np.array(list(squares.values())))
    return dict(zip(squares, solution.tolist(), strict=True))


def _mean_squares(values: Scores) -> dict[str, float | None]:
    """The mean square of each term, None for one without degrees of freedom."""
    effects, freedom = {"": np.asarray(values.mean())}, {"": 1}
    found: dict[str, float | None] = {}
    sizes = dict(zip(_AXES, values.shape, strict=True))
    for name, axes in _TERMS.items():
        within = [other for other in effects if set(other) < set(axes)]
        others = tuple(n for n, axis in enumerate(_AXES) if axis not in axes)
        effect = values.mean(axis=others, keepdims=True) - sum(effects[other] for other in within)
        effects[axes] = effect
        freedom[axes] = prod(sizes[axis] for axis in axes) - sum(freedom[other] for other in within)
        square = float((effect**2).sum()) * values.size / effect.size
        found[name] = square / freedom[axes] if freedom[axes] else None
    return found
