"""Where paired differences vary: variance components of task, PLM, priming, sample and rest, by the method of moments."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from priming.evaluation.gains import Scores

# Axes of the scores, and the axes that name a level of each term: a priming belongs to one PLM, a sample to one task.
_AXES = "tpsk"
_TERMS = {
    "task": "t", "plm": "p", "priming": "ps", "sample": "tk",
    "task x plm": "tp", "task x priming": "tps", "sample x plm": "tpk", "sample x priming": "tpsk",
}  # fmt: skip


@dataclass(frozen=True)
class Components:
    """Variances of a single run's difference, NaN for what the design does not vary; `negative` names those estimated below 0 and set to it.

    `rest` are the interactions and what else differs from run to run; a source with one level, such as one sample a task, is in
    those that it cannot be told from.
    """

    task: float
    plm: float
    priming: float
    sample: float
    rest: float
    negative: tuple[str, ...]


def components(differences: Scores, plms: NDArray[np.intp]) -> Components | None:
    """The components of differences [N x S x K], `plms` [S] being the PLM of each priming.

    Of whole data alone: tasks without all runs are left out, and None is returned with fewer than two tasks left, or where
    PLMs have different numbers of primings.
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
    return Components(**{name: 0.0 if name in negative else float(value) for name, value in parts.items()}, negative=negative)


def _solved(values: Scores) -> dict[str, float]:
    """The variance of each term that has degrees of freedom in `values` [N x P x S x K], from its expected mean squares.

    The expected mean square of a term has every term whose levels name its own, times the number of runs behind a level.
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
