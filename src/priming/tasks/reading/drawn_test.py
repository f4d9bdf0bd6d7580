"""A test set drawn from rows that come without one: by a fixed seed, the same share of every value of a column."""

from collections import Counter
from collections.abc import Iterable
from random import Random

from priming.tasks.reading.rows import Row

SEED = 0


def train_and_test(rows: Iterable[Row], column: str, share: float) -> tuple[list[Row], list[Row]]:
    """The rows for training and development, and those for testing, each in the order in which they were.

    Each value of the column gives at least one row to both, if it has two; values with one row, as of texts, count as
    one value. Which rows are drawn follows from the order of the rows of a value alone.
    """
    all_rows = list(rows)
    counts = Counter(str(row.values.get(column)) for row in all_rows)
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(all_rows):
        value = str(row.values.get(column))
        groups.setdefault(value if counts[value] > 1 else "", []).append(number)
    drawn: set[int] = set()
    for value, numbers in groups.items():
        wanted = min(max(1, round(share * len(numbers))), len(numbers) - 1)
        drawn.update(Random(f"{SEED} {value}").sample(numbers, wanted))
    parts = ([row for n, row in enumerate(all_rows) if (n in drawn) == test] for test in (False, True))
    train, test = parts
    return train, test


def said(name: str, train: int, test: int, share: float) -> str:
    """What the user should know of the drawn test set."""
    return f"task {name}: a test set of {test} of {train + test} rows was drawn (test_share {share:g}, seed {SEED})"
