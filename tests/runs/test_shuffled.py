"""A permutation that is never written out: it is one, at any size, and looks random."""

import numpy as np
import pytest
from scipy import stats

from priming.runs.shuffled import Shuffled


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 1000, 4097, 10_000])
def test_each_place_is_found_once(size: int) -> None:
    found = Shuffled(size, 5)(np.arange(size))
    assert sorted(found.tolist()) == list(range(size))


def test_any_part_is_that_of_the_whole() -> None:
    whole = Shuffled(10_000, 5)(np.arange(10_000))
    some = np.array([7, 9_999, 0, 4_242])
    assert Shuffled(10_000, 5)(some).tolist() == whole[some].tolist()


def test_other_keys_give_other_orders() -> None:
    orders = {tuple(Shuffled(50, key)(np.arange(50)).tolist()) for key in range(200)}
    assert len(orders) == 200


def test_places_that_there_are_not() -> None:
    for places in ([10], [-1]):
        with pytest.raises(IndexError, match="of 10"):
            Shuffled(10, 1)(np.array(places))


def test_orders_look_random() -> None:
    """Where a place goes is uniform over keys; neighbours are not neighbours; small sizes give all orders."""
    size = 100
    for place in (0, 1, 57, 99):
        went = [int(Shuffled(size, key)(np.array([place]))[0]) for key in range(4000)]
        assert stats.chisquare(np.bincount(went, minlength=size)).pvalue > 1e-4
    found = Shuffled(100_000, 3)(np.arange(100_000))
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(np.arange(100_000), found)[0, 1]) < 0.02
    orders = [tuple(Shuffled(4, key)(np.arange(4)).tolist()) for key in range(6000)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-4
