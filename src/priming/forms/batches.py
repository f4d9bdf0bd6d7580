"""Which examples a step sees, as a function of the run's key and the step alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from priming.backbones.encoding import TokenizedDataset
from priming.errors import DataError
from priming.runs.keys import generator, key
from priming.runs.shuffled import Shuffled

TokenPair = tuple[Sequence[int], Sequence[int]]
Order = np.ndarray[Any, np.dtype[np.int64]]


def epoch_batch(data: TokenizedDataset, run_key: int, step: int, size: int, grouped: int = 1) -> list[TokenPair]:
    """The `step`-th batch of a run that goes through `data` in a new order each epoch.

    Batches are always full: one that reaches the end of an epoch continues into the next. Of an example's references,
    one is drawn at random each time. Of `grouped` batches that follow one another, each has rows of about the same
    length, in an order of their own.
    """
    if (own := data.own_batch(run_key, step, size, grouped)) is not None:
        return own
    positions = range(step * size, (step + 1) * size)
    orders = {epoch: _kept_epoch(data, run_key, epoch, size, grouped) for epoch in {p // len(data) for p in positions}}
    rows = [int(orders[p // len(data)][p % len(data)]) for p in positions]
    return _pairs(data, rows, generator(run_key, "reference", step))


def _kept_epoch(data: TokenizedDataset, run_key: int, epoch: int, size: int, grouped: int) -> Order:
    """As `_epoch`, made once; those of earlier epochs are let go, but for the last."""
    asked = (run_key, epoch, size, grouped)
    if asked not in data.orders:
        for known in [known for known in data.orders if known[0] == run_key and known[1] < epoch - 1]:
            del data.orders[known]
        data.orders[asked] = _epoch(data, run_key, epoch, size, grouped)
    return data.orders[asked]


def _epoch(data: TokenizedDataset, run_key: int, epoch: int, size: int, grouped: int) -> Order:
    """The order of the rows in an epoch."""
    order = generator(run_key, "epoch", epoch).permutation(len(data))
    if grouped == 1:
        return order
    random, first = generator(run_key, "groups", epoch), -epoch * len(data) % size
    lengths = np.array([len(ids) for ids in data.inputs])[order]
    for start in range(first, len(order), grouped * size):
        end = min(start + grouped * size, len(order))
        by_length = order[start:end][lengths[start:end].argsort(kind="stable")]
        whole = (end - start) // size
        batches = [by_length[n * size : (n + 1) * size] for n in range(whole)]
        order[start:end] = np.concatenate([*(batches[n] for n in random.permutation(whole)), by_length[whole * size :]])
    return order


def mixture_batch(
    sets: Sequence[TokenizedDataset], run_key: int, step: int, size: int, grouped: int = 1
) -> list[TokenPair]:
    """A batch of `size` examples in which each task, and within it each example, is equally likely.

    Of `grouped` times as many examples, it is one of the parts into which they fall by length.
    """
    random = generator(run_key, "mixture", step)
    tasks = random.integers(len(sets), size=grouped * size)
    pairs = [_pairs(sets[t], [int(random.integers(len(sets[t])))], random)[0] for t in tasks]
    if grouped == 1:
        return pairs
    part = int(random.integers(grouped)) * size
    return sorted(pairs, key=lambda pair: len(pair[0]))[part : part + size]


def task_draw(tasks: int, run_key: int, step: int, size: int) -> list[int]:
    """The tasks of the `step`-th meta-batch, drawn without replacement if there are enough."""
    random = generator(run_key, "tasks", step)
    return [int(t) for t in random.choice(tasks, size=size, replace=size > tasks)]


def epoch_draw(sets: int, run_key: int, step: int, size: int) -> list[int]:
    """The sets of the `step`-th meta-batch, each once an epoch, in an order of its own."""
    positions = range(step * size, (step + 1) * size)
    orders = {epoch: generator(run_key, "sets", epoch).permutation(sets) for epoch in {p // sets for p in positions}}
    return [int(orders[p // sets][p % sets]) for p in positions]


def batch_draw(sizes: Sequence[int], run_key: int, step: int, tasks: int, size: int) -> list[tuple[int, Order]]:
    """The `step`-th meta-batch: tasks, and of each so many rows that no other inner loop of the epoch sees.

    An epoch has all batches of `size` rows into which tasks of these `sizes` fall, in an order of its own; what is left
    of a task fills no batch. Raises DataError where no task has as many rows.
    """
    ends = np.cumsum([number // size for number in sizes])
    if not ends[-1]:
        raise DataError(f"no source task has {size} examples, which an inner loop takes; make support or query smaller")
    found = []
    for position in range(step * tasks, (step + 1) * tasks):
        epoch, place = divmod(position, int(ends[-1]))
        batch = int(Shuffled(int(ends[-1]), key(run_key, "batches", epoch))(np.array([place]))[0])
        task = int(np.searchsorted(ends, batch, side="right"))
        number = batch - int(ends[task - 1] if task else 0)
        rows = Shuffled(sizes[task], key(run_key, "rows", epoch, task))
        found.append((task, rows(np.arange(number * size, (number + 1) * size))))
    return found


def divided(data: TokenizedDataset, rows: Order, sizes: Sequence[int], run_key: int) -> list[list[TokenPair]]:
    """Rows of a set in batches of these `sizes`."""
    random, bounds = generator(run_key, "support"), np.cumsum([0, *sizes])
    return [_pairs(data, rows[a:b].tolist(), random) for a, b in pairwise(bounds)]


@dataclass(frozen=True)
class Part:
    """By length, the part numbered `number` of `of` into which examples fall."""

    number: int = 0
    of: int = 1


def part_of(run_key: int, step: int, grouped: int) -> Part:
    """The part by length that all tasks of a meta-batch are drawn from."""
    return Part(int(generator(run_key, "groups", step).integers(grouped)), grouped) if grouped > 1 else Part()


def disjoint_batches(
    data: TokenizedDataset, run_key: int, sizes: Sequence[int], apart: bool = False, part: Part = Part()
) -> list[list[TokenPair]]:
    """Batches of these `sizes`: the query set and support sets, without common examples if `data` has enough.

    With `apart`, the query set is of the sample's development examples, and support sets of its training examples.
    Otherwise all are of a `part` by length of as many times more examples, or of as many as there are.
    """
    random = generator(run_key, "support")
    if apart:
        assert data.split is not None
        query, *support = sizes
        of_dev = data.split + _order(len(data) - data.split, query, random)
        of_train = _order(data.split, sum(support), random)
        bounds = np.cumsum([0, *support])
        return [_pairs(data, rows.tolist(), random) for rows in (of_dev, *(of_train[a:b] for a, b in pairwise(bounds)))]
    order = random.permutation(len(data))
    if sum(sizes) > len(data):
        order = np.concatenate([order, random.integers(len(data), size=sum(sizes) - len(data))])
    if part.of > 1 and sum(sizes) < len(data):
        order = _by_length(data, order, sum(sizes), part, random)
    bounds = np.cumsum([0, *sizes])
    return [_pairs(data, order[a:b].tolist(), random) for a, b in pairwise(bounds)]


def _by_length(data: TokenizedDataset, order: Order, size: int, part: Part, random: np.random.Generator) -> Order:
    """So many rows, the part by length of the first ones of an order, in an order of their own."""
    of = min(part.of, len(order) // size)
    lengths = np.array([len(data.inputs[row]) for row in order[: of * size]])
    first = part.number * of // part.of * size
    return random.permutation(order[: of * size][lengths.argsort(kind="stable")][first : first + size])


def _order(number: int, size: int, random: np.random.Generator) -> Order:
    """So many of `number` rows, each once, or if there are too few, drawn with replacement, as CrossFit does."""
    return random.choice(number, size=size, replace=size > number)


def _pairs(data: TokenizedDataset, rows: Sequence[int], random: np.random.Generator) -> list[TokenPair]:
    return [(data.inputs[row], _reference(data.targets[row], random)) for row in rows]


def _reference(references: Sequence[Sequence[int]], random: np.random.Generator) -> Sequence[int]:
    return references[0] if len(references) == 1 else references[int(random.integers(len(references)))]


@dataclass(frozen=True)
class MetaBatch:
    """The examples of a meta-batch, [M][B]: a support set per inner step, and a query set; a dropout key per task.

    `tasks` are the numbers of its tasks among the source tasks.
    """

    support: Sequence[list[list[TokenPair]]]
    query: list[list[TokenPair]]
    keys: Sequence[int]
    tasks: Sequence[int] = ()


def padded(pairs: Sequence[TokenPair]) -> tuple[int, int, int]:
    """The number of examples in a batch, and the padded lengths of inputs and targets."""
    return len(pairs), max(len(ids) for ids, _ in pairs), max(len(ids) for _, ids in pairs)
