"""What is said of a strategy whose ARG comes from one small group."""

import pandas as pd

from priming.reporting.group_arg import _turns

ARGS = pd.DataFrame({"strategy": ["a", "b", "c"], "arg_percent": [6.0, 6.0, -1.0], "groups": [3, 3, 3]})


def of(strategy: str, examples: int, points: float) -> dict[str, object]:
    return {"strategy": strategy, "group": "CB", "examples": examples, "points": points}


def test_a_small_group_with_more_than_twice_its_part_is_told_of() -> None:
    groups = pd.DataFrame([of("a", 56, 5.0), of("b", 56, 3.9), of("c", 56, 5.0)])
    assert list(_turns(groups, ARGS)) == ["ARG of a, +6.0, turns on CB: its 56 examples add +5.0 points."]


def test_a_large_group_is_not() -> None:
    assert list(_turns(pd.DataFrame([of("a", 250, 5.0)]), ARGS)) == []
