"""CrossFit's shuffles, cuts and few-shot draws, on positions: what is drawn is known before any example is held."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from priming.protocol.draws.interface import ALL, Draw, Picked

Positions = NDArray[numpy.int64]


def shuffled(positions: Positions, seed: int) -> Positions:
    """The positions as numpy's legacy generator shuffles a list of them."""
    order = positions.copy()
    numpy.random.RandomState(seed).shuffle(order)
    return order


def cut(positions: Positions, bounds: Sequence[int | float]) -> Positions:
    """The part between two bounds: numbers of rows, or shares of all."""
    start, end = (bound if isinstance(bound, int) else int(bound * len(positions)) for bound in bounds)
    return positions[start:end]


def picked(
    draw: Draw, pool: Positions, targets: Sequence[str], sample: int, size: int | None, develops: bool = True
) -> Picked[int]:
    """Positions of one sample's training and development examples, in the order of CrossFit's files.

    Classes stand in order of first appearance in the shuffled pool, the examples of a class together; nothing is
    padded.
    """
    groups: dict[str, list[int]] = {}
    for position in shuffled(pool, sample).tolist():
        groups.setdefault(targets[position] if draw.by_class else ALL, []).append(position)
    return draw.pick(groups, size, develops, range)
