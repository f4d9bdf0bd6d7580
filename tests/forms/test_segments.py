"""Groups of runs of like length, against all ways to divide them."""

from itertools import accumulate, combinations, pairwise

import pytest
import torch

from priming.forms.segments import OVERHEAD, segments

CPU = torch.device("cpu")


def cost(sizes: list[int], lengths: list[int], rows: int) -> float:
    """Padded tokens, and what the passes cost beside them."""
    ends = list(accumulate(sizes))
    parts = [lengths[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    return sum(OVERHEAD["cpu"] + rows * len(part) * max(part) for part in parts)


@pytest.mark.parametrize("rows", [1, 8, 64])
@pytest.mark.parametrize(
    "lengths", [[5], [5, 5, 5, 5], [3, 4, 9, 30, 31, 60], [60, 3, 4, 9, 30, 31], [2, 2, 40, 40, 41, 41, 90]]
)
def test_no_other_groups_cost_less(lengths: list[int], rows: int) -> None:
    found = segments(lengths, rows, CPU)
    assert sum(found) == len(lengths)
    places = range(1, len(lengths))
    ways = [ends for number in range(len(lengths)) for ends in combinations(places, number)]
    bounds = [[0, *ends, len(lengths)] for ends in ways]
    others = [[b - a for a, b in pairwise(own)] for own in bounds]
    assert cost(found, lengths, rows) == min(cost(own, lengths, rows) for own in others)


def test_runs_of_one_length_are_one_group() -> None:
    assert segments([7] * 20, 16, CPU) == [20]


def test_long_rows_are_not_padded_with_short_ones() -> None:
    assert segments([10] * 16 + [100] * 16, 8, CPU) == [16, 16]
