"""CrossFit's shuffles, cuts and few-shot draws, on positions: what is drawn is known before any example is held."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from priming.tasks.crossfit.entries import Entry

Positions = NDArray[numpy.int64]


@dataclass(frozen=True)
class Picked:
    """Positions of one sample's training and development examples, in the order of CrossFit's files."""

    train: list[int]
    dev: list[int]


def shuffled(positions: Positions, seed: int) -> Positions:
    """The positions as numpy's legacy generator shuffles a list of them."""
    order = positions.copy()
    numpy.random.RandomState(seed).shuffle(order)
    return order


def cut(positions: Positions, bounds: Sequence[int | float]) -> Positions:
    """The part between two bounds: numbers of rows, or shares of all."""
    start, end = (bound if isinstance(bound, int) else int(bound * len(positions)) for bound in bounds)
    return positions[start:end]


def picked(entry: Entry, pool: Positions, targets: Sequence[str], sample: int, size: int) -> Picked:
    """Draw `size` examples of each class, or in all, for training and the next `size` for development.

    Classes stand in order of first appearance in the shuffled pool, the examples of a class together; nothing is padded.
    """
    groups: dict[str, list[int]] = {}
    for position in shuffled(pool, sample).tolist():
        group = groups.setdefault(targets[position] if entry.shots == "per_class" else "", [])
        if len(group) < 2 * size:
            group.append(position)
    return Picked([p for group in groups.values() for p in group[:size]], [p for group in groups.values() for p in group[size:]])
