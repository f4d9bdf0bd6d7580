"""Intervals over test rows against Student's t, resampling by scipy, and in degenerate cases."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from priming.evaluation import rows as by_rows
from priming.evaluation.metrics import METRICS, score
from priming.evaluation.rows import Pair, over_rows

LABELS = ["good", "bad", "none"]


def pair(rows: int, right: float, seed: int = 0, first: int = 0) -> Pair:
    """Runs that are right on about so many rows; the reference is right on half."""
    generator = np.random.default_rng(seed)
    gold = [LABELS[(first + row) % 3] for row in range(rows)]

    def answers(share: float) -> list[str]:
        return [
            label if hit < share else str(generator.choice(LABELS))
            for label, hit in zip(gold, generator.random(rows), strict=True)
        ]

    return Pair(
        [f"row {first + row:04d}" for row in range(rows)], [[label] for label in gold], answers(right), answers(0.5)
    )


def hits(one: Pair) -> np.ndarray:
    return np.array(
        [(a == g[0]) - (b == g[0]) * 1.0 for a, b, g in zip(one.ours, one.theirs, one.references, strict=True)]
    )


def test_accuracy_has_the_paired_t_interval() -> None:
    one = pair(80, 0.8)
    expected = stats.ttest_1samp(hits(one), 0).confidence_interval(0.95)
    found = over_rows([one], "accuracy")
    assert (found.gain, found.rows) == (pytest.approx(hits(one).mean()), 80)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_runs_share_their_rows() -> None:
    """The interval is that of the mean over runs on each row, not of twice as many rows."""
    runs = [pair(80, 0.8, seed) for seed in (1, 2)]
    expected = stats.ttest_1samp(np.mean([hits(run) for run in runs], axis=0), 0).confidence_interval(0.95)
    found = over_rows(runs, "accuracy")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_test_sets_may_differ_by_rows() -> None:
    """Rows are told by their names: a set that lacks the first ten is no other set."""
    found = over_rows([pair(90, 0.8, 1), pair(80, 0.8, 2, first=10)], "accuracy")
    assert found.rows == 90
    assert found.gain == pytest.approx((hits(pair(90, 0.8, 1)).mean() + hits(pair(80, 0.8, 2, first=10)).mean()) / 2)


@pytest.mark.parametrize("metric", ["macro_f1_labels", "macro_f1_free"])
def test_other_metrics_have_the_width_of_a_bootstrap(metric: str) -> None:
    one = pair(300, 0.7, 3)

    def gain(rows: np.ndarray) -> float:
        references = [one.references[row] for row in rows]
        ours, theirs = (score(metric, [texts[row] for row in rows], references) for texts in (one.ours, one.theirs))
        return ours - theirs

    resampled = stats.bootstrap(
        (np.arange(300),), gain, n_resamples=600, vectorized=False, rng=np.random.default_rng(0), method="percentile"
    )
    found = over_rows([one], metric)
    assert found.low is not None
    assert found.high is not None
    assert found.gain == pytest.approx(gain(np.arange(300)))
    assert found.high - found.low == pytest.approx(2 * 1.98 * resampled.standard_error, rel=0.15)


def test_no_number_has_no_interval() -> None:
    """A correlation with a constant is none."""
    one = Pair(["a", "b", "c"], [["1"], ["2"], ["3"]], ["1", "1", "1"], ["1", "2", "2"])
    found = over_rows([one], "pearson")
    assert np.isnan(found.gain)
    assert found.low is None


def test_one_row_has_no_interval() -> None:
    assert over_rows([pair(1, 1)], "accuracy").low is None


def tagged(rows: int, right: float, seed: int) -> list[str]:
    """Sentences of three words, of which about so many have their entity right."""
    generator = np.random.default_rng(seed)
    return ["B-PER I-PER O" if hit < right else "O B-LOC O" for hit in generator.random(rows)]


def test_sums_over_rows_give_the_same_interval_as_scores_of_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """F1 is no mean over sentences: it follows from their counts, or is scored anew without each group."""
    gold = [["B-PER I-PER O"] if row % 3 else ["O O O"] for row in range(150)]
    one = Pair([f"row {row:03d}" for row in range(150)], gold, tagged(150, 0.8, 1), tagged(150, 0.5, 2))
    by_sums = over_rows([one], "entity_f1")
    monkeypatch.setattr(by_rows, "METRICS", {"entity_f1": replace(METRICS["entity_f1"], sums=None)})
    slow = over_rows([one], "entity_f1")
    assert (by_sums.low, by_sums.high) == pytest.approx((slow.low, slow.high))
    assert by_sums.gain == pytest.approx(score("entity_f1", one.ours, gold) - score("entity_f1", one.theirs, gold))


def test_seeds_add_their_variance_by_hand() -> None:
    """With rows that all agree, what is left is Student's interval over the means of the seeds."""
    runs = [
        Pair(["a", "b"], [["good"], ["good"]], ours, ["bad", "bad"], seed)
        for seed, ours in enumerate((["good"] * 2, ["bad"] * 2, ["good"] * 2, ["good"] * 2, ["bad"] * 2))
    ]
    expected = stats.ttest_1samp([1, 0, 1, 1, 0], 0).confidence_interval(0.95)
    found = over_rows(runs, "accuracy", over_seeds=True)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert over_rows(runs[:4], "accuracy", over_seeds=True).low is None
