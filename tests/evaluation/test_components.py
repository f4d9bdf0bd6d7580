"""Variance components against one-way formulas by hand, and on simulated studies of known variances."""

import numpy as np
import pytest

from priming.evaluation.components import components
from priming.evaluation.gains import Scores

THREE_PLMS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
TRUE = {"task": 4.0, "plm": 1.0, "priming": 0.25, "sample": 0.5, "rest": 0.1}


def drawn(generator: np.random.Generator, tasks: int = 20, samples: int = 4) -> Scores:
    """Differences whose variances are TRUE."""
    sizes = {"task": (tasks, 1, 1), "priming": (1, 9, 1), "sample": (tasks, 1, samples), "rest": (tasks, 9, samples)}
    plm = np.sqrt(TRUE["plm"]) * np.repeat(generator.standard_normal((1, 3, 1)), 3, axis=1)
    return plm + sum(np.sqrt(TRUE[name]) * generator.standard_normal(size) for name, size in sizes.items())


def test_means_over_studies_are_the_true_variances() -> None:
    """PLMs vary by two degrees of freedom alone, so theirs is known the least well."""
    generator = np.random.default_rng(0)
    found = [components(drawn(generator), THREE_PLMS) for _ in range(1000)]
    for name, value in TRUE.items():
        assert np.mean([getattr(one, name) for one in found]) == pytest.approx(
            value, rel=0.15 if name == "plm" else 0.05
        ), name


def test_primings_in_another_order_are_the_same() -> None:
    values, order = drawn(np.random.default_rng(1)), np.array([4, 0, 8, 1, 5, 2, 3, 7, 6])
    first, second = components(values, THREE_PLMS), components(values[:, order], THREE_PLMS[order])
    assert first is not None
    assert second is not None
    for name in TRUE:
        assert getattr(first, name) == pytest.approx(getattr(second, name))


def test_two_way_by_hand() -> None:
    """One PLM and one sample: the classical two-way components; sample and PLM cannot be told."""
    cells = (
        np.random.default_rng(2).normal(size=(8, 5)) + 2 * np.random.default_rng(3).normal(size=(8, 1)) + np.arange(5.0)
    )
    mean, rows, columns = cells.mean(), cells.mean(axis=1), cells.mean(axis=0)
    rest = sum((cells[i, j] - rows[i] - columns[j] + mean) ** 2 for i in range(8) for j in range(5)) / (7 * 4)
    found = components(cells[..., None], np.zeros(5, dtype=np.intp))
    assert found is not None
    assert found.rest == pytest.approx(rest)
    assert found.task == pytest.approx((5 * rows.var(ddof=1) - rest) / 5)
    assert found.priming == pytest.approx((8 * columns.var(ddof=1) - rest) / 8)
    assert np.isnan([found.plm, found.sample]).all()


def test_a_negative_estimate_is_zero_and_named() -> None:
    """Primings agree in the mean over tasks, but differ on each task."""
    cells = np.arange(6.0)[:, None] + np.array([[1.0, -1.0], [-1.0, 1.0]] * 3)
    found = components(cells[..., None], np.zeros(2, dtype=np.intp))
    assert found is not None
    assert (found.priming, found.negative) == (0.0, ("priming",))


def test_tasks_with_holes_are_left_out() -> None:
    values = drawn(np.random.default_rng(4))
    holes = values.copy()
    holes[0, 0, 0] = np.nan
    assert components(holes, THREE_PLMS) == components(values[1:], THREE_PLMS)


@pytest.mark.parametrize("plms", [[0, 0, 1], [0, 1, 1]])
def test_plms_with_different_numbers_of_primings_have_none(plms: list[int]) -> None:
    assert components(np.ones((4, 3, 2)), np.array(plms)) is None


def test_one_task_has_none() -> None:
    assert components(np.ones((1, 4, 2)), np.zeros(4, dtype=np.intp)) is None
