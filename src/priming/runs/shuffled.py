"""The order of very many rows, each place found by itself: a keyed permutation of 0 to n - 1 that is never written out.

A balanced Feistel network (Luby and Rackoff, 1988) permutes the numbers below the next power of four. A result that is
n or more goes through it again until it is below n (Black and Rogaway, 2002), which takes four passes on average at the
most. It shuffles; it keeps no secret.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priming.runs.keys import generator

ROUNDS = 6
Places = NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Shuffled:
    """A permutation of `size` places, another one for each key."""

    size: int
    key: int

    def __call__(self, places: Places) -> Places:
        """Where these places [n] go; raises IndexError for one that there is not."""
        if places.size and (places.min() < 0 or places.max() >= self.size):
            raise IndexError(f"places {places.min()} to {places.max()} of {self.size}")
        found = self._pass(places.astype(np.uint64))
        while (beyond := np.flatnonzero(found >= self.size)).size:
            found[beyond] = self._pass(found[beyond])
        return found.astype(np.int64)

    def _pass(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        half = np.uint64(max(1, ((self.size - 1).bit_length() + 1) // 2))
        low = np.uint64((1 << int(half)) - 1)
        left, right = values >> half, values & low
        for own in self._keys():
            left, right = right, left ^ (_mixed(right + own) & low)
        return (left << half) | right

    def _keys(self) -> NDArray[np.uint64]:
        return generator("shuffled", self.key).integers(1 << 62, size=ROUNDS, dtype=np.uint64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number's bits, mixed as by SplitMix64."""
    with np.errstate(over="ignore"):
        mixed = values * _MIX[0]
        mixed ^= mixed >> np.uint64(29)
        mixed *= _MIX[1]
        return mixed ^ (mixed >> np.uint64(32))
