"""Preparing a task: its rows from their source, samples drawn, the folder written."""

from pathlib import Path
from typing import Any

from priming.study.tasks import Tasks
from priming.tasks.fewshot import ALL, Sample, draw_sample, in_fixed_order
from priming.tasks.prepared import POOL_FILE, SPLITS, sample_file, write_prepared
from priming.tasks.sources.load import load_task
from priming.tasks.task import Example, Part, Task, distinct, label_counts, usual_metric


def prepare(name: str, tasks: Tasks, part: Part, base: Path, out: Path) -> list[str]:
    """Write the prepared folder `out` of the task `name`, and return what the user should know about its rows.

    `base` is the folder of the study file. Raises StudyError, DataError, DiskError.
    """
    task = load_task(name, tasks, base)
    rows = distinct(task.train)
    counts: dict[str, Any] = {"pool": len(task.train), "repeated_in_pool": len(task.train) - len(rows), "test": len(task.test)}
    if part == "source":
        files = {POOL_FILE: in_fixed_order(name, rows, tasks.source_limit)}
        warnings = list(task.notes)
    else:
        samples = _samples(task, tasks)
        files = _sample_files(samples)
        counts["dropped_from_test"] = {str(k): sample.dropped_from_test for k, sample in samples.items()}
        counts["short_classes"] = {str(k): sample.short for k, sample in samples.items() if sample.short}
        warnings = [*task.notes, *_missing_in_test(task), *_short(task, samples, tasks)]
    metric = (tasks.define[name].metric if name in tasks.define else None) or usual_metric(task.kind)
    about = {"name": name, "kind": task.kind, "labels": task.labels, "part": part, "origin": task.origin, "metric": metric, "fidelity": None}
    write_prepared(out, about | {"counts": counts}, files)
    return warnings


def _samples(task: Task, tasks: Tasks) -> dict[int, Sample]:
    return {
        number: draw_sample(task, number, shots=tasks.shots, shots_in_all=tasks.shots_in_all, test_limit=tasks.test_limit) for number in tasks.samples
    }


def _sample_files(samples: dict[int, Sample]) -> dict[str, list[Example]]:
    return {sample_file(number, split): getattr(sample, split) for number, sample in samples.items() for split in SPLITS}


def _missing_in_test(task: Task) -> list[str]:
    """Say which labels no test row has."""
    present = label_counts(task.test)
    absent = [label for label in task.labels or () if label not in present]
    return [f"task {task.name}: no test row is {' or '.join(map(repr, absent))}"] if absent else []


def _short(task: Task, samples: dict[int, Sample], tasks: Tasks) -> list[str]:
    """Say, a line a class, what it gave instead of the shots that were asked for; it is the same in every sample."""
    short = {label: found for sample in samples.values() for label, found in sample.short.items()}
    wanted = tasks.shots if task.kind == "classification" else tasks.shots_in_all
    return [
        f"task {task.name}{'' if label == ALL else f', class {label!r}'}: too few different rows for {wanted} + {wanted}; "
        f"training has {found['train']}, development {found['dev']}"
        for label, found in short.items()
    ]
