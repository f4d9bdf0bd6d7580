"""Drawing all samples of a task from its rows: read once to know what is there, and, where that is much, once more for what is drawn.

No split is held as a whole when it has more than HELD examples, nor is it read, or copied, for each sample.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy

from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.render import SHUFFLE, rendered
from priming.tasks.crossfit.sampling import Picked, Positions, cut, picked, shuffled
from priming.tasks.sources.rows import Row
from priming.tasks.task import Example

Splits = Callable[[str], Iterable[Row]]
HELD = 100_000


@dataclass(frozen=True)
class Drawn:
    """Training and development examples of each sample, the test set of all, and how much there was to draw from.

    `read` counts the rows of each split as the source has them, `pool` the examples that samples were drawn from; `classes`
    are the different outputs in the pool, sorted, of a task that is drawn by class.
    """

    samples: dict[int, tuple[list[Example], list[Example]]]
    test: list[Example]
    pool: int
    read: dict[str, int]
    classes: tuple[str, ...]


def draw(entry: Entry, splits: Splits, samples: Sequence[int], size: int) -> Drawn:
    """All samples of a task, `size` examples a class or in all; `splits` gives a split's rows anew each time it is asked."""
    reader = _Reader(entry, splits)
    train = reader.first(entry.pool.split if entry.pool else str(entry.train))
    every = numpy.arange(len(train.targets))
    pool, rest = every, None
    if entry.pool:
        order = shuffled(every, SHUFFLE)
        pool, rest = cut(order, entry.pool.train), cut(order, entry.pool.test)
    picks = {sample: picked(entry, pool, train.targets, sample, size) for sample in samples}
    found = reader.examples(train, _positions(picks.values(), rest))
    test = reader.test() if rest is None else [found[p] for p in rest.tolist()]
    drawn = {sample: ([found[p] for p in pick.train], [found[p] for p in pick.dev]) for sample, pick in picks.items()}
    classes = tuple(sorted({train.targets[p] for p in pool.tolist()})) if entry.shots == "per_class" else ()
    return Drawn(drawn, test, len(pool), reader.read, classes)


def pool_examples(entry: Entry, splits: Splits, choose: Callable[[int], Positions]) -> tuple[list[Example], int, dict[str, int]]:
    """Examples of the pool that samples are drawn from, at the places that `choose` returns for its size; the size, and the rows read."""
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
    """What is known of a split after it was read once: each example's target, and the examples where they are few."""

    split: str
    targets: list[str]
    held: list[Example] | None


class _Reader:
    """Reads the splits of one task and counts their rows."""

    def __init__(self, entry: Entry, splits: Splits) -> None:
        self.entry, self.splits = entry, splits
        self.read: dict[str, int] = {}

    def first(self, split: str) -> _FirstPass:
        """Read a split once, and note what drawing needs of it."""
        targets: list[str] = []
        held: list[Example] = []
        same: dict[str, str] = {}
        for example in rendered(self.entry, self._counted(split)):
            target = "\t".join(example.targets) if self.entry.shots == "per_class" else ""
            targets.append(same.setdefault(target, target))
            if len(targets) <= HELD:
                held.append(example)
        return _FirstPass(split, targets, held if len(targets) == len(held) else None)

    def examples(self, train: _FirstPass, wanted: set[int]) -> dict[int, Example]:
        """The examples at these positions; raises nothing that the first pass has not raised."""
        if train.held is not None:
            return {position: train.held[position] for position in wanted}
        return {position: example for position, example in enumerate(rendered(self.entry, self._counted(train.split))) if position in wanted}

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


def _positions(picks: Iterable[Picked], rest: Positions | None) -> set[int]:
    needed = {p for pick in picks for p in (*pick.train, *pick.dev)}
    return needed if rest is None else needed | set(rest.tolist())
