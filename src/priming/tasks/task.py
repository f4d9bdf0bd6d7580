"""A task: training and test examples, whatever their source."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from priming.forms.rows import Example
from priming.forms.table import KINDS

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[tuple(KINDS)]
Part = Literal["source", "development", "target"]
Origin = str
"""The name of a task's source."""


@dataclass(frozen=True)
class Task:
    """A task as its source gives it.

    Few-shot samples and priming examples are drawn from `train`; `labels` are those of a classification task, in fixed
    order. `dev` is the development split, None if the source has none. `notes` are the source's remarks to the user.
    `dropped` counts the unusable rows of each part; it is empty if such rows are errors. `published` gives the rows of
    `train` that the source's authors drew, by the number of a sample and the number of rows. `remarks` are those notes
    that go into `task.json` too.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] | None
    train: list[Example]
    test: list[Example]
    origin: Origin
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    dev: list[Example] | None = None
    published: Callable[[int, int], Sequence[int]] | None = None
    remarks: tuple[str, ...] = ()


def usual_metric(kind: Kind) -> str:
    """The metric of a task that names none of its own."""
    return KINDS[kind].metric


def identity(example: Example) -> str:
    """What identifies an example, so that duplicates are recognised."""
    return example.identity


def distinct(examples: Iterable[Example]) -> list[Example]:
    """The examples without duplicates, in order."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.identity, example)
    return list(first.values())


def label_counts(examples: Iterable[Example]) -> Counter[str]:
    """How many examples have each first target."""
    return Counter(example.targets[0] for example in examples)
