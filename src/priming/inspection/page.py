"""Pages: tables and lists of facts, which the command line prints for people or, from the same facts, as JSON."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and what it is, under a title; a pair whose value is empty is left out."""

    title: str
    pairs: list[tuple[str, str]]

    @property
    def rows(self) -> list[list[str]]:
        """The pairs that say something."""
        return [[name, value] for name, value in self.pairs if value]


@dataclass(frozen=True)
class Table:
    """Rows under heads; columns whose cells are all numbers are aligned to the right."""

    title: str
    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Note:
    """A line of text."""

    text: str


@dataclass(frozen=True)
class Page:
    """What a command prints, and the same as data."""

    blocks: list[Facts | Table | Note]
    data: dict[str, Any] = field(default_factory=dict)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with or without a unit; empty cells and dashes count as numbers."""
    first = cell.strip().lstrip("+-<~").strip()
    return not first or first[0].isdigit()
