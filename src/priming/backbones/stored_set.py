"""Stored rows as sets of examples, so that training draws from them as from those in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from priming.backbones.encoding import TokenizedDataset
from priming.backbones.stored import COLUMNS, Ids, Passes, StoredRows


@dataclass(frozen=True)
class _Column(Sequence[Any]):
    """The inputs, or the lists of one target, of the rows that are used of a part, or of all parts."""

    stored: StoredRows
    column: int
    first: int
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < self.size:
            raise IndexError(place)
        found = self.stored.pair(int(self.stored.rows(np.array([self.first + place]))[0]))[self.column]
        return found if self.column == 0 else (found,)


@dataclass(frozen=True)
class StoredSet(TokenizedDataset):
    """Stored rows as a set of examples, which are read when they are asked for."""

    stored: StoredRows | None = None
    part: int | None = None
    """Of which they are; None for all parts."""

    @classmethod
    def of(cls, stored: StoredRows, part: int | None = None) -> "StoredSet":
        """The rows that are used of a part, or of all."""
        ends = stored.ends
        first, last = (0, ends[-1]) if part is None else (ends[part], ends[part + 1])
        inputs, targets = (_Column(stored, column, first, last - first) for column in range(len(COLUMNS)))
        return cls(inputs, targets, None, stored, part)

    @classmethod
    def _joined(cls, sets: Sequence[TokenizedDataset]) -> TokenizedDataset:
        first = sets[0]
        assert isinstance(first, StoredSet)
        assert first.stored
        return cls.of(first.stored)

    @property
    def mean_lengths(self) -> tuple[float, float]:
        """Mean ids of inputs and targets; where only some rows of a part are used, of all of them."""
        assert self.stored
        return self.stored.mean_lengths(self.part)

    def own_batch(self, run_key: int, step: int, size: int, grouped: int) -> list[tuple[Ids, Ids]] | None:
        """The examples of a step of passes through all parts, each in an order of its own."""
        if self.part is not None or self.stored is None:
            return None
        passes = self._passes.setdefault((run_key, size, grouped), Passes(self.stored, run_key, size, grouped))
        return [self.stored.pair(int(row)) for row in passes.batch(step)]

    @cached_property
    def _passes(self) -> dict[tuple[int, int, int], Passes]:
        return {}
