"""Entities in sequences of tags, and how well those of answers are those of references."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from priming.evaluation.metrics.interface import Predictions, References, Sums


class Entity(NamedTuple):
    """An entity: its type, its first word, and the word after its last."""

    type: str
    start: int
    end: int


Reading = Callable[[Sequence[str]], Iterator[Entity]]
"""From the tags of a sentence to its entities."""


class Counts(NamedTuple):
    """Entities that are right, answered, and there."""

    right: int
    answered: int
    there: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 without any entity."""
        return 2 * self.right / (self.answered + self.there) if self.answered + self.there else 0.0


def lenient(tags: Sequence[str]) -> Iterator[Entity]:
    """An inside tag that follows no entity of its type begins one, as in the scorer of CoNLL-2000."""
    return _entities(tags, strict=False)


def strict(tags: Sequence[str]) -> Iterator[Entity]:
    """An inside tag that follows no entity of its type is none (IOB2)."""
    return _entities(tags, strict=True)


def _entities(tags: Sequence[str], strict: bool) -> Iterator[Entity]:
    begun: tuple[str, int] | None = None
    for place, tag in enumerate((*tags, "O")):
        mark, _, kind = tag.partition("-")
        if begun and not (mark == "I" and kind == begun[0]):
            yield Entity(*begun, place)
            begun = None
        if mark == "B" or (mark == "I" and begun is None and not strict):
            begun = kind, place


def counts(
    predictions: Predictions, references: References, reading: Reading, types: Sequence[str] | None = None
) -> Counts:
    """Entities of all sentences together, or of these types alone; a sentence's tags are joined by spaces."""
    right = answered = there = 0
    for given, (wanted, *_) in zip(predictions, references, strict=True):
        own, true = ({e for e in reading(tags.split(" ")) if not types or e.type in types} for tags in (given, wanted))
        right, answered, there = right + len(own & true), answered + len(own), there + len(true)
    return Counts(right, answered, there)


def sums(reading: Reading) -> Sums:
    """F1 from the entities of each sentence that are right, answered, and there."""

    def of_rows(predictions: Predictions, references: References) -> list[Counts]:
        """Those of each sentence."""
        return [counts([given], [wanted], reading) for given, wanted in zip(predictions, references, strict=True)]

    return Sums(of_rows, lambda found: Counts(*map(int, found)).f1)


def by_type(predictions: Predictions, references: References, reading: Reading) -> dict[str, float]:
    """F1 of each type that an entity of the references has."""
    types = sorted({entity.type for tags, *_ in references for entity in reading(tags.split(" "))})
    return {each: counts(predictions, references, reading, [each]).f1 for each in types}
