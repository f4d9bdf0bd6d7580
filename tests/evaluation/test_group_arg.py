"""ARG over chance by data set: by hand, against the published numbers, and its bootstrap resampled row by row."""

from collections.abc import Mapping

import numpy as np
import pytest

from priming.evaluation.group_arg import Hits, difference, group_arg, paper_p, resampled
from priming.published import wu2022
from priming.published.sheets import sheet


def hits(group: str, chance: float, correct: str, examples: str | None = None, runs: int = 1) -> Hits:
    """`correct` has a digit a row, `examples` a letter."""
    letters = examples or "abcdefghij"[: len(correct)]
    named = tuple(f"{group}/{letter}" for letter in letters)
    return Hits(group, chance, named, np.array([float(digit) for digit in correct]), runs)


TASKS = {
    "cb.one": hits("cb", 1 / 3, "1100"),
    "cb.two": hits("cb", 1 / 3, "1000"),
    "rte": hits("rte", 1 / 2, "11100"),
}


def test_a_mean_over_data_sets_of_the_mean_over_their_tasks() -> None:
    found = group_arg(TASKS)
    one, two, rte = 100 * (0.5 * 3 - 1), 100 * (0.25 * 3 - 1), 100 * (0.6 * 2 - 1)
    assert found.arg == pytest.approx(((one + two) / 2 + rte) / 2)
    assert found.flat == pytest.approx((one + two + rte) / 3)
    assert [(own.group, own.tasks, own.examples) for own in found.groups] == [("cb", 2, 4), ("rte", 1, 5)]
    assert [own.share for own in found.groups] == pytest.approx([(one + two) / 4, rte / 2])
    assert sum(own.share for own in found.groups) == pytest.approx(found.arg)
    assert [own.accuracy for own in found.groups] == pytest.approx([0.375, 0.6])


@pytest.mark.parametrize("method", [wu2022.OURS, wu2022.BOTH])
def test_published_accuracies_give_the_published_number(method: str) -> None:
    """Of ten thousand rows a data set, as many are right as its accuracy, rounded to three digits, says."""
    tasks = {
        row["dataset"]: Hits(
            row["dataset"],
            1 / float(row["choices"]),
            tuple(map(str, range(1000))),
            (np.arange(1000) < round(1000 * float(row[method]))).astype(float),
        )
        for row in sheet("wu2022_accuracies").rows
    }
    assert group_arg(tasks).arg == pytest.approx(wu2022.arg(method)["T5-XL", "deep", "16"], abs=0.2)


def slowly(tasks: Mapping[str, Hits], number: int) -> np.ndarray:
    """ARG on resamples, drawing examples one by one and counting rows."""
    random, found = np.random.default_rng(0), []
    for _ in range(number):
        by_group: dict[str, list[float]] = {}
        drawn = {
            group: random.choice(sorted({e for one in tasks.values() if one.group == group for e in one.examples}), 4)
            for group in {one.group for one in tasks.values()}
        }
        for one in tasks.values():
            rows = [
                right for example in drawn[one.group] for e, right in zip(one.examples, one.correct, strict=True)
                if e == example
            ]  # fmt: skip
            accuracy = np.mean(rows) if rows else one.correct.mean()
            by_group.setdefault(one.group, []).append(100 * (float(accuracy) / one.chance - 1))
        found.append(np.mean([np.mean(own) for own in by_group.values()]))
    return np.array(found)


def test_resamples_are_of_examples_whatever_their_tasks() -> None:
    tasks = {
        "cb.one": hits("cb", 1 / 3, "1100", "abcd"),
        "cb.half": hits("cb", 1 / 3, "10", "ac"),
        "rte": hits("rte", 1 / 2, "1101", "abcd"),
    }
    fast, slow = resampled(tasks, 20_000), slowly(tasks, 20_000)
    assert fast.mean() == pytest.approx(slow.mean(), abs=1.5)
    assert fast.std() == pytest.approx(slow.std(), rel=0.03)
    assert np.quantile(fast, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(slow, [0.1, 0.5, 0.9]), abs=6)


def test_templates_that_share_examples_vary_together() -> None:
    shared = {f"t{n}": hits("g", 0.5, "1100110011") for n in range(8)}
    apart = {
        f"t{n}": Hits("g", 0.5, tuple(f"{n}{letter}" for letter in "abcdefghij"), one.correct)
        for n, one in enumerate(shared.values())
    }
    assert resampled(shared).std() == pytest.approx(8**0.5 * resampled(apart).std(), rel=0.1)


def test_a_difference_is_paired_by_example() -> None:
    ours = {"a": hits("g", 0.5, "1111100000"), "b": hits("h", 0.5, "1111111000")}
    same = difference(ours, ours)
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)
    theirs = {"a": hits("g", 0.5, "1111000000"), "b": hits("h", 0.5, "1111110000")}
    found = difference(ours, theirs)
    assert found.difference == pytest.approx(group_arg(ours).arg - group_arg(theirs).arg) == pytest.approx(20)
    assert 0 <= found.low <= 20 <= found.high
    # No example is lost, so the difference is 0 only where neither of the two is drawn.
    assert (resampled(ours) - resampled(theirs) < 0).sum() == 0
    assert found.p == pytest.approx(2 * 0.9**10 * 0.9**10, abs=0.05)


def test_the_authors_p_takes_hits_first_and_resamples_each_task() -> None:
    better = {"a": hits("g", 0.5, "0101010101"), "b": hits("h", 0.5, "1110000000")}
    worse = {"a": hits("g", 0.5, "1010101000"), "b": hits("h", 0.5, "1110000000")}
    # Sorted, the rows of a differ in one, and those of b in none: the difference is never negative.
    assert paper_p(better, worse) == 0
    other = {"a": hits("g", 0.5, "0101010101"), "b": hits("h", 0.5, "1100000000")}
    swapped = {"a": hits("g", 0.5, "1010101000"), "b": hits("h", 0.5, "1110000000")}
    random = np.random.default_rng(1)
    gains = [
        (random.integers(10, size=10) == 4).mean() - (random.integers(10, size=10) == 2).mean() for _ in range(20_000)
    ]
    assert paper_p(other, swapped) == pytest.approx((np.array(gains) < 0).mean(), abs=0.05)


def test_runs_are_one_after_the_other() -> None:
    twice = {"a": hits("g", 0.5, "1100", "abab", runs=2)}
    assert group_arg(twice).groups[0].examples == 2
    assert group_arg(twice).arg == 0
