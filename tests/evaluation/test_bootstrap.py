"""The crossed bootstrap against plain loops with the same draws, on simulated studies, and in degenerate cases."""

from collections.abc import Callable

import numpy as np
import pytest

from priming.evaluation import bootstrap
from priming.evaluation.bootstrap import Draws, Resampling, compare, drawn, resampled
from priming.evaluation.gains import Scores, absolute_gains, relative_gains

NAN = float("nan")
SETTINGS = Resampling(400, 0.95, seed=0)


def by_loops(ours: Scores, theirs: Scores, draws: Draws, relative: bool) -> list[float]:
    """One mean gain a resample, drawn run by run."""
    means = []
    for tasks, seeds, uniform in zip(draws.tasks, draws.seeds, draws.samples, strict=True):
        gains = []
        for place, task in enumerate(tasks):
            ours_drawn, theirs_drawn = [], []
            for turn, seed in enumerate(seeds):
                there = [k for k in range(ours.shape[2]) if not np.isnan(ours[task, seed, k])]
                for draw in range(len(there)):
                    k = there[int(uniform[place, turn, draw] * len(there))]
                    ours_drawn.append(ours[task, seed, k])
                    theirs_drawn.append(theirs[task, seed, k])
            if ours_drawn:
                difference = np.mean(ours_drawn) - np.mean(theirs_drawn)
                gains.append(100 * difference / np.mean(theirs_drawn) if relative else difference)
        means.append(float(np.mean(gains)))
    return means


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize(("gains", "relative"), [(absolute_gains, False), (relative_gains, True)])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_equals_plain_loops(seeds: int, gains: bootstrap.Gains, relative: bool, missing: float) -> None:
    generator = np.random.default_rng(seeds)
    ours, theirs = generator.uniform(0.2, 0.9, size=(2, 7, seeds, 3))
    holes = generator.random(ours.shape) < missing
    ours[holes] = theirs[holes] = NAN
    by = Resampling(50, 0.95, seed=4)
    draws = list(drawn(ours.shape, by))
    assert len(draws) == 1
    np.testing.assert_allclose(resampled(ours, theirs, gains, by), by_loops(ours, theirs, draws[0], relative))


def test_blocks_change_no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = np.random.default_rng(0).uniform(0.1, 1, size=(2, 6, 5, 2))
    by = Resampling(30, 0.95, seed=1)
    whole = resampled(ours, theirs, relative_gains, by)
    monkeypatch.setattr(bootstrap, "_BLOCK", 7 * ours.size)
    assert len(list(drawn(ours.shape, by))) == 5
    np.testing.assert_array_equal(whole, resampled(ours, theirs, relative_gains, by))


def simulated(generator: np.random.Generator, seeds: int, effect: float) -> tuple[Scores, Scores]:
    """A study of 20 tasks: the gain varies over tasks, over primings, and the score over runs."""
    shape = (20, seeds, 2)
    theirs = 0.5 + 0.1 * generator.standard_normal((20, 1, 1)) + 0.03 * generator.standard_normal(shape)
    gain = effect + 0.08 * generator.standard_normal((20, 1, 1)) + 0.04 * generator.standard_normal((1, seeds, 1))
    return theirs + gain + 0.03 * generator.standard_normal(shape), theirs


def test_coverage_over_tasks_and_primings() -> None:
    generator = np.random.default_rng(7)
    hits = [_covers(compare(*simulated(generator, 8, 0.1), absolute_gains, SETTINGS), 0.1) for _ in range(250)]
    assert 0.88 <= np.mean(hits) <= 0.99


def test_seeds_widen_the_interval_of_primings_that_differ() -> None:
    """With seeds kept as they are the interval ignores how primings vary, and so misses the effect far more often."""
    generator = np.random.default_rng(8)
    hits = [_covers(compare(*simulated(generator, 2, 0.1), absolute_gains, SETTINGS), 0.1) for _ in range(250)]
    assert np.mean(hits) < 0.85


def _covers(found: bootstrap.Comparison, effect: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= effect <= found.high


def test_label_tells_what_was_resampled() -> None:
    generator = np.random.default_rng(0)
    assert compare(*simulated(generator, 5, 0.1), absolute_gains, SETTINGS).interval == "over tasks and primings"
    assert compare(*simulated(generator, 4, 0.1), absolute_gains, SETTINGS).interval == "given these primings"


def test_a_failed_seed_counts_as_no_seed() -> None:
    ours, theirs = simulated(np.random.default_rng(0), 5, 0.1)
    ours[:, 2] = NAN
    found = compare(ours, theirs, absolute_gains, SETTINGS)
    assert (found.interval, found.seeds, found.runs) == ("given these primings", 4, 20 * 4 * 2)


def test_constant_gain_has_no_width() -> None:
    theirs = np.random.default_rng(0).uniform(size=(6, 1, 2))
    found = compare(theirs + 0.25, theirs, absolute_gains, SETTINGS)
    assert (found.gain, found.low, found.high) == (pytest.approx(0.25),) * 3


def test_five_tasks_have_a_gain_but_no_interval() -> None:
    theirs = np.full((5, 5, 1), 0.5)
    found = compare(theirs + 0.1, theirs, absolute_gains, SETTINGS)
    assert (found.gain, found.low, found.high, found.interval) == (pytest.approx(0.1), None, None, "none, fewer than 6 tasks")


@pytest.mark.parametrize("gains", [absolute_gains, relative_gains])
def test_nothing_in_common_has_no_gain(gains: Callable[[Scores, Scores], Scores]) -> None:
    found = compare(np.full((6, 2, 2), NAN), np.ones((6, 2, 2)), gains, SETTINGS)
    assert np.isnan(found.gain)
    assert found.tasks == ()
    assert found.low is None


def test_a_baseline_of_zero_leaves_its_task_out() -> None:
    theirs = np.full((7, 1, 1), 0.5)
    theirs[3] = 0
    found = compare(np.full((7, 1, 1), 0.75), theirs, relative_gains, SETTINGS)
    assert (found.gain, found.tasks) == (pytest.approx(50), (0, 1, 2, 4, 5, 6))


def test_same_seed_same_interval() -> None:
    study = simulated(np.random.default_rng(3), 5, 0.1)
    assert compare(*study, relative_gains, SETTINGS) == compare(*study, relative_gains, SETTINGS)
