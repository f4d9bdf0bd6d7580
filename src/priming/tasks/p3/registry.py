"""What is known of P3's configurations before any row is read."""

import random
from dataclasses import dataclass
from functools import cache
from typing import Literal

from priming.study.partitions import p3

HUB, REVISION = "bigscience/P3", "refs/convert/parquet"
CAP = 500_000
"""The most examples of a training configuration; T0 divides it by the number of templates, Wu et al. (2022) do not."""
CAP_SEED = 3
SCORED = "_score_eval"
"""What the names of evaluation configurations end in."""
GROUPS = {"train": "training", "eval": "evaluation"}


@dataclass(frozen=True)
class Config:
    """A configuration: a data set of P3 with a template.

    `rows` are its examples for training, or those from which samples are drawn, which are of the split `train`; `test`
    are those of the split `tested`. `group` is the data set, for evaluation that by which ARG is averaged.
    """

    name: str
    part: Literal["train", "eval"]
    dataset: str
    group: str
    rows: int
    train: str = "train"
    tested: str = "validation"
    test: int | None = None
    choices: int | None = None
    on_hub: bool = True

    @property
    def template(self) -> str:
        """The key of its template among those of its data set."""
        return self.name.removeprefix(f"{self.dataset}_").removesuffix(SCORED)

    @property
    def role(self) -> Literal["source", "target"]:
        """The part that it plays in a study."""
        return "source" if self.part == "train" else "target"


@cache
def configs() -> dict[str, Config]:
    """All configurations by name."""
    trained = {
        name: Config(name, "train", dataset, dataset, rows)
        for dataset, own in p3()["train"].items()
        for name, rows in own["configs"].items()
    }
    evaluated = {
        name: Config(
            name, "eval", dataset, own["group"], pool, own["few_shot"], own["test"], test, own["choices"], own["on_hub"]
        )
        for dataset, own in p3()["eval"].items()
        for name, (pool, test) in own["configs"].items()
    }
    return trained | evaluated


@cache
def few_shot(seed: int, size: int) -> dict[str, list[int]]:
    """The examples that are drawn from each evaluation configuration.

    One stream of random numbers goes through all of them in the authors' order, so each depends on those before it.
    """
    stream = random.Random(seed)
    return {name: stream.sample(range(configs()[name].rows), size) for name in p3()["order"]}


def capped(rows: int, cap: int = CAP) -> list[int]:
    """The examples that are kept of a training configuration with so many: the first ones of a shuffled order."""
    order = list(range(rows))
    if rows > cap:
        random.Random(CAP_SEED).shuffle(order)
    return order[:cap]


def checksum(name: str) -> str:
    """The MD5 of the examples that the authors drew: of their token ids as text, inputs then targets."""
    found: str = p3()["md5"][name]
    return found
