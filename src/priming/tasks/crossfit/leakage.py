"""Leakage between source and target tasks: shared rows and shared labels."""

from collections.abc import Sequence

from priming.tasks.crossfit.entries import Entry
from priming.tasks.crossfit.prepare import labels
from priming.tasks.crossfit.registry import entry


def overlaps(source: Sequence[str], target: Sequence[str]) -> list[str]:
    """A line for each target task that shares rows or labels with source tasks."""
    data, labelled = shared_data(source, target), shared_labels(source, target)
    lines = []
    for name in target:
        if same := [task for task, other, _ in data if other == name]:
            lines.append(f"same rows: target task {name} and source {', '.join(same)}")
        if alike := [(task, words) for task, other, words in labelled if other == name]:
            words = ", ".join(dict.fromkeys(word for _, shared in alike for word in shared))
            tasks = ", ".join(task for task, _ in alike)
            lines.append(f"same labels ({words}): target task {name} and source {tasks}")
    return lines


def shared_data(source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str, str]]:
    """Each source and target task made from the same rows, with the name of the rows."""
    pairs = ((entry(a), entry(b)) for b in target for a in source)
    return [(a.name, b.name, _rows(a)) for a, b in pairs if _rows(a) == _rows(b)]


def shared_labels(source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Each source and target task that share the labels of two or more classes, with these labels."""
    words = {name: labels(entry(name), ()) or () for name in (*source, *target)}
    pairs = ((a, b, [word for word in words[b] if word in words[a]]) for b in target for a in source)
    return [(a, b, shared) for a, b, shared in pairs if len(shared) > 1]


def _rows(entry: Entry) -> str:
    return entry.rows_of or entry.data
