"""What a draw answers about itself. Nobody else asks for its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

Row = TypeVar("Row")
Order = Callable[[int], Sequence[int]]
"""From a number of rows to the positions at which they are taken, one after the other."""

ALL = "all"
"""The group of a draw that does not tell classes apart."""


@dataclass(frozen=True)
class Picked(Generic[Row]):
    """What was drawn: training and development rows; what each group gave that has too few."""

    train: list[Row]
    dev: list[Row]
    short: dict[str, dict[str, int]]


class Draw:
    """A draw: rows of a task, or of each of its classes, in random order. The defaults are what most draws do."""

    size_key: ClassVar[Literal["shots", "shots_in_all"] | None]
    """The key of `tasks` in the study file that sets the number of training examples; None if every row trains, so
    that no row is left for a drawn development set."""
    by_class: ClassVar[bool] = False
    """Whether rows are drawn from each class, for which a task must have labels."""
    by_place: ClassVar[bool] = False
    """Whether, in tasks with choices of each row's own, the places of right choices are such classes."""
    published: ClassVar[bool] = False
    """Whether a task's source says which rows are drawn, as its authors drew them."""
    said: ClassVar[str]
    """As in `16 a class`."""

    def seeded_by(self, task: str, number: int) -> tuple[str, ...]:
        """What the random numbers of sample `number` of a task are made from."""
        return task, str(number)

    def pick(self, groups: Mapping[str, Sequence[Row]], size: int | None, develops: bool, order: Order) -> Picked[Row]:
        """The first `size` rows of each group in random order train, and where it `develops`, the next `size` develop.

        Of a group with too few rows, training is served first.

        Args:
            groups: the rows of each class, or of ALL.
            size: training examples of a group; None for all of them.
            develops: whether as many rows again are the development set.
            order: called once for each group.
        """
        found: Picked[Row] = Picked([], [], {})
        for label, rows in groups.items():
            shuffled = [rows[position] for position in order(len(rows))]
            least = len(rows) if size is None else size
            train, dev = shuffled[:least], shuffled[least : 2 * least] if develops else []
            found.train.extend(train)
            found.dev.extend(dev)
            if len(train) + len(dev) < least * (2 if develops else 1):
                found.short[label] = {"train": len(train), "dev": len(dev)}
        return found

    def wanted(self, size: int | None, develops: bool) -> str:
        """What a class with enough rows gives, for messages."""
        return f"{size} + {size}" if develops else str(size)

    def least(self, size: int, groups: int) -> int:
        """The fewest training examples that each of so many groups gives if it has enough rows."""
        return size

    def examples(self, size: int | None, classes: int, rows: int) -> int:
        """Training examples at the most, of a task with so many classes and rows."""
        return min(rows, (rows if size is None else size) * (classes if self.by_class else 1))
