"""What source and target tasks share: rows of the same data set, and labels."""

from collections.abc import Sequence

from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.prepare import labels
from priming.tasks.crossfit.registry import entry


def shared_data(source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each source task and target task that are made from the same rows, and what these are called."""
    pairs = ((entry(a), entry(b)) for b in target for a in source)
    return [(a.name, b.name, _rows(a)) for a, b in pairs if _rows(a) == _rows(b)]


def shared_labels(source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Each source task and target task that share labels of two classes or more, and these labels."""
    words = {name: labels(entry(name), ()) or () for name in (*source, *target)}
    pairs = ((a, b, [word for word in words[b] if word in words[a]]) for b in target for a in source)
    return [(a, b, shared) for a, b, shared in pairs if len(shared) > 1]


def _rows(entry: Entry) -> str:
    return entry.rows_of or entry.data
