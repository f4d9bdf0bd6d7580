"""Few-shot samples: training, development and test sets, drawn by the study's protocol.

A sample is a function of the task's name, the sample's number and the rows. If a class has too few rows, the shortfall
is counted, and nothing fills it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy

from priming.errors import DataError
from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.protocol.dev_sets import DEV_SETS, DevSet
from priming.protocol.draws.interface import ALL, Draw
from priming.protocol.draws.table import DRAWS
from priming.protocol.duplicates import DUPLICATES, Duplicates
from priming.study.tasks import Tasks
from priming.tasks.task import Kind, Task, identity


@dataclass(frozen=True)
class Protocol:
    """How the samples of a task are drawn.

    `size` is the number of training examples of each group of the draw, None for all; `dev_limit` and `test_limit` are
    the largest development and test sets.
    """

    draw: Draw
    size: int | None
    dev_set: DevSet = DEV_SETS["drawn"]
    duplicates: Duplicates = DUPLICATES["drop"]
    dev_limit: int | None = None
    test_limit: int | None = None

    @classmethod
    def of(cls, tasks: Tasks, usual: str) -> Self:
        """The protocol of a study for tasks that are drawn by `usual` if the study names no draw."""
        draw = DRAWS[tasks.draw or usual]
        size: int | None = getattr(tasks, draw.size_key) if draw.size_key else None
        parts = DEV_SETS[tasks.dev_set], DUPLICATES[tasks.duplicates]
        return cls(draw, size, *parts, tasks.dev_limit, tasks.test_limit)

    @classmethod
    def of_kind(cls, tasks: Tasks, kind: Kind) -> Self:
        """The protocol of a study for tasks of a kind."""
        return cls.of(tasks, KINDS[kind].draw)


@dataclass(frozen=True)
class Sample:
    """One draw of a task.

    `seen_in_test` counts the test rows that are also training or development rows, dropped or not; `dropped_from_dev`
    the rows of a development split that were dropped because they are training rows. `short` holds, for each class
    with too few rows, how many training and development examples it gave.
    """

    train: list[Example]
    dev: list[Example]
    test: list[Example]
    seen_in_test: int
    short: dict[str, dict[str, int]]
    dropped_from_dev: int = 0

    @property
    def parts(self) -> dict[str, list[Example]]:
        """Its rows by the name of the part."""
        return {"training": self.train, "development": self.dev, "test": self.test}


def draw_sample(task: Task, number: int, protocol: Protocol) -> Sample:
    """Draw sample `number`.

    Raises DataError if a class has no rows, or if no row is left for a part.
    """
    generator = _generator(*protocol.draw.seeded_by(task.name, number))

    def order(size: int) -> list[int]:
        """A random order of so many rows, or that of the source's authors."""
        if protocol.draw.published and task.published and protocol.size:
            return _published(task, number, protocol.size, size)
        found: list[int] = generator.permutation(size).tolist()
        return found

    picked = protocol.draw.pick(_groups(task, protocol), protocol.size, protocol.dev_set.drawn, order)
    dev, gone = picked.dev, 0
    if protocol.dev_set.split:
        dev, gone = _development(task, protocol, picked.train)
    test = in_fixed_order(task.name, task.test, protocol.test_limit)
    seen = {identity(example) for example in (*picked.train, *dev)}
    kept, among = protocol.duplicates.unseen(test, seen, identity), sum(identity(example) in seen for example in test)
    train, dev = _shuffled(picked.train, generator), _shuffled(dev, generator)
    return _whole(task, number, protocol, Sample(train, dev, kept, among, picked.short, gone))


def _published(task: Task, number: int, drawn: int, size: int) -> list[int]:
    """The rows that the source's authors drew, then all others; raises DataError where the task lacks one of them."""
    assert task.published
    first = task.published(number, drawn)
    if (last := max(first) + 1) > size:
        has = f"{size} training rows, and its authors drew number {last}"
        raise DataError(f"task {task.name}: {has}; complete them, or write tasks.draw: in_all")
    return [*first, *(set(range(size)) - set(first))]


def _development(task: Task, protocol: Protocol, train: list[Example]) -> tuple[list[Example], int]:
    """The rows of the task's development split, and how many were dropped because they are training rows."""
    if task.dev is None:
        raise DataError(f"task {task.name} has no development split; {NO_SPLIT.format(task.name)}")
    rows = in_fixed_order(task.name, protocol.duplicates.distinct(task.dev, identity), protocol.dev_limit)
    kept = protocol.duplicates.unseen(rows, {identity(example) for example in train}, identity)
    return kept, len(rows) - len(kept)


NO_SPLIT = "name one as 'dev' under the files or hub of tasks.define.{}, or write dev_set: drawn"


def _whole(task: Task, number: int, protocol: Protocol, sample: Sample) -> Sample:
    """The sample, if every part that it should have has rows."""
    wanted = {"training": True, "development": protocol.dev_set.there, "test": True}
    for part, rows in sample.parts.items():
        if wanted[part] and not rows:
            raise DataError(
                f"task {task.name}, sample {number}: no {part} example is left to draw; "
                "add rows, or ask for fewer shots"
            )
    return sample


def in_fixed_order(name: str, examples: list[Example], limit: int | None) -> list[Example]:
    """All examples as they come, or the first `limit` in a random order that depends on the task's name alone."""
    if limit is None or len(examples) <= limit:
        return list(examples)
    return [examples[i] for i in first_in_fixed_order(name, len(examples), limit)]


def first_in_fixed_order(name: str, size: int, limit: int) -> list[int]:
    """The first `limit` of so many positions: all as they come, or in a random order that depends on the name alone."""
    order = range(size) if size <= limit else _generator(name, "order").permutation(size)[:limit].tolist()
    return list(order)


def _groups(task: Task, protocol: Protocol) -> dict[str, list[Example]]:
    """The examples of each class, in the order of the labels or of choices, or those of the task as a whole."""
    by_class, rows = protocol.draw.by_class, protocol.duplicates.distinct(task.train, identity)
    if not can_draw(protocol.draw, task.kind):
        drawn = protocol.draw.said.format(protocol.size)
        raise DataError(f"task {task.name} has no classes to draw {drawn}; {NO_CLASSES}")
    found = {row.answered for row in rows} if by_class and task.labels is None else ()
    classes = task.labels or sorted(found, key=lambda answer: (len(answer), answer))
    groups: dict[str, list[Example]] = {label: [] for label in classes if by_class} or {ALL: []}
    for row in rows:
        groups[row.answered if by_class else ALL].append(row)
    for label, members in groups.items():
        if not members:
            raise DataError(f"task {task.name}: no row to draw {_why_none(task, label)}")
    return groups


def _why_none(task: Task, label: str) -> str:
    """Why a class has no row, and what to do: there are none, or all repeat rows of other classes."""
    if label == ALL:
        return "from; add training rows"
    repeated = sum(row.answered == label for row in task.train)
    if not repeated:
        return f"of class {label!r}; add training rows of it"
    same = f"{repeated} training row{'s have' if repeated > 1 else ' has'} the input of an earlier row of another class"
    return f"of class {label!r}: {same}; correct them, or keep repeated rows with tasks.duplicates: keep"


def can_draw(draw: Draw, kind: Kind) -> bool:
    """Whether tasks of a kind have the classes that a draw needs."""
    return not draw.by_class or KINDS[kind].labelled or (draw.by_place and KINDS[kind].own_choices)


NO_CLASSES = "leave tasks.draw out, so that each task is drawn as its kind is, or name another draw"


def _shuffled(examples: Iterable[Example], generator: numpy.random.Generator) -> list[Example]:
    rows = list(examples)
    return [rows[i] for i in generator.permutation(len(rows))]


def _generator(*keys: str) -> numpy.random.Generator:
    """A generator seeded by `keys`."""
    return numpy.random.default_rng(int.from_bytes(hashlib.sha256("\0".join(keys).encode()).digest()))
