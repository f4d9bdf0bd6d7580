"""Preparing one of CrossFit's tasks for a study: its samples drawn, or the rows that priming sees, and the folder written."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.crossfit.draw import Drawn, draw, pool_examples
from priming.tasks.crossfit.entries import Bands, Entry, Words
from priming.tasks.crossfit.lines import as_read, unseen
from priming.tasks.crossfit.registry import entry as entry_of
from priming.tasks.crossfit.source import Source, unexpected_rows
from priming.tasks.fewshot import first_in_fixed_order, in_fixed_order
from priming.tasks.prepared import POOL_FILE, SPLITS, sample_file, write_prepared
from priming.tasks.task import Example, Part, distinct


@dataclass(frozen=True)
class Prepared:
    """What is written of a task: examples by file, counts of rows, and what the user should know."""

    files: dict[str, list[Example]]
    counts: dict[str, Any]
    classes: tuple[str, ...]
    warnings: list[str]


def prepare(name: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out` of a task in the study's fidelity, and return what the user should know about its rows.

    `base` is the folder of the study file. Raises StudyError, DataError, DiskError.
    """
    entry, source = entry_of(name, tasks.fidelity), Source(entry_of(name, tasks.fidelity), tasks.hub_folder, base)
    if part == "source" and tasks.source_rows == "pool":
        made = _pool(entry, source, tasks)
    else:
        drawn = draw(entry, source, tasks.samples, tasks.shots if entry.shots == "per_class" else tasks.shots_in_all)
        made = _drawn_pool(entry, drawn, tasks) if part == "source" else _samples(entry, drawn, tasks)
    about = {
        "name": name,
        "kind": "classification" if entry.shots == "per_class" else "text_to_text",
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
    """Different rows of the pool that samples are drawn from, up to the study's limit."""

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
    """Training and development examples of all samples, one after the other; what several samples drew is there as often."""
    found = [example for sample in drawn.samples.values() for examples in sample for example in examples]
    examples = as_read(found, tasks.fidelity)
    counts = {"pool": drawn.pool, "repeated_in_pool": len(examples) - len(distinct(examples)), "read": drawn.read}
    return Prepared({POOL_FILE: examples}, counts, drawn.classes, unexpected_rows(entry, drawn.read))


def _samples(entry: Entry, drawn: Drawn, tasks: Tasks) -> Prepared:
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
            if not examples:
                raise DataError(f"task {entry.name}, sample {number}: no {split} example is left; ask for fewer shots")
            files[sample_file(number, split)] = examples
        if lacking := _short_classes(entry, train, dev, tasks):
            short[str(number)] = lacking
    dropped = "dropped_from_test" if tasks.fidelity == "fixed" else "in_sample_and_test"
    counts = {"pool": drawn.pool, "test": len(test), "dropped_from_test": dict.fromkeys(shared, 0), dropped: shared, "short_classes": short}
    warnings = [*unexpected_rows(entry, drawn.read), *_said_of_short(entry, short)]
    return Prepared(files, {**counts, "read": drawn.read}, drawn.classes, warnings)


def _short_classes(entry: Entry, train: list[Example], dev: list[Example], tasks: Tasks) -> dict[str, dict[str, int]]:
    """What each class with too few rows gave."""
    if entry.shots == "in_all":
        return {} if len(dev) >= tasks.shots_in_all else {"all": {"train": len(train), "dev": len(dev)}}
    found = [Counter(example.targets[0] for example in part) for part in (train, dev)]
    return {label: {"train": found[0][label], "dev": found[1][label]} for label in found[0] if found[1][label] < tasks.shots}


def _said_of_short(entry: Entry, short: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    classes = {label for lacking in short.values() for label in lacking}
    return [f"task {entry.name}: too few rows of {', '.join(map(repr, sorted(classes)))} for training and development"] if classes else []
