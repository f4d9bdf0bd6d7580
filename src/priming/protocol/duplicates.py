"""What happens to rows that are the same as others."""

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import TypeVar

Row = TypeVar("Row")
Identity = Callable[[Row], Hashable]
"""From a row to what makes it the same as another."""


class Duplicates:
    """They are kept, as if each were a row of its own."""

    count_key = "in_sample_and_test"
    """Where `task.json` counts test rows that are also in a sample."""

    def distinct(self, rows: Iterable[Row], identity: Identity[Row]) -> list[Row]:
        """The rows of one part that stay, in order."""
        return list(rows)

    def unseen(self, rows: Iterable[Row], seen: Collection[Hashable], identity: Identity[Row]) -> list[Row]:
        """The rows that stay beside others, whose identities are `seen`."""
        return list(rows)


class Dropped(Duplicates):
    """The first of those that are the same stays; a test row that is also in a sample is dropped from its test set."""

    count_key = "dropped_from_test"

    def distinct(self, rows: Iterable[Row], identity: Identity[Row]) -> list[Row]:
        """The first row of each identity."""
        first: dict[Hashable, Row] = {}
        for row in rows:
            first.setdefault(identity(row), row)
        return list(first.values())

    def unseen(self, rows: Iterable[Row], seen: Collection[Hashable], identity: Identity[Row]) -> list[Row]:
        """The rows that are none of the others."""
        return [row for row in rows if identity(row) not in seen]


DUPLICATES = {"drop": Dropped(), "keep": Duplicates()}
