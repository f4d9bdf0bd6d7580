"""The partitions of CrossFit's tasks into source, development and target tasks.

`partitions.json` has CrossFit's file name for each, and its number in CrossFit's table. There are two differences:
tasks that CrossFit holds out, and lists as development tasks without any test tasks, are targets here; and `sick`,
which CrossFit both trains on and holds out in `held_out_nli`, is only a target.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Partition = Literal[
    "random",
    "classification",
    "half_classification",
    "non_classification",
    "held_out_nli",
    "held_out_paraphrase",
    "held_out_mrc",
    "held_out_mcq",
]
PARTITIONS: tuple[Partition, ...] = get_args(Partition)
PARTS = ("source", "development", "target")


def partition(name: str) -> dict[str, list[str]]:
    """The tasks of a partition, by role; KeyError if there is no partition of that name."""
    return {part: list(_written()[name][part]) for part in PARTS}


@cache
def gym() -> frozenset[str]:
    """All tasks of CrossFit, each of which is in the random partition."""
    return frozenset(name for names in partition("random").values() for name in names)


@cache
def _written() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(
        (files("priming.study") / "partitions.json").read_text(encoding="utf-8")
    )
    return found
