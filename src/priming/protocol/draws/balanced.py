"""k examples in all, as many of each right answer as of every other."""

from collections.abc import Mapping, Sequence

from priming.protocol.draws.interface import Draw, Order, Picked, Row


class Balanced(Draw):
    """Equally many of each label, or of each place of the right choice; what does not divide goes to some at random."""

    size_key, by_class, by_place, said = "shots_in_all", True, True, "{} in all, as many of each answer"

    def pick(self, groups: Mapping[str, Sequence[Row]], size: int | None, develops: bool, order: Order) -> Picked[Row]:
        """As in other draws, of each answer its share of `size`; `order` is first called for the answers themselves."""
        assert size is not None
        more = set(order(len(groups))[: size % len(groups)])
        found: Picked[Row] = Picked([], [], {})
        for place, (answer, rows) in enumerate(groups.items()):
            share = size // len(groups) + (place in more)
            own = super().pick({answer: rows}, share, develops, order)
            found.train.extend(own.train)
            found.dev.extend(own.dev)
            found.short.update(own.short)
        return found

    def wanted(self, size: int | None, develops: bool) -> str:
        """In all."""
        return self.said.format(size)

    def least(self, size: int, groups: int) -> int:
        """A share."""
        return size // groups

    def examples(self, size: int | None, classes: int, rows: int) -> int:
        """So many, whatever the classes."""
        return min(rows, rows if size is None else size)


DRAW = Balanced()
