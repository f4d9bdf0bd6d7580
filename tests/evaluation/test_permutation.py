"""Permutation tests against brute force and scipy, Holm's correction by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from priming.evaluation import permutation
from priming.evaluation.permutation import FLIPS, holm, least_p, sign_flip_p


@pytest.mark.parametrize("tasks", [1, 2, 3, 6, 9])
def test_equals_brute_force(tasks: int) -> None:
    gains = np.random.default_rng(tasks).normal(0.5, 1, size=tasks)
    sums = [
        abs(sum(sign * gain for sign, gain in zip(signs, gains, strict=True)))
        for signs in itertools.product((1, -1), repeat=tasks)
    ]
    assert sign_flip_p(gains) == sum(value >= abs(gains.sum()) - 1e-12 for value in sums) / 2**tasks


def test_equals_scipy() -> None:
    gains = np.random.default_rng(1).normal(0.4, 1, size=12)
    expected = stats.permutation_test((gains,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(gains) == pytest.approx(expected.pvalue)
    assert sign_flip_p(-gains) == sign_flip_p(gains)


def test_many_tasks_are_near_the_exact_p(monkeypatch: pytest.MonkeyPatch) -> None:
    gains = np.random.default_rng(2).normal(0.5, 1, size=16)
    exact = sign_flip_p(gains)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 10)
    assert 0.01 < exact < 0.5
    assert sign_flip_p(gains) == pytest.approx(exact, abs=4 * np.sqrt(exact / FLIPS))
    assert sign_flip_p(gains) == sign_flip_p(gains)


@pytest.mark.parametrize("tasks", [2, 6, 20, 21, 40])
def test_the_least_p_is_that_of_gains_that_agree(tasks: int) -> None:
    assert sign_flip_p([0.1] * tasks) == pytest.approx(least_p(tasks), rel=0.2 if tasks == 21 else 1e-12)


def test_rounding_breaks_no_tie() -> None:
    """0.1 + 0.2 - 0.3 is not 0 in floats, and reaches the observed 0 all the same."""
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1
    assert sign_flip_p([0.1 + 0.2, -0.3]) == 1


def test_gains_of_zero_on_every_task_say_nothing() -> None:
    assert sign_flip_p([0.0] * 8) == 1


def test_no_tasks_have_no_p() -> None:
    assert np.isnan(sign_flip_p([]))
    assert np.isnan(least_p(0))


def test_holm_by_hand() -> None:
    """.005 x 4; .01 x 3; .04 is .04 x 1 but not below .03 x 2 before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_holm_leaves_out_what_has_no_p() -> None:
    found = holm([0.01, float("nan"), 0.02])
    assert (found[0], found[2]) == pytest.approx((0.02, 0.02))
    assert np.isnan(found[1])
