"""Tests of a gain over tasks: the sign-flip permutation test, and Holm's correction for a family of tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 20
FLIPS = 99_999
_SEED = 0
_BLOCK = 1_000
_TIE = 1e-9


def sign_flip_p(gains: Sequence[float]) -> float:
    """Two-sided p of the mean of gains [tasks], whose signs are equally likely under the null hypothesis; NaN without
    gains.

    All 2^n sign patterns for up to 20 tasks; above, FLIPS random ones with a fixed seed, (hits + 1) / (FLIPS + 1).
    """
    values = np.asarray(gains, dtype=np.float64)
    if not values.size:
        return float("nan")
    # Sums that differ only by rounding count as equal.
    reached = abs(values.sum()) - _TIE * max(1.0, float(np.abs(values).sum()))
    if values.size > EXACT_UP_TO:
        return (_random_hits(values, reached) + 1) / (FLIPS + 1)
    return float((np.abs(_all_sums(values)) >= reached).mean())


def least_p(tasks: int) -> float:
    """The smallest p that `sign_flip_p` can give for so many tasks; NaN for none."""
    if not tasks:
        return float("nan")
    return 2.0 ** (1 - tasks) if tasks <= EXACT_UP_TO else 1 / (FLIPS + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """Each p corrected for all (Holm, 1979), in the given order; NaN stays NaN and does not count."""
    values = np.asarray(ps, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    corrected = np.full(values.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(order.size, 0, -1)), 1)
    return [float(p) for p in corrected]


def _all_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums [2^(n-1)] under all signs except the first, which by symmetry does not affect counts."""
    sums = values[:1]
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _random_hits(values: NDArray[np.float64], reached: float) -> int:
    generator = np.random.default_rng(_SEED)
    hits = 0
    for start in range(0, FLIPS, _BLOCK):
        signs = generator.integers(2, size=(min(_BLOCK, FLIPS - start), values.size)) * 2 - 1
        hits += int((np.abs(signs @ values) >= reached).sum())
    return hits
