"""Which examples a step sees, as a function of the run's key and the step alone."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from priming.models.encoding import Encoded
from priming.training.keys import generator

Pick = tuple[Sequence[int], Sequence[int]]


def epoch_picks(data: Encoded, run_key: int, step: int, size: int) -> list[Pick]:
    """The `step`-th batch of a run that goes through `data` in a new order each epoch.

    Batches are always full: one that an epoch's end cuts goes on with the next epoch. An example with several
    references shows one at random each time.
    """
    positions = range(step * size, (step + 1) * size)
    orders = {epoch: generator(run_key, "epoch", epoch).permutation(len(data)) for epoch in {p // len(data) for p in positions}}
    rows = [int(orders[p // len(data)][p % len(data)]) for p in positions]
    return _pairs(data, rows, generator(run_key, "reference", step))


def mixture_picks(sets: Sequence[Encoded], run_key: int, step: int, size: int) -> list[Pick]:
    """A batch of `size` examples in which each task, and within it each example, is equally likely."""
    random = generator(run_key, "mixture", step)
    tasks = random.integers(len(sets), size=size)
    return [_pairs(sets[t], [int(random.integers(len(sets[t])))], random)[0] for t in tasks]


def task_draw(tasks: int, run_key: int, step: int, size: int) -> list[int]:
    """The tasks of the `step`-th meta-batch: different ones, while there are enough."""
    random = generator(run_key, "tasks", step)
    return [int(t) for t in random.choice(tasks, size=size, replace=size > tasks)]


def disjoint_picks(data: Encoded, run_key: int, sizes: Sequence[int]) -> list[list[Pick]]:
    """Batches of these `sizes` that share no example, while `data` has enough; a support and a query set."""
    random = generator(run_key, "support")
    order = random.permutation(len(data))
    if sum(sizes) > len(data):
        order = np.concatenate([order, random.integers(len(data), size=sum(sizes) - len(data))])
    bounds = np.cumsum([0, *sizes])
    return [_pairs(data, order[a:b].tolist(), random) for a, b in pairwise(bounds)]


def _pairs(data: Encoded, rows: Sequence[int], random: np.random.Generator) -> list[Pick]:
    return [(data.inputs[row], _reference(data.targets[row], random)) for row in rows]


def _reference(references: Sequence[Sequence[int]], random: np.random.Generator) -> Sequence[int]:
    return references[0] if len(references) == 1 else references[int(random.integers(len(references)))]
