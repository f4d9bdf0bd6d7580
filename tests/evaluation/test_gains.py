"""Means, deviations and gains by hand."""

import statistics

import numpy as np
import pytest

from priming.evaluation import gains

NAN = float("nan")


def test_spread_is_over_n_minus_1() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    found = gains.spread(np.array([[0.2, 0.5, NAN], [NAN, 0.9, 0.4]]))
    assert found == gains.Spread(pytest.approx(statistics.mean(values)), pytest.approx(statistics.stdev(values)), 4)


def test_spread_over_n() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    assert gains.spread(np.array(values), freedom=0).deviation == pytest.approx(statistics.pstdev(values))
    assert gains.strategy_spread(np.array([[values], [values]]), freedom=0).deviation == pytest.approx(
        statistics.pstdev(values)
    )
    assert np.isnan(gains.spread(np.array([0.3]), freedom=0).deviation)


def test_spread_of_one_and_of_none() -> None:
    one, none = gains.spread(np.array([0.3])), gains.spread(np.array([NAN]))
    assert (one.mean, one.n, none.n) == (0.3, 1, 0)
    assert np.isnan([one.deviation, none.mean, none.deviation]).all()


def test_strategy_spread_is_of_the_means_over_tasks() -> None:
    scores = np.array([[[0.2, 0.4]], [[0.6, 1.0]]])
    found = gains.strategy_spread(scores)
    assert (found.mean, found.deviation, found.n) == (
        pytest.approx(0.55),
        pytest.approx(statistics.stdev([0.4, 0.7])),
        2,
    )


def test_strategy_spread_leaves_out_missing_tasks_and_incomplete_pairs() -> None:
    scores = np.array([[[0.2, 0.4, 0.9]], [[0.6, 1.0, NAN]], [[NAN, NAN, NAN]]])
    found = gains.strategy_spread(scores)
    assert (found.mean, found.deviation, found.n) == (
        pytest.approx((0.5 + 0.8) / 2),
        pytest.approx(statistics.stdev([0.4, 0.7])),
        2,
    )


def test_nothing_primed_has_no_mean() -> None:
    assert gains.strategy_spread(np.full((2, 1, 1), NAN)).n == 0


def test_comparisons_use_runs_that_both_have() -> None:
    ours, theirs = gains.shared(np.array([[[0.5, NAN]]]), np.array([[[NAN, 0.5]]]))
    assert np.isnan(ours).all()
    assert np.isnan(theirs).all()


def test_average_relative_gain_by_hand() -> None:
    ours, theirs = np.array([0.6, 0.5, 0.3, NAN]), np.array([0.4, 0.5, 0.0, 0.2])
    relative = gains.relative_gains(ours, theirs)
    np.testing.assert_allclose(relative, [50, 0, NAN, NAN])
    assert gains.mean_over_tasks(relative) == pytest.approx(25)
    np.testing.assert_allclose(gains.absolute_gains(ours, theirs), [0.2, 0, 0.3, NAN])


def test_task_means_keep_leading_dimensions() -> None:
    scores = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(gains.task_means(scores), scores.mean(axis=(2, 3)))
