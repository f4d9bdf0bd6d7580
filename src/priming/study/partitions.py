"""The partitions of CrossFit's tasks into source, development and target tasks.

`partitions.json` has the name that CrossFit files each under, and its number in CrossFit's table. Two things differ:
tasks that CrossFit holds out, and files as development tasks without any for the test, are targets here; and `sick`,
which CrossFit both trains on and holds out in `held_out_nli`, is a target alone.
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
    """The tasks of a partition, by part; KeyError where there is none of that name."""
    return {part: list(_written()[name][part]) for part in PARTS}


@cache
def gym() -> frozenset[str]:
    """All tasks of CrossFit; the random partition has each of them."""
    return frozenset(name for names in partition("random").values() for name in names)


@cache
def _written() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads((files("priming.study") / "partitions.json").read_text(encoding="utf-8"))
    return found
