"""Draws on rows that are numbers, in orders that are known."""

from collections.abc import Mapping, Sequence

import pytest

from priming.forms.table import KINDS
from priming.protocol.draws.interface import Draw, Order, Picked, Row
from priming.protocol.draws.table import DRAWS

GROUPS = {"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5]}
ALL = {"all": list(range(8))}


def backwards(size: int) -> list[int]:
    return list(range(size))[::-1]


def test_of_each_group_the_first_rows_train_and_the_next_develop() -> None:
    picked = DRAWS["per_class"].pick(GROUPS, 2, True, backwards)
    assert picked == Picked([8, 6, 5, 3], [4, 2, 1], {"odd": {"train": 2, "dev": 1}})


def test_without_development_sets_all_that_is_drawn_trains() -> None:
    assert DRAWS["per_class"].pick(GROUPS, 3, False, backwards) == Picked([8, 6, 4, 5, 3, 1], [], {})
    assert DRAWS["per_class"].pick(GROUPS, 4, False, range).short == {"odd": {"train": 3, "dev": 0}}


def test_every_row_trains() -> None:
    assert DRAWS["all"].pick(ALL, None, False, backwards) == Picked([7, 6, 5, 4, 3, 2, 1, 0], [], {})


def test_of_each_answer_its_share_trains_and_what_is_left_over_goes_by_the_first_order() -> None:
    draw = DRAWS["balanced"]
    assert draw.pick(GROUPS, 4, True, backwards) == Picked([8, 6, 5, 3], [4, 2, 1], {"odd": {"train": 2, "dev": 1}})
    # Backwards, the last group is the first to get one more.
    assert draw.pick(GROUPS, 3, False, backwards) == Picked([8, 5, 3], [], {})
    assert draw.pick(GROUPS, 3, False, range) == Picked([0, 2, 1], [], {})
    assert draw.pick(GROUPS, 8, False, range).short == {"odd": {"train": 3, "dev": 0}}
    assert (draw.least(16, 3), DRAWS["per_class"].least(16, 3)) == (5, 16)


@pytest.mark.parametrize(
    ("name", "size", "examples"),
    [("per_class", 16, 64), ("per_class", 900, 1000), ("in_all", 16, 16), ("balanced", 16, 16), ("all", None, 1000)],
)
def test_examples_at_the_most(name: str, size: int | None, examples: int) -> None:
    assert DRAWS[name].examples(size, classes=4, rows=1000) == examples


def test_a_draw_is_named_by_what_it_takes() -> None:
    assert {name: draw.said.format(16) for name, draw in DRAWS.items()} == {
        "per_class": "16 a class",
        "in_all": "16 in all",
        "balanced": "16 in all, as many of each answer",
        "all": "all rows",
        "published": "16 in all, as published",
    }
    assert {DRAWS[name].by_class for name in (kind.draw for kind in KINDS.values())} == {True, False}
    assert [name for name, draw in DRAWS.items() if draw.size_key is None] == ["all"]


class EveryOther(Draw):
    """A draw of another kind: the rows at even places of each group, the groups' samples shared by several tasks."""

    size_key, said = "shots", "every other"

    def seeded_by(self, task: str, number: int) -> tuple[str, ...]:
        return task.partition("/")[0], str(number)

    def pick(self, groups: Mapping[str, Sequence[Row]], size: int | None, develops: bool, order: Order) -> Picked[Row]:
        rows = [row for members in groups.values() for row in members]
        return Picked(rows[::2], rows[1::2] if develops else [], {})


def test_a_draw_may_answer_for_itself() -> None:
    draw = EveryOther()
    assert draw.pick(ALL, 3, True, range) == Picked([0, 2, 4, 6], [1, 3, 5, 7], {})
    assert draw.seeded_by("data/template", 5) == ("data", "5")
