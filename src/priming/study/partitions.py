"""The partitions of CrossFit's tasks into source, development and target tasks."""

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import yaml

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
def _written() -> dict[str, dict[str, list[str]]]:
    text = (files("priming.study") / "partitions.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[str]]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found
