"""The partitions of CrossFit's tasks into source, development and target tasks, and that of P3's.

`partitions.json` has CrossFit's file name for each, and its number in CrossFit's table. There are two differences:
tasks that CrossFit holds out, and lists as development tasks without any test tasks, are targets here; and `sick`,
which CrossFit both trains on and holds out in `held_out_nli`, is only a target.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

GymPartition = Literal[
    "random",
    "classification",
    "half_classification",
    "non_classification",
    "held_out_nli",
    "held_out_paraphrase",
    "held_out_mrc",
    "held_out_mcq",
]
P3: Literal["p3"] = "p3"
Partition = GymPartition | Literal["p3"]
GYM_PARTITIONS: tuple[GymPartition, ...] = get_args(GymPartition)
PARTITIONS: tuple[Partition, ...] = (*GYM_PARTITIONS, P3)
PARTS = ("source", "development", "target")


def partition(name: str) -> dict[str, list[str]]:
    """The tasks of a partition, by role; KeyError if there is no partition of that name.

    That of P3 has the training and evaluation tasks of Wu et al. (2022), the latter in their order, and no development
    tasks.
    """
    if name == P3:
        trained = [config for dataset in p3()["train"].values() for config in dataset["configs"]]
        return {"source": trained, "development": [], "target": list(p3()["order"])}
    return {part: list(_written()[name][part]) for part in PARTS}


@cache
def p3() -> Mapping[str, Any]:
    """What is known of P3's configurations for Wu et al. (2022).

    `train` and `eval` have them by data set, with rows for training, or rows to draw from and to test; `order` and
    `md5` are the authors' order of evaluation tasks, and checksums of the rows that they drew.
    """
    found: dict[str, Any] = json.loads((files("priming.study") / "p3.json").read_text(encoding="utf-8"))
    return found


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
