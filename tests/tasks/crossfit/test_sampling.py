"""Shuffles, cuts and draws, against numpy's global generator on lists."""

import random

import numpy
import pytest

from priming.protocol.draws.table import DRAWS
from priming.tasks.crossfit.sampling import cut, picked, shuffled


@pytest.mark.parametrize("size", [0, 1, 2, 17, 1000])
@pytest.mark.parametrize("seed", [42, 100])
def test_positions_are_shuffled_as_a_list_is(size: int, seed: int) -> None:
    words = [f"w{i}" for i in range(size)]
    numpy.random.seed(seed)
    numpy.random.shuffle(words)
    assert [f"w{i}" for i in shuffled(numpy.arange(size), seed)] == words


def test_cuts_are_shares_or_numbers() -> None:
    rows = numpy.arange(279)
    assert (len(cut(rows, [0.0, 0.8])), len(cut(rows, [0.8, 1.0])), len(cut(rows, [0.99, 1.0]))) == (223, 56, 3)
    assert cut(rows, [10, 13]).tolist() == [10, 11, 12]


def test_classes_stand_together_in_order_of_appearance_and_nothing_is_padded() -> None:
    targets = random.Random(3).choices(["a", "b", "c"], weights=[20, 6, 1], k=200)
    targets[:3] = ["a", "b", "c"]
    pick = picked(DRAWS["per_class"], numpy.arange(200), targets, 13, 16)
    order = list(range(200))
    numpy.random.seed(13)
    numpy.random.shuffle(order)
    classes = list(dict.fromkeys(targets[i] for i in order))
    groups = [[i for i in order if targets[i] == name] for name in classes]
    assert pick.train == [i for group in groups for i in group[:16]]
    assert pick.dev == [i for group in groups for i in group[16:32]]
    assert len(pick.dev) < 48


def test_text_to_text_takes_the_first_and_the_next() -> None:
    pick = picked(DRAWS["in_all"], numpy.arange(100), [""] * 100, 87, 32)
    order = shuffled(numpy.arange(100), 87).tolist()
    assert (pick.train, pick.dev) == (order[:32], order[32:64])
