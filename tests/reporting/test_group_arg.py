"""What is said of a strategy whose ARG comes from one small group."""

import pandas as pd

from priming.reporting.group_arg import _turns, above_chance

ARGS = pd.DataFrame({"strategy": ["a", "b", "c"], "arg_percent": [6.0, 6.0, -1.0], "groups": [3, 3, 3]})


def of(strategy: str, examples: int, points: float) -> dict[str, object]:
    return {"strategy": strategy, "group": "CB", "examples": examples, "points": points}


def test_a_small_group_with_more_than_twice_its_part_is_told_of() -> None:
    groups = pd.DataFrame([of("a", 56, 5.0), of("b", 56, 3.9), of("c", 56, 5.0)])
    assert list(_turns(groups, ARGS)) == ["ARG of a, +6.0, turns on CB: its 56 examples add +5.0 points."]


def test_a_large_group_is_not() -> None:
    assert list(_turns(pd.DataFrame([of("a", 250, 5.0)]), ARGS)) == []


def test_what_is_above_chance_is_said_beside_the_most_frequent_answer() -> None:
    def row(group: str, strategy: str, gain: float, low: float) -> dict[str, object]:
        return {
            **{"plm": "p", "group": group, "strategy": strategy, "chance": 0.25, "gain_percent": gain},
            **{"low": low, "high": 2 * gain - low},
        }

    frames = {
        "arg_of_groups": pd.DataFrame(
            [row("g", "a", 90.0, 70.0), row("g", "b", 30.0, 10.0), row("g", "c", 5.0, -5.0), row("h", "a", 1.0, -9.0)]
        ),
        "groups_of_tasks": pd.DataFrame({"group": ["g", "g", "h"], "task": ["g.x", "g.y", "h.x"]}),
        "majority": pd.DataFrame({"task": ["g.x", "g.y", "h.x"], "score": [0.35, 0.45, 0.5]}),
    }
    said, none = above_chance(frames, "p")
    assert said == (
        "Above chance on g, in percent of it (95 % intervals over examples, given these runs): 2 of 3 strategies of p; "
        "``a`` +90.0 [+70.0, +110.0], ``b`` +30.0 [+10.0, +50.0]; "
        "the most frequent answer has +60.0 if always given, and 1 of 2 are clear of that."
    )
    assert none.startswith("**No strategy of p is above chance on h**")
