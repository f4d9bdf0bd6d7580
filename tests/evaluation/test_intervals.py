"""Intervals against Student's t, plain analysis of variance, Hall's formula, simulated studies, degenerate cases."""

import numpy as np
import pytest
from scipy import optimize, stats

from priming.evaluation.gains import ABSOLUTE, RELATIVE, Measure, Scores
from priming.evaluation.intervals import (
    GIVEN_PLMS,
    GIVEN_PRIMINGS,
    OVER_PLMS,
    OVER_PRIMINGS,
    Comparison,
    Estimate,
    compare,
    filled,
    offsets,
    over_tasks_and,
    smallest_difference,
)

NAN = float("nan")
MIRRORED = np.array([-0.3, -0.1, -0.05, 0.0, 0.05, 0.1, 0.3])


def simulated(seeds: int, tasks: int = 20, samples: int = 2, seed: int = 0) -> tuple[Scores, Scores]:
    """A study: the gain varies over tasks, over primings, and the score over runs."""
    generator = np.random.default_rng(seed)
    theirs = (
        0.5 + 0.1 * generator.standard_normal((tasks, 1, 1)) + 0.03 * generator.standard_normal((tasks, seeds, samples))
    )
    gain = 0.1 + 0.08 * generator.exponential(size=(tasks, 1, 1)) + 0.04 * generator.standard_normal((1, seeds, 1))
    return theirs + gain + 0.03 * generator.standard_normal((tasks, seeds, samples)), theirs


def bounds(found: Comparison) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_symmetric_gains_have_the_t_interval() -> None:
    ours = np.repeat(0.2 + MIRRORED[:, None, None], 2, axis=1)
    interval = stats.ttest_1samp(0.2 + MIRRORED, 0).confidence_interval(0.95)
    assert bounds(compare(ours, np.zeros_like(ours))) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(("plms", "measure"), [([0, 0, 1, 1, 2, 2], ABSOLUTE), ([0] * 6, RELATIVE)])
def test_intervals_over_plms_and_those_of_relative_gains_over_primings_need_eight_tasks(
    plms: list[int], measure: Measure
) -> None:
    """With fewer, coverage leaves the simulation's bounds; absolute gains over primings have intervals from six on."""
    for tasks in (6, 7, 8):
        scores = simulated(6, tasks)
        found = compare(*scores, measure, np.array(plms))
        assert (found.low is None) == (found.interval == "none, fewer than 8 tasks") == (tasks < 8)
        assert compare(*scores).low is not None


def test_skewed_gains_have_halls_interval() -> None:
    """The bounds are the means at which Hall's cubic of the t ratio is a quantile of t, found by bisection."""
    gains = np.array([0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.6])
    n, mean, error = gains.size, gains.mean(), gains.std(ddof=1) / np.sqrt(gains.size)
    g = stats.skew(gains) / np.sqrt(n)

    def cubic(mu: float) -> float:
        t = (mean - mu) / error
        return float(t + g * t**2 / 3 + g**2 * t**3 / 27 + g / 6)

    quantile = stats.t.ppf(0.975, n - 1)
    expected = [optimize.brentq(lambda mu, end=end: cubic(mu) - end, -5, 5) for end in (quantile, -quantile)]
    found = compare(gains[:, None, None], np.zeros((n, 1, 1)))
    assert bounds(found) == pytest.approx(expected)
    assert bounds(found)[1] - mean > 2 * (mean - bounds(found)[0])


def test_skewness_near_zero_is_no_step() -> None:
    def lower(skewness: float) -> float:
        return float(offsets(Estimate(np.array(1.0), np.array(8.0), np.array(skewness)))[0])

    assert lower(0.99e-4) == pytest.approx(lower(1.01e-4), abs=1e-5)
    assert lower(0) == pytest.approx(stats.t.ppf(0.025, 8))


def test_two_way_variance_against_analysis_of_variance_by_loops() -> None:
    cells = np.random.default_rng(1).normal(size=(7, 5)) + np.random.default_rng(2).normal(size=5)
    n, s = cells.shape
    mean = cells.mean()
    tasks = s * sum((cells[i].mean() - mean) ** 2 for i in range(n)) / (n - 1)
    columns = n * sum((cells[:, j].mean() - mean) ** 2 for j in range(s)) / (s - 1)
    rest = (
        sum((cells[i, j] - cells[i].mean() - cells[:, j].mean() + mean) ** 2 for i in range(n) for j in range(s))
        / (n - 1)
        / (s - 1)
    )
    assert columns > rest
    found = over_tasks_and(cells)
    assert float(found.variance) == pytest.approx((tasks + columns - rest) / n / s)
    share = (columns - rest) / (tasks + columns - rest)
    assert float(found.degrees) == pytest.approx(1 / ((1 - share) ** 1.5 / 6 + share**1.5 / 4))


def test_primings_that_vary_less_than_noise_add_nothing() -> None:
    cells = np.random.default_rng(3).normal(size=(8, 1)) + np.array([[1.0, -1.0], [-1.0, 1.0]] * 4).repeat(3, axis=1)
    found = over_tasks_and(cells)
    assert float(found.variance) == pytest.approx(stats.sem(cells.mean(axis=1)) ** 2)
    assert float(found.degrees) == pytest.approx(7)


def test_interval_over_plms_is_that_of_plm_means() -> None:
    ours, theirs = simulated(9)
    plms = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    found = compare(ours, theirs, plms=plms[::-1])
    by_hand = over_tasks_and((ours - theirs).mean(axis=2).reshape(20, 3, 3).mean(axis=2))
    assert (found.interval, found.error) == (OVER_PLMS, pytest.approx(float(np.sqrt(by_hand.variance))))
    assert found.error != pytest.approx(compare(ours, theirs).error)


@pytest.mark.parametrize(
    ("seeds", "plms", "label"),
    [
        (5, [0, 0, 0, 0, 0], OVER_PRIMINGS),
        (4, [0, 0, 0, 0], GIVEN_PRIMINGS),
        (6, [0, 0, 0, 1, 1, 1], GIVEN_PLMS),
        (3, [0, 1, 2], GIVEN_PLMS),
        (6, [0, 0, 1, 1, 2, 2], OVER_PLMS),
    ],
)
def test_label_says_what_it_is_over(seeds: int, plms: list[int], label: str) -> None:
    assert compare(*simulated(seeds), plms=np.array(plms)).interval == label


def test_a_failed_seed_counts_as_no_seed() -> None:
    ours, theirs = simulated(5)
    ours[:, 2] = NAN
    found = compare(ours, theirs)
    assert (found.interval, found.seeds, found.runs) == (GIVEN_PRIMINGS, 4, 20 * 4 * 2)


def test_missing_cells_are_filled_until_they_leave_no_residual() -> None:
    additive = np.arange(6.0)[:, None] + np.array([0.0, 3.0, -1.0, 4.0, 10.0])
    holes = additive.copy()
    holes[1, 2] = holes[4, 0] = NAN
    np.testing.assert_allclose(filled(holes), additive, atol=1e-9)


def test_too_many_holes_have_a_gain_but_no_interval() -> None:
    ours, theirs = simulated(5)
    ours[:10, 0] = NAN
    assert compare(ours, theirs).low is not None
    ours[10, 1] = NAN
    found = compare(ours, theirs)
    assert (found.interval, found.low, found.error) == ("none, too many runs are missing", None, None)
    assert not np.isnan(found.gain)


def test_a_missing_sample_is_no_hole() -> None:
    ours, theirs = simulated(5, samples=3)
    ours[:, :, 0] = NAN
    assert bounds(compare(ours, theirs)) == pytest.approx(bounds(compare(ours[:, :, 1:], theirs[:, :, 1:])))


def test_relative_gains_vary_with_their_baseline() -> None:
    """The standard error is near that over studies with new runs of both; a fixed baseline would halve it."""
    generator = np.random.default_rng(5)
    ours = np.full((400, 1, 1), 0.6) + 0.02 * generator.standard_normal((400, 5, 1))
    theirs = np.full((400, 1, 1), 0.4) + 0.02 * generator.standard_normal((400, 5, 1))
    found = compare(ours, theirs, RELATIVE)
    expected = 100 * 0.02 * np.sqrt(1 / 0.4**2 + (0.6 / 0.4**2) ** 2) / np.sqrt(5 * 400)
    assert found.error == pytest.approx(expected, rel=0.1)
    assert found.gain == pytest.approx(50, abs=1)


def test_cells_of_relative_gains_average_to_them() -> None:
    ours, theirs = simulated(5)
    np.testing.assert_allclose(RELATIVE.of_cells(ours, theirs).mean(axis=1), RELATIVE.of_tasks(ours, theirs))


def test_constant_gain_has_no_width() -> None:
    theirs = np.random.default_rng(0).uniform(size=(6, 1, 2))
    found = compare(theirs + 0.25, theirs)
    assert (found.gain, *bounds(found)) == (pytest.approx(0.25),) * 3


def test_five_tasks_have_a_gain_but_no_interval() -> None:
    theirs = np.full((5, 5, 1), 0.5)
    found = compare(theirs + 0.1, theirs)
    assert (found.gain, found.low, found.high, found.interval) == (
        pytest.approx(0.1),
        None,
        None,
        "none, fewer than 6 tasks",
    )


@pytest.mark.parametrize("measure", [ABSOLUTE, RELATIVE])
def test_nothing_in_common_has_no_gain(measure: Measure) -> None:
    found = compare(np.full((6, 2, 2), NAN), np.ones((6, 2, 2)), measure)
    assert np.isnan(found.gain)
    assert (found.tasks, found.gains, found.low) == ((), (), None)


def test_a_baseline_of_zero_leaves_its_task_out() -> None:
    theirs = np.full((7, 1, 1), 0.5)
    theirs[3] = 0
    found = compare(np.full((7, 1, 1), 0.75), theirs, RELATIVE)
    assert (found.gain, found.tasks) == (pytest.approx(50), (0, 1, 2, 4, 5, 6))


@pytest.mark.parametrize("degrees", [2, 4, 11, 30])
def test_the_smallest_difference_is_found_four_times_in_five(degrees: int) -> None:
    difference = smallest_difference(0.03, degrees)
    quantile = stats.t.ppf(0.975, degrees)
    assert stats.nct.sf(quantile, degrees, difference / 0.03) == pytest.approx(0.8, abs=1e-6)
