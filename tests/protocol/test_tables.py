"""Lengths, development sets and duplicates, by hand."""

import pytest

from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.duplicates import DUPLICATES
from priming.protocol.lengths import LENGTHS

WORDS = ["one", "two", "ONE", "three", "Two"]


@pytest.mark.parametrize(
    ("name", "number", "examples", "batch", "steps"),
    [("steps", 60, 5, 8, 60), ("epochs", 3, 32, 8, 12), ("epochs", 3, 33, 8, 13), ("epochs", 1, 4, 16, 1)],
)
def test_steps_of_a_run(name: str, number: int, examples: int, batch: int, steps: int) -> None:
    assert LENGTHS[name](number).steps(examples, batch) == steps


def test_lengths_are_written_in_words() -> None:
    assert [str(LENGTHS[name](number)) for name in LENGTHS for number in (1, 12)] == [
        "1 step",
        "12 steps",
        "1 epoch",
        "12 epochs",
    ]


def test_where_development_sets_are_from() -> None:
    found = {name: (dev.drawn, dev.split, dev.there) for name, dev in DEV_SETS.items()}
    assert found == {"drawn": (True, False, True), "split": (False, True, True), "none": (False, False, False)}


def test_duplicates_are_dropped_or_kept() -> None:
    drop, keep = DUPLICATES["drop"], DUPLICATES["keep"]
    assert drop.distinct(WORDS, str.lower) == ["one", "two", "three"]
    assert drop.unseen(WORDS, {"two", "four"}, str.lower) == ["one", "ONE", "three"]
    assert keep.distinct(WORDS, str.lower) == keep.unseen(WORDS, {"one"}, str.lower) == WORDS
