"""Few-shot samples: k examples a class, or k in all, for training and again for development, and the full test set.

A sample is a function of the task's name, the sample's number and the rows. Nothing is padded: what a class lacks is counted.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy

from priming.errors import DataError
from priming.tasks.task import Example, Task, distinct

ALL = "all"


@dataclass(frozen=True)
class Sample:
    """One draw of a task. `short` holds the classes with too few rows, and how many training and development examples they gave."""

    train: list[Example]
    dev: list[Example]
    test: list[Example]
    dropped_from_test: int
    short: dict[str, dict[str, int]]


def draw_sample(task: Task, number: int, *, shots: int, shots_in_all: int, test_limit: int | None = None) -> Sample:
    """Draw sample `number`: `shots` a class of a classification task, else `shots_in_all`.

    Training, development and test examples share no input; test rows that occur in the others are dropped and counted.
    Of a class with fewer than twice `shots` rows, training is served first. Raises DataError where a class has no rows,
    and where nothing is left for development or the test.
    """
    generator = _generator(task.name, str(number))
    size = shots if task.kind == "classification" else shots_in_all
    train: list[Example] = []
    dev: list[Example] = []
    short = {}
    for label, rows in _groups(task).items():
        drawn = [rows[i] for i in generator.permutation(len(rows))[: 2 * size]]
        train, dev = train + drawn[:size], dev + drawn[size:]
        if len(drawn) < 2 * size:
            short[label] = {"train": len(drawn[:size]), "dev": len(drawn[size:])}
    test = in_fixed_order(task.name, task.test, test_limit)
    seen = {example.input for example in (*train, *dev)}
    kept = [example for example in test if example.input not in seen]
    for part, rows in (("development", dev), ("test", kept)):
        if not rows:
            raise DataError(
                f"task {task.name}, sample {number}: no {part} example is left beside those drawn before it; add rows, or ask for fewer shots"
            )
    return Sample(_shuffled(train, generator), _shuffled(dev, generator), kept, len(test) - len(kept), short)


def in_fixed_order(name: str, examples: list[Example], limit: int | None) -> list[Example]:
    """All examples as they come, or the first `limit` in a random order that depends on the task's name alone."""
    if limit is None or len(examples) <= limit:
        return list(examples)
    return [examples[i] for i in first_in_fixed_order(name, len(examples), limit)]


def first_in_fixed_order(name: str, size: int, limit: int) -> list[int]:
    """The first `limit` of so many positions: all as they come where they are no more, else in a random order that depends on the name alone."""
    order = range(size) if size <= limit else _generator(name, "order").permutation(size)[:limit].tolist()
    return list(order)


def _groups(task: Task) -> dict[str, list[Example]]:
    """The different examples of each class, or of the task as a whole, in the order of the labels."""
    rows = distinct(task.train)
    groups: dict[str, list[Example]] = {label: [] for label in task.labels or (ALL,)}
    for row in rows:
        groups[row.targets[0] if task.labels else ALL].append(row)
    for label, members in groups.items():
        if not members:
            raise DataError(f"task {task.name}: no row to draw {'from' if label == ALL else f'of class {label!r}'}")
    return groups


def _shuffled(examples: Iterable[Example], generator: numpy.random.Generator) -> list[Example]:
    rows = list(examples)
    return [rows[i] for i in generator.permutation(len(rows))]


def _generator(*keys: str) -> numpy.random.Generator:
    """A generator of its own, fixed by `keys`."""
    return numpy.random.default_rng(int.from_bytes(hashlib.sha256("\0".join(keys).encode()).digest()))
