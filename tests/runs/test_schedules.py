"""Schedules by hand, and that a study's schedule reaches its runs."""

import pytest

from priming.runs.schedules import SCHEDULES, Constant, Linear


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Linear(10, 0.2), [0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0]),
        (Linear(4, 0.0), [1, 0.75, 0.5, 0.25, 0]),
        (Constant(10, 0.2), [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        (Constant(4, 0.0), [1, 1, 1, 1, 1]),
    ],
)
def test_factors_on_the_rates(schedule: Linear | Constant, factors: list[float]) -> None:
    assert [schedule.factor(step) for step in range(len(factors))] == pytest.approx(factors)


def test_each_has_a_name() -> None:
    assert {"linear": Linear, "constant": Constant} == SCHEDULES
