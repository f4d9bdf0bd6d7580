"""Pearson's correlation of two lists of numbers."""

from collections.abc import Sequence
from math import fsum, isfinite, nan, sqrt


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson correlation; NaN if a number is missing or infinite, or if all numbers of a side are equal."""
    if not all(map(isfinite, [*a, *b])) or len(set(a)) == 1 or len(set(b)) == 1:
        return nan
    mean_a, mean_b = fsum(a) / len(a), fsum(b) / len(b)
    apart_a, apart_b = [x - mean_a for x in a], [y - mean_b for y in b]
    spread = sqrt(fsum(x * x for x in apart_a)) * sqrt(fsum(y * y for y in apart_b))
    return max(-1.0, min(1.0, fsum(x * y for x, y in zip(apart_a, apart_b, strict=True)) / spread)) if spread else nan
