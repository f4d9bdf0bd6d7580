"""Drawing all samples of a task: its rows are read once, and large splits once more for the drawn examples.

A split with more than HELD examples is never held as a whole, and no split is read or copied per sample.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy

from priming.forms.rows import Example
from priming.forms.table import KINDS
from priming.protocol.draws.interface import Draw, Picked
from priming.protocol.draws.table import DRAWS
from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.render import SHUFFLE, rendered
from priming.tasks.crossfit.sampling import Positions, cut, picked, shuffled
from priming.tasks.reading.rows import Row

Splits = Callable[[str], Iterable[Row]]
HELD = 100_000


@dataclass(frozen=True)
class Drawn:
    """Training and development examples of each sample, the common test set, and the number of rows to draw from.

    `read` counts the rows of each split in the source, `pool` the examples that samples were drawn from; `classes` are
    the different outputs in the pool, sorted, for a task that is drawn by class.
    """

    samples: dict[int, tuple[list[Example], list[Example]]]
    test: list[Example]
    pool: int
    read: dict[str, int]
    classes: tuple[str, ...]


def draw(
    entry: Entry,
    splits: Splits,
    samples: Sequence[int],
    size: int | None,
    how: Draw | None = None,
    develops: bool = True,
) -> Drawn:
    """All samples of a task.

    Args:
        entry: of the task.
        splits: gives a split's rows anew each time it is asked.
        samples: their numbers.
        size: training examples of each group of the draw; None for all.
        how: the draw, in place of that of the entry.
        develops: whether a development set is drawn beside them.
    """
    reader = _Reader(entry, splits)
    train = reader.first(entry.pool.split if entry.pool else str(entry.train))
    every = numpy.arange(len(train.targets))
    pool, rest = every, None
    if entry.pool:
        order = shuffled(every, SHUFFLE)
        pool, rest = cut(order, entry.pool.train), cut(order, entry.pool.test)
    how = how or DRAWS[entry.shots]
    picks = {sample: picked(how, pool, train.targets, sample, size, develops) for sample in samples}
    found = reader.examples(train, _positions(picks.values(), rest))
    test = reader.test() if rest is None else [found[p] for p in rest.tolist()]
    drawn = {sample: ([found[p] for p in pick.train], [found[p] for p in pick.dev]) for sample, pick in picks.items()}
    classes = tuple(sorted({train.targets[p] for p in pool.tolist()})) if KINDS[entry.kind].labelled else ()
    return Drawn(drawn, test, len(pool), reader.read, classes)


def pool_examples(
    entry: Entry, splits: Splits, choose: Callable[[int], Positions]
) -> tuple[list[Example], int, dict[str, int]]:
    """Examples of the pool that samples are drawn from, at the places that `choose` returns for its size; the size, and
    the rows read.
    """
    reader = _Reader(entry, splits)
    train = reader.first(entry.pool.split if entry.pool else str(entry.train))
    pool = numpy.arange(len(train.targets))
    if entry.pool:
        pool = cut(shuffled(pool, SHUFFLE), entry.pool.train)
    chosen = pool[choose(len(pool))].tolist()
    found = reader.examples(train, set(chosen))
    return [found[p] for p in chosen], len(pool), reader.read


@dataclass(frozen=True)
class _FirstPass:
    """What is known of a split after the first reading: each example's target, and the examples if they are few."""

    split: str
    targets: list[str]
    held: list[Example] | None


class _Reader:
    """Reads the splits of a task and counts their rows."""

    def __init__(self, entry: Entry, splits: Splits) -> None:
        self.entry, self.splits = entry, splits
        self.read: dict[str, int] = {}

    def first(self, split: str) -> _FirstPass:
        """Read a split once, and note what drawing needs of it."""
        targets: list[str] = []
        held: list[Example] = []
        same: dict[str, str] = {}
        for example in rendered(self.entry, self._counted(split)):
            target = "\t".join(example.targets) if KINDS[self.entry.kind].labelled else ""
            targets.append(same.setdefault(target, target))
            if len(targets) <= HELD:
                held.append(example)
        return _FirstPass(split, targets, held if len(targets) == len(held) else None)

    def examples(self, train: _FirstPass, wanted: set[int]) -> dict[int, Example]:
        """The examples at these positions; raises nothing that the first reading has not raised."""
        if train.held is not None:
            return {position: train.held[position] for position in wanted}
        return {
            position: example
            for position, example in enumerate(rendered(self.entry, self._counted(train.split)))
            if position in wanted
        }

    def test(self) -> list[Example]:
        """The test set of a task with a split for it."""
        found = list(rendered(self.entry, self._counted(str(self.entry.test))))
        if self.entry.test_share is None:
            return found
        order = shuffled(numpy.arange(len(found)), SHUFFLE)
        return [found[p] for p in cut(order, [0, self.entry.test_share]).tolist()]

    def _counted(self, split: str) -> Iterator[Row]:
        self.read[split] = 0
        for row in self.splits(split):
            self.read[split] += 1
            yield row


def _positions(picks: Iterable[Picked[int]], rest: Positions | None) -> set[int]:
    needed = {p for pick in picks for p in (*pick.train, *pick.dev)}
    return needed if rest is None else needed | set(rest.tolist())
