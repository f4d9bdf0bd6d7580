"""A task: examples to train on and to test on, whatever they come from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["classification", "text_to_text"]
Part = Literal["source", "development", "target"]
Origin = Literal["generated", "files", "hub", "crossfit"]


@dataclass(frozen=True)
class Example:
    """What the model reads, and the outputs that count as right; a classification example has exactly one."""

    input: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A task as its source gives it.

    `train` is what few-shot samples and priming examples are drawn from; `labels` are a classification task's, in fixed order.
    `notes` tell the user what the source had to say about the rows.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] | None
    train: list[Example]
    test: list[Example]
    origin: Origin
    notes: tuple[str, ...] = ()


def usual_metric(kind: Kind) -> str:
    """The metric of a task that names none of its own."""
    return "accuracy" if kind == "classification" else "exact_match"


def distinct(examples: Iterable[Example]) -> list[Example]:
    """The first example of each input, in order."""
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.input, example)
    return list(first.values())


def label_counts(examples: Iterable[Example]) -> Counter[str]:
    """How many examples have each first target."""
    return Counter(example.targets[0] for example in examples)
