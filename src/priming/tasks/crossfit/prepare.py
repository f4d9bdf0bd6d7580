"""Preparing a CrossFit task for a study: drawing its samples, or the rows for priming, and writing its folder."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from priming.errors import DataError
from priming.forms.rows import Example
from priming.protocol.draws.interface import ALL
from priming.study.tasks import Tasks
from priming.tasks.crossfit.draw import Drawn, draw, pool_examples
from priming.tasks.crossfit.entries import Bands, Entry, Words
from priming.tasks.crossfit.lines import as_read, unseen
from priming.tasks.crossfit.registry import entry as entry_of
from priming.tasks.crossfit.source import Source, unexpected_rows
from priming.tasks.fewshot import Protocol, first_in_fixed_order, in_fixed_order
from priming.tasks.prepared import POOL_FILE, SAMPLED, SPLITS, sample_file, write_prepared
from priming.tasks.task import Part, distinct


@dataclass(frozen=True)
class Prepared:
    """The prepared data of a task: examples by file, counts of rows, and notes for the user."""

    files: dict[str, list[Example]]
    counts: dict[str, Any]
    classes: tuple[str, ...]
    warnings: list[str]


def prepare(name: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out` of a task in the study's fidelity, and return notes on its rows.

    `base` is the folder of the study file. Raises StudyError, DataError, DiskError.
    """
    entry, source = entry_of(name, tasks.fidelity), Source(entry_of(name, tasks.fidelity), tasks.hub_folder, base)
    how = Protocol.of(tasks, entry.shots)
    if part == "source" and tasks.source_rows == "pool":
        made = _pool(entry, source, tasks)
    else:
        if how.dev_set.split:
            raise DataError(f"task {name} has no development split; write tasks.dev_set: drawn, or none")
        drawn = draw(entry, source, tasks.samples, how.size, how.draw, how.dev_set.drawn)
        made = _drawn_pool(entry, drawn, tasks) if part == "source" else _samples(entry, drawn, tasks, how)
    about = {
        "name": name,
        "kind": entry.kind,
        "labels": labels(entry, made.classes),
        "part": part,
        "origin": "crossfit",
        "metric": entry.metric,
        "fidelity": tasks.fidelity,
        "counts": made.counts,
    }
    write_prepared(out, about, made.files)
    return made.warnings


def labels(entry: Entry, classes: tuple[str, ...]) -> tuple[str, ...] | None:
    """What the model chooses between in a task with classes: the words of its entry, or else what occurs."""
    if entry.shots == "in_all":
        return None
    if isinstance(entry.output, Words):
        words = entry.output.words
        return tuple(dict.fromkeys(words.values() if isinstance(words, dict) else words))
    return tuple(band.word for band in entry.output.bands) if isinstance(entry.output, Bands) else classes


def _pool(entry: Entry, source: Source, tasks: Tasks) -> Prepared:
    """Distinct rows of the sampling pool, up to the study's limit."""

    def chosen(size: int) -> "numpy.typing.NDArray[numpy.int64]":
        """The rows of a pool of this size that are wanted."""
        return numpy.asarray(first_in_fixed_order(entry.name, size, tasks.source_limit), dtype=numpy.int64)

    found, size, read = pool_examples(entry, source, chosen)
    examples = as_read(found, tasks.fidelity)
    kept = distinct(examples)
    classes = tuple(sorted({target for example in kept for target in example.targets}))
    counts = {"pool": size, "repeated_in_pool": len(examples) - len(kept), "read": read}
    return Prepared({POOL_FILE: kept}, counts, classes, unexpected_rows(entry, read))


def _drawn_pool(entry: Entry, drawn: Drawn, tasks: Tasks) -> Prepared:
    """Training and development examples of all samples, concatenated, with repetitions."""
    parts = {number: [as_read(part, tasks.fidelity) for part in sample] for number, sample in drawn.samples.items()}
    examples = [example for sample in parts.values() for part in sample for example in part]
    counts = {
        "pool": drawn.pool,
        "repeated_in_pool": len(examples) - len(distinct(examples)),
        "read": drawn.read,
        SAMPLED: [[number, *map(len, sample)] for number, sample in parts.items()],
    }
    return Prepared({POOL_FILE: examples}, counts, drawn.classes, unexpected_rows(entry, drawn.read))


def _samples(entry: Entry, drawn: Drawn, tasks: Tasks, how: Protocol) -> Prepared:
    """All samples with the test set; in the fidelity `fixed` without test rows that occur in the sample."""
    test = in_fixed_order(entry.name, as_read(drawn.test, tasks.fidelity), tasks.test_limit)
    files: dict[str, list[Example]] = {}
    shared: dict[str, int] = {}
    short: dict[str, dict[str, dict[str, int]]] = {}
    for number, (train, dev) in drawn.samples.items():
        parts = [as_read(train, tasks.fidelity), as_read(dev, tasks.fidelity)]
        kept = unseen(test, *parts)
        shared[str(number)] = len(test) - len(kept)
        for split, examples in zip(SPLITS, (*parts, kept if tasks.fidelity == "fixed" else test), strict=True):
            if not examples and (split != "dev" or how.dev_set.there):
                raise DataError(f"task {entry.name}, sample {number}: no {split} example is left; ask for fewer shots")
            files[sample_file(number, split)] = examples
        if lacking := _short_classes(train, dev, how):
            short[str(number)] = lacking
    dropped = "dropped_from_test" if tasks.fidelity == "fixed" else "in_sample_and_test"
    counts = {
        "pool": drawn.pool,
        "test": len(test),
        "dropped_from_test": dict.fromkeys(shared, 0),
        dropped: shared,
        "short_classes": short,
    }
    warnings = [*unexpected_rows(entry, drawn.read), *_said_of_short(entry, short)]
    return Prepared(files, {**counts, "read": drawn.read}, drawn.classes, warnings)


def _short_classes(train: list[Example], dev: list[Example], how: Protocol) -> dict[str, dict[str, int]]:
    """What each class with too few rows gave."""
    trained, developed = (
        Counter(example.targets[0] if how.draw.by_class else ALL for example in part) for part in (train, dev)
    )
    last = developed if how.dev_set.drawn else trained
    least = 0 if how.size is None else how.draw.least(how.size, len(trained))
    lacking = [group for group in trained if last[group] < least]
    return {group: {"train": trained[group], "dev": developed[group]} for group in lacking}


def _said_of_short(entry: Entry, short: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    classes = {label for lacking in short.values() for label in lacking}
    return (
        [f"task {entry.name}: too few rows of {', '.join(map(repr, sorted(classes)))} for training and development"]
        if classes
        else []
    )
