"""The algorithms, in the order in which they are always listed. Each module defines its algorithm as `ALGORITHM`."""

from priming.algorithms.interface import Algorithm, Moves, Upstream
from priming.entries import Table

ALGORITHMS: Table[type[Algorithm]] = Table("ALGORITHM", "priming.algorithms", ("mtl", "maml", "reptile"))


def bound(name: str, settings: Upstream, moves: Moves) -> Algorithm:
    """The algorithm of this name with its settings, for a priming that moves these elements."""
    return ALGORITHMS[name].bound(settings, moves)
